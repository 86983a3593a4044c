// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/gemm/matmul.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using mamba::bfloat16;
using mamba::float16;
using mamba::matrix_view;
using mamba::kernels::arithmetic;
using mamba::kernels::matmul;
using mamba::kernels::output;
using mamba::kernels::packed_matrix;
using mamba::kernels::panel_range;
using test::guarded;

constexpr std::size_t most_tokens = 2 * 12 + 1;  // twice the largest tile, and one

template <class Matrix>
void fill(Matrix& w, test::random& rng) {
  std::vector<typename Matrix::scalar> row(w.in());
  for (std::size_t r = 0; r < w.out(); ++r) {
    rng.fill(std::span(row), -2, 2);
    w.set_row(r, row);
  }
}

/// y + x Wᵀ + b by two plain loops, in a type as wide as there is, and Σ|x||W| + |b| + |y|.
template <class W>
struct exact {
  using T = arithmetic<W>;
  using wide = std::conditional_t<std::is_same_v<T, float>, double, long double>;
  std::vector<wide> y, size;

  exact(matrix_view<T const> x, packed_matrix<W> const& w, std::span<T const> bias, matrix_view<T const> before) {
    std::vector<T> row(w.in());
    std::size_t const columns = before.extent(1);
    y.resize(x.extent(0) * columns);
    size.resize(y.size());
    for (std::size_t o = 0; o < columns; ++o) {
      w.get_row(o, row);
      for (std::size_t t = 0; t < x.extent(0); ++t) {
        wide sum = static_cast<wide>(before(t, o)), most = std::fabs(sum);
        if (!bias.empty()) {
          sum += static_cast<wide>(bias[o]);
          most += std::fabs(static_cast<wide>(bias[o]));
        }
        T const* const x_t = x.row(t).data();
        for (std::size_t k = 0; k < row.size(); ++k) {
          wide const term = static_cast<wide>(x_t[k]) * static_cast<wide>(row[k]);
          sum += term;
          most += std::fabs(term);
        }
        y[t * columns + o] = sum;
        size[t * columns + o] = most;
      }
    }
  }
};

/// One product of the given sizes, with guards, gaps and misalignment everywhere. Returns |error| / bound, at most.
///
/// The bound: one rounding for each of the `in` multiply-adds (two where nothing is fused), one for the bias, one for
/// the addition to y; each at most ε/2 of Σ|x||W| + |b| + |y|, and 1 % for products of roundings.
template <class W>
double check_one(test::random& rng, std::size_t tokens, std::size_t in, std::size_t out) {
  using T = arithmetic<W>;
  guarded<T> x(tokens, in, rng.below(17), rng.below(5));
  x.fill(rng, -2, 2);
  packed_matrix<W> w(out, in);
  fill(w, rng);
  std::vector<T> bias(rng.below(2) == 0 ? 0 : out);
  rng.fill(std::span(bias), -2, 2);
  std::size_t const columns = rng.below(3) == 0 ? rng.below(out + 1) : out;
  guarded<T> y(tokens, columns, rng.below(17), rng.below(5));
  guarded<T> before(tokens, columns);
  bool const add = rng.below(2) == 0;
  y.fill(rng, -2, 2);
  if (add) {
    for (std::size_t t = 0; t < tokens; ++t) std::copy_n(y.view().row(t).begin(), columns, &before(t, 0));
    matmul<output::add>(x.view(), w, std::span<T const>(bias), y.view());
  } else {
    matmul(x.view(), w, std::span<T const>(bias), y.view());
  }
  REQUIRE(y.intact());
  exact<W> const e(x.view(), w, bias, before.view());
  double const roundings = static_cast<double>(mamba::simd::fused ? in : 2 * in) + 2;
  double const unit = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2 * 1.01;
  double worst = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t o = 0; o < columns; ++o) {
      auto const i = t * columns + o;
      double const off = static_cast<double>(std::fabs(static_cast<typename exact<W>::wide>(y(t, o)) - e.y[i]));
      double const allowed = roundings * unit * static_cast<double>(e.size[i]);
      if (!(off <= allowed)) {
        CAPTURE(tokens);
        CAPTURE(in);
        CAPTURE(out);
        CAPTURE(t);
        CAPTURE(o);
        REQUIRE(off <= allowed);
      }
      if (allowed > 0) worst = std::max(worst, off / allowed);
    }
  }
  return worst;
}

