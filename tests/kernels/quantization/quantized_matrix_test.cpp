// SPDX-License-Identifier: MIT
#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/kernels/quantization/quantized_matrix.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t block_size = 32;  // of all formats here

using mamba::dynamic;
using mamba::heap_storage;
using mamba::q4;
using mamba::q8;
using mamba::ternary;
using mamba::kernels::arithmetic;
using mamba::kernels::packed_matrix;
using mamba::kernels::weight_block;

static_assert(std::is_same_v<arithmetic<q8>, float> && std::is_same_v<arithmetic<ternary>, float>);
static_assert(sizeof(weight_block<q8>) == 1024 + 64);      // 8.5 bits a number
static_assert(sizeof(weight_block<q4>) == 512 + 128);      // 5
static_assert(sizeof(weight_block<ternary>) == 256 + 64);  // 2.5
static_assert(std::is_trivially_copyable_v<weight_block<q4>>);

std::vector<std::vector<float>> random_rows(test::random& rng, std::size_t out, std::size_t in) {
  std::vector<std::vector<float>> rows(out, std::vector<float>(in));
  for (auto& row : rows) {
    for (float& v : row) v = static_cast<float>(rng.normal());
  }
  return rows;
}

/// A row must come back as the fit of its blocks rounds it, from any place of the matrix.
template <class W>
void check_round_trip() {
  test::random rng(W::bits);
  for (std::size_t const out : {0U, 1U, 31U, 32U, 33U, 97U}) {
    for (std::size_t const in : {0U, 1U, 31U, 32U, 33U, 48U, 64U, 600U}) {
      packed_matrix<W> m(out, in);
      CHECK(m.out() == out);
      CHECK(m.in() == in);
      CHECK(m.panels() == (out + 31) / 32);
      CHECK(m.blocks() == (in + 31) / 32);
      CHECK(m.bytes() == m.panels() * m.blocks() * sizeof(weight_block<W>));
      auto const rows = random_rows(rng, out, in);
      for (std::size_t r = out; r-- > 0;) m.set_row(r, rows[r]);
      std::vector<float> back(in);
      for (std::size_t r = 0; r < out; ++r) {
        m.get_row(r, back);
        for (std::size_t first = 0; first < in; first += block_size) {
          float w[block_size];
          std::size_t const n = std::min(block_size, in - first);
          for (std::size_t k = 0; k < block_size; ++k) w[k] = rows[r][first + k % n];  // as the card says
          auto const fitted = mamba::kernels::fit<W>(w);
          for (std::size_t k = 0; k < n; ++k) {
            float const code = mamba::kernels::code_of<W>(w[k], fitted);
            REQUIRE(back[first + k] == mamba::simd::fma(fitted.scale, code, fitted.offset));
            // The layout of the head comment.
            auto const& block = m.panel_data(r / 32)[first / 32];
            std::size_t const near = 32 * W::bits / 8;
            std::uint8_t const byte = block.codes[k % near / 4][r % 32][k % 4];
            int const bits = (byte >> (k / near * W::bits)) & ((1 << W::bits) - 1);
            int const expected = static_cast<int>(code) - (W::bits < 8 ? W::lowest : 0);
            REQUIRE(bits == (expected & ((1 << W::bits) - 1)));
          }
        }
      }
      if (!m.empty()) CHECK(reinterpret_cast<std::uintptr_t>(m.panel_data(0)) % 64 == 0);
    }
  }
}

template <class W>
void check_rows_are_apart() {
  test::random rng(9);
  packed_matrix<W> m(70, 50);
  auto const rows = random_rows(rng, 70, 50);
  for (std::size_t r = 0; r < 70; ++r) m.set_row(r, rows[r]);
  auto const before = m;
  auto const other = random_rows(rng, 1, 50);
  m.set_row(33, other[0]);
  packed_matrix<W> alone(1, 50);
  alone.set_row(0, other[0]);
  std::vector<float> a(50), b(50);
  for (std::size_t r = 0; r < 70; ++r) {
    m.get_row(r, a);
    r == 33 ? alone.get_row(0, b) : before.get_row(r, b);
    CHECK(test::same_bits(a, b));
  }
}

template <class W>
void check_no_number() {
  for (float const bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::max(), -3e38F, 0x1.1p100F}) {
    packed_matrix<W> m(2, 70);
    std::vector<float> row(70, 1), back(70);
    m.set_row(1, row);
    row[40] = bad;
    m.set_row(0, row);
    m.get_row(0, back);
    for (std::size_t k = 0; k < 70; ++k) CHECK(std::isnan(back[k]) == (k / 32 == 1));
    m.get_row(1, back);
    for (float const v : back) CHECK(std::fabs(v - 1) < 0.01F);
  }
}

