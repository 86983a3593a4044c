// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/tensor/tensor.hpp>

#include <cstdint>
#include <new>
#include <numeric>
#include <type_traits>
#include <utility>

namespace {

using mamba::dynamic;
using mamba::tensor;

// Small static tensors are stored in place; those above inline_bytes, and dynamic ones, on the heap.
static_assert(tensor<float, 4, 3>::stored_inline && tensor<float, 64, 64>::stored_inline);
static_assert(!tensor<float, 64, 65>::stored_inline && !tensor<double, 64, 64>::stored_inline);
static_assert(!tensor<float, dynamic, 3>::stored_inline && sizeof(tensor<float, 3072, 768>) <= 64);
static_assert(tensor<float, 0, 3>::stored_inline);
static_assert(alignof(tensor<char, 1>) == 64 && std::is_trivially_copyable_v<tensor<float, 4, 3>>);
static_assert(std::is_nothrow_move_constructible_v<tensor<float, dynamic>>);

bool on_a_cache_line(void const* p) { return reinterpret_cast<std::uintptr_t>(p) % 64 == 0; }

template <class Tensor>
Tensor counted(Tensor t) {
  std::iota(t.span().begin(), t.span().end(), typename Tensor::value_type{1});
  return t;
}

/// The behaviour of every tensor of 4 × 3, static or dynamic, in place or on the heap.
template <class Tensor>
void check_four_by_three() {
  Tensor t(4, 3);
  CHECK(on_a_cache_line(t.data()));
  CHECK(t.size() == 12);
  CHECK(t.extent(0) == 4);
  CHECK(t.extent(1) == 3);
  for (auto const v : t.span()) CHECK(v == 0);
  t = counted(std::move(t));
  CHECK(t(0, 0) == 1);
  CHECK(t(1, 0) == 4);
  CHECK(t(3, 2) == 12);
  CHECK(t.view().row(2)[1] == 8);
  CHECK(std::as_const(t).view()(2, 1) == 8);

  Tensor copy = t;
  CHECK(copy == t);
  CHECK(copy.data() != t.data());
  copy(3, 2) = 0;
  CHECK(copy != t);
  CHECK(t(3, 2) == 12);

  auto const* const memory = copy.data();
  copy = t;
  CHECK(copy.data() == memory);  // equal sizes: nothing is allocated
  CHECK(copy == t);
  Tensor const& same = t;
  t = same;
  CHECK(copy == t);

  Tensor const moved = std::move(copy);
  CHECK(moved == t);
  copy = moved;  // NOLINT(bugprone-use-after-move): assigning revives it
  CHECK(copy == t);
  copy.fill(2);
  CHECK(copy(1, 1) == 2);
}

TEST_CASE("tensor: one behaviour, static, dynamic and mixed") {
  check_four_by_three<tensor<float, 4, 3>>();
  check_four_by_three<tensor<float, dynamic, dynamic>>();
  check_four_by_three<tensor<double, 4, dynamic>>();
  check_four_by_three<tensor<int, dynamic, 3>>();
}

// A tensor is taken wherever a view of compatible extents is, a vector wherever a span is.
static_assert(std::is_convertible_v<tensor<float, 4, 3>&, mamba::matrix_view<float>>);
static_assert(std::is_convertible_v<tensor<float, 4, 3>&, mamba::matrix_view<float const>>);
static_assert(std::is_convertible_v<tensor<float, 4, dynamic> const&, mamba::view<float const, 4, 3>>);
static_assert(std::is_convertible_v<tensor<float, 4, 3>, mamba::matrix_view<float const>>);
static_assert(!std::is_convertible_v<tensor<float, 4, 3> const&, mamba::matrix_view<float>>);
static_assert(!std::is_convertible_v<tensor<float, 4, 3>, mamba::matrix_view<float>>);  // it would dangle, written to
static_assert(!std::is_convertible_v<tensor<float, 4, 3>&, mamba::view<float, 4, 4>>);
static_assert(!std::is_convertible_v<tensor<float, 4, 3>&, mamba::matrix_view<double>>);
static_assert(!std::is_convertible_v<tensor<float, 4>&, mamba::matrix_view<float>>);
static_assert(std::is_convertible_v<tensor<float, 4>&, std::span<float>>);
static_assert(std::is_convertible_v<tensor<float, dynamic> const&, std::span<float const>>);
static_assert(!std::is_convertible_v<tensor<float, 4> const&, std::span<float>>);
static_assert(!std::is_convertible_v<tensor<float, 4, 3>&, std::span<float>>);

TEST_CASE("tensor: where a view or a span is expected") {
  auto const last = [](mamba::matrix_view<int const> m) { return m(m.extent(0) - 1, m.extent(1) - 1); };
  auto const sum = [](std::span<int const> v) { return std::accumulate(v.begin(), v.end(), 0); };
  CHECK(last(counted(tensor<int, dynamic, 3>(4, 3))) == 12);
  CHECK(sum(counted(tensor<int, 4>())) == 10);
  tensor<int, 2, 2> t;
  mamba::matrix_view<int> const seen = t;
  seen(1, 0) = 7;
  CHECK(t(1, 0) == 7);
  CHECK(last(t) == 0);
  mamba::view<int, 2, dynamic> const rows(t);
  CHECK(rows.data() == t.data());
  CHECK(rows.extent(1) == 2);
}

TEST_CASE("tensor: large static extents lie on the heap and behave as before") {
  tensor<float, 100, 100> big;
  CHECK(on_a_cache_line(big.data()));
  CHECK(big.size() == 10000);
  big(99, 99) = 1;
  auto const copy = big;
  CHECK(copy == big);
  CHECK(copy.data() != big.data());
}

TEST_CASE("tensor: assignment changes the shape") {
  tensor<int, dynamic, dynamic> a(2, 3);
  auto const b = counted(tensor<int, dynamic, dynamic>(3, 2));
  a = b;
  CHECK(a.extent(0) == 3);
  CHECK(a == b);
  a = tensor<int, dynamic, dynamic>(1, 1);
  CHECK(a.size() == 1);
  CHECK(a != b);
}

TEST_CASE("tensor: equal numbers in another shape are another tensor") {
  CHECK(tensor<int, dynamic, dynamic>(2, 3) != tensor<int, dynamic, dynamic>(3, 2));
  CHECK(tensor<int, dynamic, dynamic>(0, 3) != tensor<int, dynamic, dynamic>(0, 2));
}

TEST_CASE("tensor: what was moved from holds nothing, and no write can go past its end") {
  auto a = counted(tensor<int, dynamic, dynamic>(2, 2));
  auto b = counted(tensor<int, dynamic, dynamic>(30, 30));
  a = std::move(b);
  CHECK(a.size() == 900);
  CHECK(b.size() == 0);  // NOLINT(bugprone-use-after-move)
  b.fill(1);             // would write 900 numbers into the room of 4, were they merely swapped
  CHECK(b.empty());
  auto const c = std::move(a);
  CHECK(a.empty());  // NOLINT(bugprone-use-after-move)
  CHECK(a != c);
  auto const d = a;
  CHECK(d.empty());
}

TEST_CASE("tensor: default and empty tensors") {
  CHECK(tensor<float, dynamic, dynamic>().empty());
  CHECK(tensor<float, 4, 3>().size() == 12);
  CHECK(tensor<float, dynamic, 3>(0, 3).empty());
  CHECK(tensor<float, 0, 3>().span().empty());
  CHECK(tensor<float, dynamic>(7).view().size() == 7);
}

TEST_CASE("tensor: a wrong size for a static axis is a broken contract") {
  CHECK_THROWS_AS((tensor<float, 4, dynamic>(5, 3)), mamba::contract_violation);
  CHECK_THROWS_AS((tensor<float, 4, 3>(4, 2)), mamba::contract_violation);
}

TEST_CASE("tensor: what no memory can hold is std::bad_alloc, never a small tensor") {
  std::size_t volatile const at_run_time = std::size_t{1} << (sizeof(std::size_t) * 4);  // or the compiler warns
  std::size_t const half_word = at_run_time;
  CHECK_THROWS_AS((tensor<float, dynamic, dynamic>(half_word, half_word)), std::bad_alloc);
  CHECK_THROWS_AS((tensor<float, dynamic, dynamic>(half_word * 2, half_word / 2)), std::bad_alloc);
  CHECK_THROWS_AS((tensor<float, dynamic>(half_word * (half_word / 4) + 1)), std::bad_alloc);
  CHECK_THROWS_AS((tensor<double, dynamic, dynamic, dynamic>(half_word, half_word, 2)), std::bad_alloc);
}

}  // namespace
