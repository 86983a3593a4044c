// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace {

using mamba::block_format;
using mamba::matrix_view;
using mamba::q4;
using mamba::q8;
using mamba::ternary;
using mamba::kernels::matmul;
using mamba::kernels::output;
using mamba::kernels::packed_matrix;
using mamba::kernels::panel_range;
using mamba::kernels::quantized_buffer;
using test::guarded;

constexpr std::size_t most_tokens = 2 * 8 + 1;  // twice the largest tile, and one

template <class Matrix>
void fill(Matrix& w, test::random& rng) {
  std::vector<float> row(w.in());
  for (std::size_t r = 0; r < w.out(); ++r) {
    for (float& v : row) v = static_cast<float>(rng.normal());
    w.set_row(r, row);
  }
}

/// One output by the formula, in double: Σ over blocks of s_w s_x Σ c_w c_x + m_w s_x Σ c_x, and the size of its terms.
struct exact {
  double y = 0, size = 0;

  template <block_format W>
  exact(quantized_buffer const& x, std::size_t t, packed_matrix<W> const& w, std::size_t o) {
    for (std::size_t b = 0; b < w.blocks(); ++b) {
      std::size_t const input = b * W::block_size;
      auto const& from = w.panel_data(o / 32)[b];
      auto const& with = x.row(t)[input / 32];
      long sum = 0, sum_of_x = 0;
      for (std::size_t k = 0; k < W::block_size; ++k) {
        int const c = with.c[input % 32 + k];
        sum += from.code(o % 32, k) * c;
        sum_of_x += c;
      }
      auto const scale = static_cast<double>(with.scale);
      double const product =
          static_cast<double>(static_cast<float>(from.parameters[0][o % 32])) * scale * static_cast<double>(sum);
      double offset = 0;
      if constexpr (W::has_offset)
        offset =
            static_cast<double>(static_cast<float>(from.parameters[1][o % 32])) * scale * static_cast<double>(sum_of_x);
      y += product + offset;
      size += std::fabs(product) + std::fabs(offset);
    }
  }
};

/// One product of the given sizes, with guards, gaps and misalignment. The bound of the card, with ε/2 for a rounding:
/// a product of scales, a multiply-add (a product and another with an offset) for each block, the bias, the addition.
template <block_format W>
void check_one(test::random& rng, std::size_t tokens, std::size_t in, std::size_t out) {
  guarded<float> x(tokens, in, rng.below(17), rng.below(5));
  x.fill(rng, -2, 2);
  packed_matrix<W> w(out, in);
  fill(w, rng);
  quantized_buffer q(tokens, in);
  q.assign(x.view());
  std::vector<float> bias(rng.below(2) == 0 ? 0 : out);
  rng.fill(std::span(bias), -2, 2);
  std::size_t const columns = rng.below(3) == 0 ? rng.below(out + 1) : out;
  guarded<float> y(tokens, columns, rng.below(17), rng.below(5)), before(tokens, columns);
  bool const add = rng.below(2) == 0;
  y.fill(rng, -2, 2);
  if (add) {
    for (std::size_t t = 0; t < tokens; ++t) std::copy_n(y.view().row(t).begin(), columns, &before(t, 0));
    matmul<output::add>(q, w, std::span<float const>(bias), y.view());
  } else {
    matmul(q, w, std::span<float const>(bias), y.view());
  }
  REQUIRE(y.intact());
  double const roundings = static_cast<double>(6 * w.blocks() + 3) * (mamba::simd::fused ? 1 : 2);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t o = 0; o < columns; ++o) {
      exact const e(q, t, w, o);
      double const b = bias.empty() ? 0 : static_cast<double>(bias[o]);
      auto const was = static_cast<double>(before(t, o));
      double const off = std::fabs(static_cast<double>(y(t, o)) - (e.y + b + was));
      REQUIRE(off <= roundings * 0x1p-24 * (e.size + std::fabs(b) + std::fabs(was)));
    }
  }
}

template <block_format W>
void check_sizes() {
  test::random rng(W::bits);
  for (std::size_t tokens = 0; tokens <= most_tokens; ++tokens) {
    for (std::size_t const in : {0U, 1U, 31U, 33U, 96U}) {
      for (std::size_t const out : {1U, 31U, 32U, 33U, 100U}) check_one<W>(rng, tokens, in, out);
    }
  }
  for (int round = 0; round < 100; ++round) {
    check_one<W>(rng, rng.below(most_tokens), rng.below(300), rng.below(130));
  }
}