template <class W>
void check_the_rest() {
  packed_matrix<W, 37, 19> fixed;
  packed_matrix<W> run(37, 19);
  test::random rng(4);
  auto const rows = random_rows(rng, 37, 19);
  for (std::size_t r = 0; r < 37; ++r) fixed.set_row(r, rows[r]), run.set_row(r, rows[r]);
  CHECK(fixed.bytes() == run.bytes());
  CHECK(std::memcmp(fixed.panel_data(0), run.panel_data(0), run.bytes()) == 0);
  CHECK(packed_matrix<W>().empty());
  std::vector<float> few(18), enough(19);
  CHECK_THROWS_AS(run.set_row(37, enough), mamba::contract_violation);
  CHECK_THROWS_AS(run.get_row(37, enough), mamba::contract_violation);
  CHECK_THROWS_AS(run.set_row(0, few), mamba::contract_violation);
  CHECK_THROWS_AS(run.get_row(0, few), mamba::contract_violation);
  std::size_t volatile const at_run_time = std::size_t{1} << (sizeof(std::size_t) * 4);
  std::size_t const half_word = at_run_time;
  CHECK_THROWS_AS((packed_matrix<W>(half_word * 8, half_word)), std::bad_alloc);
}

/// The blocks of a matrix, to be borrowed.
template <class W>
std::shared_ptr<heap_storage<weight_block<W>>> kept_blocks(packed_matrix<W> const& m) {
  auto kept = std::make_shared<heap_storage<weight_block<W>>>(m.bytes() / sizeof(weight_block<W>));
  std::copy_n(m.panel_data(0), kept->size(), kept->data());
  return kept;
}

template <class W>
std::vector<float> all_rows(packed_matrix<W> const& m) {
  std::vector<float> all(m.out() * m.in());
  for (std::size_t r = 0; r < m.out(); ++r) m.get_row(r, std::span(all).subspan(r * m.in(), m.in()));
  return all;
}

template <class W>
void check_borrowed() {
  test::random rng(5);
  packed_matrix<W> own(70, 50);
  auto const rows = random_rows(rng, 70, 50);
  for (std::size_t r = 0; r < 70; ++r) own.set_row(r, rows[r]);
  auto kept = kept_blocks(own);
  std::weak_ptr<void const> const watched = kept;
  std::span<weight_block<W> const> const blocks(kept->data(), kept->size());
  packed_matrix<W> copy;
  {
    packed_matrix<W> m(70, 50);
    CHECK_FALSE(m.borrowed());
    m.borrow(blocks, kept);
    kept.reset();
    CHECK(m.borrowed());
    CHECK(m.bytes() == own.bytes());
    CHECK_FALSE(m.empty());
    CHECK(m.panel_data(0) == blocks.data());
    CHECK(test::same_bits(all_rows(m), all_rows(own)));
    CHECK_THROWS_AS(m.set_row(0, rows[0]), mamba::contract_violation);
    CHECK_THROWS_AS(m.borrow(blocks.first(blocks.size() - 1), nullptr), mamba::contract_violation);
    copy = m;  // shares, and keeps
    packed_matrix<W> moved = std::move(m);
    CHECK(moved.panel_data(0) == blocks.data());
    CHECK(m.empty());  // NOLINT(bugprone-use-after-move)
  }
  CHECK_FALSE(watched.expired());
  CHECK(copy.panel_data(0) == blocks.data());
  CHECK(test::same_bits(all_rows(copy), all_rows(own)));
  copy = own;  // a deep copy again, and the owner is free
  CHECK(watched.expired());
  CHECK_FALSE(copy.borrowed());
  copy.set_row(3, rows[4]);
  CHECK(copy.panel_data(0) != own.panel_data(0));
}

/// A file's bytes may be anything: every one of them is some number, or none.
template <class W>
void check_any_bytes() {
  heap_storage<weight_block<W>> blocks(2);
  packed_matrix<W> m(20, 40);
  std::vector<float> row(40);
  for (int byte = 0; byte < 256; ++byte) {
    std::memset(static_cast<void*>(blocks.data()), byte, 2 * sizeof(weight_block<W>));
    m.borrow({blocks.data(), 2}, nullptr);
    for (std::size_t r = 0; r < 20; ++r) m.get_row(r, row);
    int const code = blocks.data()->code(0, 0);
    CHECK(code >= (W::bits == 8 ? -128 : W::lowest));
    CHECK(code <= W::lowest + (1 << W::bits));
  }
}