template <class W>
void check_sizes(std::string const& name) {
  constexpr std::size_t P = packed_matrix<W>::panel;
  test::random rng(sizeof(W));
  double worst = 0;
  // Every inner size with every outer size; the number of tokens is drawn, small ones often.
  for (std::size_t in = 0; in <= 70; ++in) {
    for (std::size_t out = 1; out <= 3 * P + 1; ++out) {
      std::size_t const tokens = rng.below(3) == 0 ? rng.below(most_tokens + 1) : 1 + rng.below(3);
      worst = std::max(worst, check_one<W>(rng, tokens, in, out));
    }
  }
  // Every number of tokens.
  for (std::size_t tokens = 0; tokens <= most_tokens; ++tokens) {
    for (std::size_t const out : {std::size_t{1}, P - 1, P + 3, 5 * P}) {
      worst = std::max(worst, check_one<W>(rng, tokens, 13, out));
    }
  }
  MESSAGE(name, ": at most ", worst, " of the bound");
}

TEST_CASE("matmul: float against plain loops, all awkward sizes") { check_sizes<float>("float"); }
TEST_CASE("matmul: double against plain loops, all awkward sizes") { check_sizes<double>("double"); }
TEST_CASE("matmul: bfloat16 against plain loops, all awkward sizes") { check_sizes<bfloat16>("bfloat16"); }
TEST_CASE("matmul: float16 against plain loops, all awkward sizes") { check_sizes<float16>("float16"); }

template <class W>
void check_partition() {
  using T = arithmetic<W>;
  constexpr std::size_t P = packed_matrix<W>::panel;
  test::random rng(7);
  for (std::size_t const out : {std::size_t{1}, P, 4 * P, 5 * P + 3}) {
    std::size_t const in = 1 + rng.below(60);
    packed_matrix<W> w(out, in);
    fill(w, rng);
    std::vector<T> bias(out);
    rng.fill(std::span(bias), -2, 2);
    guarded<T> x(most_tokens, in), whole(most_tokens, out);
    x.fill(rng, -2, 2);
    matmul(x.view(), w, std::span<T const>(bias), whole.view());
    for (std::size_t count = 1; count <= most_tokens; ++count) {
      for (std::size_t first = 0; first + count <= most_tokens; first += 1 + rng.below(4)) {
        guarded<T> moved(count, in, rng.below(16), rng.below(9)), y(count, out, rng.below(16), rng.below(9));
        for (std::size_t t = 0; t < count; ++t) std::copy_n(&x(first + t, 0), in, &moved(t, 0));
        matmul(moved.view(), w, std::span<T const>(bias), y.view());
        REQUIRE(test::same_rows(y.view(), whole.view().rows(first, count)));
        REQUIRE(y.intact());
      }
    }
    // Fewer columns are the first columns, whatever part of a panel that cuts off.
    for (std::size_t columns = 0; columns <= out; columns += 1 + rng.below(5)) {
      for (std::size_t const tokens : {std::size_t{1}, most_tokens}) {
        guarded<T> y(tokens, columns);
        matmul(matrix_view<T>(x.view().rows(0, tokens)), w, std::span<T const>(bias), y.view());
        REQUIRE(test::same_rows(y.view(), matrix_view<T>(whole.view().rows(0, tokens)).columns(0, columns)));
        REQUIRE(y.intact());
      }
    }
  }
}

TEST_CASE("matmul: the same bits for any tokens at a time, any misalignment, any number of columns") {
  check_partition<float>();
  check_partition<double>();
  check_partition<bfloat16>();
  check_partition<float16>();
}