/// The same rows alone, among others and with any number of threads.
template <block_format W>
void check_partitions() {
  test::random rng(20 + W::bits);
  constexpr std::size_t in = 200, out = 150;
  packed_matrix<W> w(out, in);
  fill(w, rng);
  guarded<float> x(most_tokens, in), alone(most_tokens, out);
  x.fill(rng, -2, 2);
  std::vector<float> bias(out);
  rng.fill(std::span(bias), -1, 1);
  quantized_buffer q(most_tokens, in);
  for (std::size_t t = 0; t < most_tokens; ++t) {
    q.assign(x.view().rows(t, 1));
    matmul(q, w, std::span<float const>(bias), alone.view().rows(t, 1));
  }
  test::all_work_shared const shared;
  for (int const threads : {1, 2, 3}) {
    mamba::parallel::set_thread_count(threads);
    for (std::size_t count = 1; count <= most_tokens; ++count) {
      guarded<float> y(count, out);
      q.assign(x.view().rows(0, count));
      matmul(q, w, std::span<float const>(bias), y.view());
      CHECK(test::same_rows(y.view(), matrix_view<float>(alone.view().rows(0, count))));
    }
  }
}

/// Every cut of the panels into three ranges, the last of them first.
template <block_format W, output Mode>
void check_ranges() {
  test::random rng(40 + W::bits);
  for (std::size_t const columns : {1U, 64U, 130U}) {
    std::size_t const in = 1 + rng.below(100);
    packed_matrix<W> w(columns + rng.below(32), in);  // some outputs that are not computed
    fill(w, rng);
    std::vector<float> bias(columns);
    rng.fill(std::span(bias), -2, 2);
    for (std::size_t const tokens : {1U, 9U}) {
      guarded<float> x(tokens, in), before(tokens, columns, rng.below(16), rng.below(9));
      x.fill(rng, -2, 2);
      before.fill(rng, -2, 2);
      quantized_buffer q(tokens, in);
      q.assign(x.view());
      auto const multiply = [&](guarded<float>& y, auto... part) {
        matmul<Mode>(q, w, std::span<float const>(bias), y.view(), part...);
      };
      auto whole = before;
      multiply(whole);
      std::size_t const panels = w.panels_of(columns);
      for (std::size_t first = 0; first <= panels; ++first) {
        for (std::size_t last = first; last <= panels; ++last) {
          auto y = before;
          multiply(y, panel_range{first, last});
          REQUIRE(y.intact());
          std::size_t const begin = std::min(first * 32, columns), end = std::min(last * 32, columns);
          auto const same = [&](guarded<float>& other, std::size_t from, std::size_t to) {
            return test::same_rows(matrix_view<float>(y.view()).columns(from, to - from),
                                   matrix_view<float>(other.view()).columns(from, to - from));
          };
          REQUIRE(same(before, 0, begin));
          REQUIRE(same(whole, begin, end));
          REQUIRE(same(before, end, columns));
          multiply(y, panel_range{last, panels});
          multiply(y, panel_range{0, first});
          REQUIRE(same(whole, 0, columns));
          REQUIRE(y.intact());
        }
      }
      auto y = before;
      CHECK_THROWS_AS(multiply(y, panel_range{0, panels + 1}), mamba::contract_violation);
      CHECK_THROWS_AS(multiply(y, panel_range{panels, panels + 1}), mamba::contract_violation);
      CHECK(test::same_rows(y.view(), before.view()));
    }
  }
}

template <block_format W>
void check_no_number() {
  test::random rng(30 + W::bits);
  constexpr std::size_t tokens = 9, in = 70, out = 41;
  for (float const bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    packed_matrix<W> w(out, in);
    fill(w, rng);
    guarded<float> x(tokens, in), clean(tokens, out), y(tokens, out);
    x.fill(rng, 1, 2);
    quantized_buffer q(tokens, in);
    q.assign(x.view());
    matmul(q, w, std::span<float const>{}, clean.view());
    x(4, 3) = bad;
    q.assign(x.view());
    std::vector<float> row(in);
    w.get_row(17, row);
    row[0] = bad;
    w.set_row(17, row);
    matmul(q, w, std::span<float const>{}, y.view());
    for (std::size_t t = 0; t < tokens; ++t) {
      for (std::size_t o = 0; o < out; ++o) {
        if (t == 4 || o == 17) {
          CHECK_FALSE(std::isfinite(y(t, o)));
        } else {
          CHECK(test::same_bits(std::span(&y(t, o), 1), std::span(&clean(t, o), 1)));
        }
      }
    }
  }
}