/// Products with codes that no fit would choose (−128 in q8, 2 in ternary), beyond the matrix, too.
template <class W>
void check_any_codes() {
  constexpr std::size_t out = 70, in = 150, tokens = 9;
  test::random rng(6);
  heap_storage<weight_block<W>> blocks(3 * 5);
  int lowest = 0;
  int highest = 0;
  for (auto& block : std::span(blocks.data(), blocks.size())) {
    for (auto& word : block.codes) {
      for (auto& output : word) {
        for (auto& byte : output) byte = static_cast<std::uint8_t>(rng.bits());
      }
    }
    for (std::size_t o = 0; o < 32; ++o) {
      block.parameters[0][o] = mamba::bfloat16(static_cast<float>(rng.uniform(0.5, 1)));
      if constexpr (W::has_offset) block.parameters[1][o] = mamba::bfloat16(static_cast<float>(rng.uniform(-1, 1)));
      for (std::size_t k = 0; k < block_size; ++k) {
        lowest = std::min(lowest, block.code(o, k));
        highest = std::max(highest, block.code(o, k));
      }
    }
  }
  CHECK(lowest == (W::bits == 8 ? -128 : W::lowest));
  CHECK(highest == lowest + (1 << W::bits) - 1);
  packed_matrix<W> m(out, in);
  m.borrow({blocks.data(), blocks.size()}, nullptr);
  test::guarded<float> x(tokens, in);
  x.fill(rng, -2, 2);
  mamba::kernels::quantized_buffer q(tokens, in);
  for (std::size_t const count : {std::size_t{1}, tokens}) {
    test::guarded<float> y(count, out);
    q.assign(x.view().rows(0, count));
    mamba::kernels::matmul(q, m, std::span<float const>{}, y.view());
    CHECK(y.intact());
    std::vector<float> row(in);
    for (std::size_t r = 0; r < out; ++r) {
      m.get_row(r, row);
      for (std::size_t t = 0; t < count; ++t) {
        double exact = 0;
        double size = 0;
        for (std::size_t k = 0; k < in; ++k) {
          auto const& with = q.row(t)[k / 32];
          double const v = static_cast<double>(with.scale) * with.c[k % 32];
          exact += v * static_cast<double>(row[k]);
          size += std::fabs(v) * ((1 << W::bits) + 1);  // scales and offsets are at most 1
        }
        // As in quantized_matmul_test.cpp, and a rounding of each weight.
        REQUIRE(std::fabs(static_cast<double>(y(t, r)) - exact) <= (6 * 5 + 1) * 0x1p-23 * size);
      }
    }
  }
}

}  // namespace

TEST_CASE("quantized matrix: borrowed blocks are read in place, kept by every copy, and never written") {
  check_borrowed<q8>();
  check_borrowed<q4>();
  check_borrowed<ternary>();
}

TEST_CASE("quantized matrix: borrowed blocks begin on a cache line") {
  packed_matrix<q4> const own(33, 33);
  auto const kept = kept_blocks(own);
  auto const* const shifted =
      reinterpret_cast<weight_block<q4> const*>(reinterpret_cast<std::byte const*>(kept->data()) + 8);
  packed_matrix<q4> m(33, 33);
  CHECK_THROWS_AS(m.borrow({shifted, kept->size()}, kept), mamba::contract_violation);
  CHECK_FALSE(m.borrowed());
}

TEST_CASE("quantized matrix: any content of borrowed blocks can be read") {
  check_any_bytes<q8>();
  check_any_bytes<q4>();
  check_any_bytes<ternary>();
}

TEST_CASE("quantized matrix: any content of borrowed blocks is multiplied as it is read") {
  check_any_codes<q8>();
  check_any_codes<q4>();
  check_any_codes<ternary>();
}

TEST_CASE("quantized matrix: rows come back as quantised, and lie where the layout puts them") {
  check_round_trip<q8>();
  check_round_trip<q4>();
  check_round_trip<ternary>();
}

TEST_CASE("quantized matrix: a row that is set again replaces the old one and no other") {
  check_rows_are_apart<q8>();
  check_rows_are_apart<q4>();
  check_rows_are_apart<ternary>();
}

TEST_CASE("quantized matrix: NaN or infinity makes its block NaN, and nothing else") {
  check_no_number<q8>();
  check_no_number<q4>();
  check_no_number<ternary>();
}

TEST_CASE("quantized matrix: a block that is not full is as fine as its numbers allow") {
  packed_matrix<q4> m(1, 48);
  std::vector<float> row(48, 0.5F), back(48);
  for (std::size_t k = 32; k < 48; ++k) row[k] = 10 + static_cast<float>(k - 32) / 15;
  m.set_row(0, row);
  m.get_row(0, back);
  for (std::size_t k = 32; k < 48; ++k) CHECK(std::fabs(back[k] - row[k]) < 0.05F);  // steps of 11/15 if zeros counted
}

TEST_CASE("quantized matrix: numbers up to 2^100 are numbers") {
  packed_matrix<q4> m(1, 32);
  std::vector<float> row(32, 0x1p100F), back(32);
  row[3] = -0x1p100F;
  m.set_row(0, row);
  m.get_row(0, back);
  for (std::size_t k = 0; k < 32; ++k) CHECK(std::fabs(back[k] / row[k] - 1) < 0.1F);
}

TEST_CASE("quantized matrix: static extents, no extents, contracts, and what no memory can hold") {
  check_the_rest<q8>();
  check_the_rest<q4>();
  check_the_rest<ternary>();
}