TEST_CASE("matmul: the same bits with 1, 2 and 3 threads") {
  test::random rng(8);
  for (std::size_t const tokens : {std::size_t{1}, std::size_t{3}, most_tokens}) {
    constexpr std::size_t in = 420;
    constexpr std::size_t out = 77;
    packed_matrix<float> w(out, in);
    fill(w, rng);
    guarded<float> x(tokens, in), alone(tokens, out);
    x.fill(rng, -2, 2);
    test::all_work_shared const shared;
    mamba::parallel::set_thread_count(1);
    matmul(x.view(), w, std::span<float const>{}, alone.view());
    for (int const count : {2, 3}) {
      mamba::parallel::set_thread_count(count);
      guarded<float> y(tokens, out);
      matmul(x.view(), w, std::span<float const>{}, y.view());
      CHECK(test::same_rows(y.view(), alone.view()));
      CHECK(y.intact());
    }
  }
}

/// Every cut of the panels into three ranges, the last of them first.
template <class W, output Mode>
void check_ranges() {
  using T = arithmetic<W>;
  constexpr std::size_t P = packed_matrix<W>::panel;
  test::random rng(11);
  for (std::size_t const columns : {std::size_t{1}, 4 * P, 6 * P - 3}) {
    std::size_t const in = 1 + rng.below(60);
    packed_matrix<W> w(columns + rng.below(P), in);  // some outputs that nobody asks for
    fill(w, rng);
    std::vector<T> bias(columns);
    rng.fill(std::span(bias), -2, 2);
    for (std::size_t const tokens : {std::size_t{1}, std::size_t{5}}) {
      guarded<T> x(tokens, in), before(tokens, columns, rng.below(16), rng.below(9));
      x.fill(rng, -2, 2);
      before.fill(rng, -2, 2);
      auto const multiply = [&](guarded<T>& y, auto... part) {
        matmul<Mode>(x.view(), w, std::span<T const>(bias), y.view(), part...);
      };
      auto whole = before;
      multiply(whole);
      std::size_t const panels = w.panels_of(columns);
      for (std::size_t first = 0; first <= panels; ++first) {
        for (std::size_t last = first; last <= panels; ++last) {
          auto y = before;
          multiply(y, panel_range{first, last});
          REQUIRE(y.intact());
          std::size_t const begin = std::min(first * P, columns), end = std::min(last * P, columns);
          auto const same = [&](guarded<T>& other, std::size_t from, std::size_t to) {
            return test::same_rows(matrix_view<T>(y.view()).columns(from, to - from),
                                   matrix_view<T>(other.view()).columns(from, to - from));
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

TEST_CASE("matmul: ranges of panels have the bits of the whole and leave other columns alone") {
  check_ranges<float, output::assign>();
  check_ranges<float, output::add>();
  check_ranges<double, output::assign>();
  check_ranges<bfloat16, output::add>();
  check_ranges<float16, output::assign>();
}

/// More columns and more tokens than are taken at a time, or just as many: each token as it is alone, with one thread
/// and with three.
template <class W>
void check_blocks(std::size_t tokens, std::size_t in) {
  constexpr std::size_t P = packed_matrix<W>::panel;
  constexpr std::size_t out = 2 * P + 7, columns = out - 3;
  CAPTURE(tokens);
  CAPTURE(in);
  test::random rng(12);
  packed_matrix<W> w(out, in);
  fill(w, rng);
  std::vector<float> bias(out);
  rng.fill(std::span(bias), -2, 2);
  guarded<float> x(tokens, in, 3, 5), before(tokens, columns, 1, 2);
  x.fill(rng, -1, 1);
  before.fill(rng, -2, 2);
  auto alone = before;
  for (std::size_t t = 0; t < tokens; ++t) {
    matmul<output::add>(x.view().rows(t, 1), w, std::span<float const>(bias), alone.view().rows(t, 1));
  }
  test::all_work_shared const shared;
  for (int const threads : {1, 3}) {
    mamba::parallel::set_thread_count(threads);
    auto y = before;
    matmul<output::add>(x.view(), w, std::span<float const>(bias), y.view());
    CHECK(y.intact());
    CHECK(test::same_rows(y.view(), alone.view()));
  }
}

/// Around every border between one way to multiply and the next, for whichever registers this is compiled.
template <class W>
void check_all_blocks() {
  namespace blocking = mamba::kernels::blocking;
  constexpr bool narrow = sizeof(W) < sizeof(float);
  constexpr std::size_t kc = blocking::kc<narrow>;
  for (std::size_t const most : {blocking::mr, blocking::small_m, blocking::mc<narrow>}) {
    for (std::size_t const tokens : {most, most + 1}) {
      for (std::size_t const in : {0U, 13U, 150U}) check_blocks<W>(tokens, in);
    }
  }
  for (std::size_t const in : {kc - 1, kc, kc + 1, 2 * kc + 65}) {
    for (std::size_t const tokens : {blocking::small_m, std::size_t{110}}) check_blocks<W>(tokens, in);
  }
}

TEST_CASE("matmul: blocks of columns and of tokens change no bit") {
  check_all_blocks<float>();
  check_all_blocks<bfloat16>();
  check_all_blocks<float16>();
}

TEST_CASE("matmul: static and dynamic extents give the same bits") {
  packed_matrix<float, 37, 19> fixed;
  packed_matrix<float> run(37, 19);
  test::random a(9), b(9);
  fill(fixed, a);
  fill(run, b);
  guarded<float> x(7, 19), y(7, 37), z(7, 37);
  x.fill(a, -2, 2);
  for (std::size_t const tokens : {1U, 7U}) {
    matmul(matrix_view<float>(x.view().rows(0, tokens)), fixed, std::span<float const>{}, y.view().rows(0, tokens));
    matmul(matrix_view<float>(x.view().rows(0, tokens)), run, std::span<float const>{}, z.view().rows(0, tokens));
    CHECK(test::same_rows(y.view(), z.view()));
  }
}

TEST_CASE("matmul: NaN and infinity stay in their row of x and their row of W") {
  test::random rng(10);
  constexpr std::size_t tokens = 9, in = 11, out = 41;
  for (float const bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    packed_matrix<float> w(out, in);
    fill(w, rng);
    guarded<float> x(tokens, in), clean(tokens, out), y(tokens, out);
    x.fill(rng, 1, 2);
    matmul(x.view(), w, std::span<float const>{}, clean.view());
    x(4, 3) = bad;
    std::vector<float> row(in);
    w.get_row(17, row);
    row[0] = bad;
    w.set_row(17, row);
    matmul(x.view(), w, std::span<float const>{}, y.view());
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

TEST_CASE("matmul: y + 0 is y, and no input at all is the bias") {
  packed_matrix<double> w(3, 0);
  guarded<double> x(2, 0), y(2, 3);
  std::vector<double> const bias{1, 2, 3};
  matmul(x.view(), w, std::span<double const>(bias), y.view());
  CHECK(y(1, 2) == 3);
  matmul<output::add>(x.view(), w, std::span<double const>{}, y.view());
  CHECK(y(1, 2) == 3);
  matmul(x.view(), w, std::span<double const>{}, y.view());
  CHECK(y(1, 2) == 0);
}

TEST_CASE("matmul: contracts") {
  packed_matrix<float> const w(5, 3);
  std::vector<float> const bias(4);
  guarded<float> x(2, 3), narrow(2, 2), y(2, 5), wide(2, 6), tall(3, 5);
  std::span<float const> const none;
  CHECK_NOTHROW(matmul(x.view(), w, none, y.view()));
  CHECK_THROWS_AS(matmul(narrow.view(), w, none, y.view()), mamba::contract_violation);
  CHECK_THROWS_AS(matmul(x.view(), w, none, wide.view()), mamba::contract_violation);
  CHECK_THROWS_AS(matmul(x.view(), w, none, tall.view()), mamba::contract_violation);
  CHECK_THROWS_AS(matmul(x.view(), w, std::span<float const>(bias), y.view()), mamba::contract_violation);
}

}  // namespace