template <block_format W>
void check_the_rest() {
  test::random a(9), b(9);
  packed_matrix<W, 37, 40> fixed;
  packed_matrix<W> run(37, 40);
  fill(fixed, a);
  fill(run, b);
  guarded<float> x(7, 40), y(7, 37), z(7, 37), narrow(7, 36), wide(7, 38), tall(8, 37);
  x.fill(a, -2, 2);
  quantized_buffer q(7, 40);
  q.assign(x.view());
  std::span<float const> const none;
  matmul(q, fixed, none, y.view());
  matmul(q, run, none, z.view());
  CHECK(test::same_rows(y.view(), z.view()));
  CHECK_NOTHROW(matmul(q, run, none, narrow.view()));
  CHECK_THROWS_AS(matmul(q, run, none, wide.view()), mamba::contract_violation);
  CHECK_THROWS_AS(matmul(q, run, none, tall.view()), mamba::contract_violation);
  guarded<float> other(7, 33);  // as many blocks, but another matrix
  q.assign(other.view());
  CHECK_THROWS_AS(matmul(q, run, none, y.view()), mamba::contract_violation);
  q.assign(x.view().rows(0, 6));
  CHECK_THROWS_AS(matmul(q, run, none, y.view()), mamba::contract_violation);
  q.assign(x.view());
  std::vector<float> const bias(36);
  CHECK_THROWS_AS(matmul(q, run, std::span<float const>(bias), y.view()), mamba::contract_violation);
}

}  // namespace

TEST_CASE("quantized matmul: the formula in double, every number of tokens, sizes that divide nothing") {
  check_sizes<q8>();
  check_sizes<q4>();
  check_sizes<ternary>();
}

TEST_CASE("quantized matmul: the same bits for a token alone, among others, and with any number of threads") {
  check_partitions<q8>();
  check_partitions<q4>();
  check_partitions<ternary>();
}

TEST_CASE("quantized matmul: ranges of panels have the bits of the whole and leave other columns alone") {
  check_ranges<q8, output::assign>();
  check_ranges<q4, output::assign>();
  check_ranges<q4, output::add>();
  check_ranges<ternary, output::add>();
}

TEST_CASE("quantized matmul: NaN and infinity stay in their row of x and their row of W") {
  check_no_number<q8>();
  check_no_number<q4>();
  check_no_number<ternary>();
}

TEST_CASE("quantized matmul: static and dynamic extents give the same bits; contracts") {
  check_the_rest<q8>();
  check_the_rest<q4>();
  check_the_rest<ternary>();
}

TEST_CASE("quantized matmul: 8 bits on both sides come within 1 % of the product in floats") {
  test::random rng(50);
  constexpr std::size_t in = 768, out = 64;
  packed_matrix<q8> w(out, in);
  packed_matrix<float> plain(out, in);
  std::vector<float> row(in);
  for (std::size_t r = 0; r < out; ++r) {
    for (float& v : row) v = static_cast<float>(rng.normal());
    w.set_row(r, row);
    plain.set_row(r, row);
  }
  guarded<float> x(1, in), y(1, out), z(1, out);
  for (std::size_t k = 0; k < in; ++k) x(0, k) = static_cast<float>(rng.normal());
  quantized_buffer q(1, in);
  q.assign(x.view());
  matmul(q, w, std::span<float const>{}, y.view());
  matmul(matrix_view<float const>(x.view()), plain, std::span<float const>{}, z.view());
  double off = 0, size = 0;
  for (std::size_t o = 0; o < out; ++o) {
    off += std::pow(static_cast<double>(y(0, o) - z(0, o)), 2);
    size += std::pow(static_cast<double>(z(0, o)), 2);
  }
  MESSAGE("relative distance: " << std::sqrt(off / size));
  CHECK(std::sqrt(off / size) < 0.01);
}

namespace {

/// Every product of the extreme integers of weights and activations, in every combination of signs along a block: the
/// integer sums, with scales of 1, are exact in float and must come out to the last unit. (Sums of 16 bits would
/// saturate or wrap here.)
template <block_format W>
void check_saturation() {
  constexpr std::size_t in = 3 * 32, out = 33;
  constexpr int weight_cases = 4, value_cases = 5;
  for (int wc = 0; wc < weight_cases; ++wc) {
    packed_matrix<W> w(out, in);
    std::vector<typename packed_matrix<W>::block> blocks(w.panels() * w.blocks());
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      for (std::size_t o = 0; o < 32; ++o) {
        blocks[i].parameters[0][o] = mamba::bfloat16(1.0F);
        if constexpr (W::has_offset) blocks[i].parameters[1][o] = mamba::bfloat16(0.0F);
        for (std::size_t k = 0; k < W::block_size; ++k) {
          bool const low = wc == 0 || (wc == 2 && k % 2 == 0) || (wc == 3 && (k + o) % 3 == 0);
          blocks[i].set_code(o, k, low ? W::lowest : W::highest);
        }
      }
    }
    std::copy(blocks.begin(), blocks.end(), w.storage().writable());
    for (int xc = 0; xc < value_cases; ++xc) {
      for (std::size_t const tokens : {1U, 2U, 4U, 9U}) {
        guarded<float> x(tokens, in), y(tokens, out);
        for (std::size_t t = 0; t < tokens; ++t) {
          for (std::size_t k = 0; k < in; ++k) {
            bool const low =
                xc == 0 || (xc == 2 && k % 2 == 0) || (xc == 3 && (k + t) % 3 == 0) || (xc == 4 && k % 4 < 2);
            x(t, k) = low ? -127.0F : 127.0F;
          }
        }
        quantized_buffer q(tokens, in);
        q.assign(x.view());
        matmul(q, w, std::span<float const>{}, y.view());
        for (std::size_t t = 0; t < tokens; ++t) {
          for (std::size_t o = 0; o < out; ++o) {
            long sum = 0;
            for (std::size_t k = 0; k < in; ++k) {
              sum +=
                  w.panel_data(o / 32)[k / W::block_size].code(o % 32, k % W::block_size) * static_cast<long>(x(t, k));
            }
            REQUIRE(y(t, o) == static_cast<float>(sum));
          }
        }
      }
    }
  }
}

/// Formats that the library does not have: blocks of 16 in 8 bits, of 8, of 16 in 4 bits with an offset.
struct q8_fine {
  static constexpr std::size_t block_size = 16, bits = 8;
  static constexpr int lowest = -127, highest = 127;
  static constexpr bool has_offset = false;
};
struct q8_finest {
  static constexpr std::size_t block_size = 8, bits = 8;
  static constexpr int lowest = -127, highest = 127;
  static constexpr bool has_offset = false;
};
struct q4_fine {
  static constexpr std::size_t block_size = 16, bits = 4;
  static constexpr int lowest = -8, highest = 7;
  static constexpr bool has_offset = true;
};

/// Root mean square of what is lost of normal weights.
template <block_format W>
double lost() {
  test::random rng(77);
  packed_matrix<W> w(20, 640);
  std::vector<float> row(640), back(640);
  double sum = 0;
  for (std::size_t r = 0; r < 20; ++r) {
    for (float& v : row) v = static_cast<float>(rng.normal());
    w.set_row(r, row);
    w.get_row(r, back);
    for (std::size_t k = 0; k < row.size(); ++k) sum += std::pow(static_cast<double>(back[k] - row[k]), 2);
  }
  return std::sqrt(sum / (20 * 640));
}

}  // namespace

TEST_CASE("quantized matmul: extreme weights by extreme activations, all signs, exactly") {
  check_saturation<q8>();
  check_saturation<q4>();
  check_saturation<ternary>();
  check_saturation<q8_fine>();
  check_saturation<q4_fine>();
}

TEST_CASE("quantized matmul: a format defined here is multiplied as the library's own are") {
  test::random rng(60);
  for (int round = 0; round < 40; ++round) {
    check_one<q8_fine>(rng, 1 + rng.below(most_tokens), rng.below(200), rng.below(100) + 1);
    check_one<q8_finest>(rng, 1 + rng.below(most_tokens), rng.below(200), rng.below(100) + 1);
    check_one<q4_fine>(rng, 1 + rng.below(most_tokens), rng.below(200), rng.below(100) + 1);
  }
  check_partitions<q8_fine>();
  check_partitions<q4_fine>();
  check_no_number<q8_fine>();
  CHECK(mamba::bits_per_weight<q8_fine> == 9);
  CHECK(mamba::bits_per_weight<q4> == 5);
  CHECK(packed_matrix<q8_fine>(32, 32).bytes() * 8 == 9 * 32 * 32);
  CHECK(lost<q8_fine>() < lost<q8>());
  CHECK(lost<q4_fine>() < lost<q4>());
}
