// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/gemm/weight_storage.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/random.hpp>

#include <array>
#include <memory>
#include <utility>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::kernels::constant_memory;
using mamba::kernels::constant_storage;
using mamba::kernels::packed_matrix;
using mamba::kernels::writable_storage;

template <class Matrix>
constexpr bool can_be_set = requires(Matrix m, std::span<float const> v) { m.set_row(0, v); };

TEST_CASE("weight_storage: owned, then borrowed from an owner that every copy keeps alive") {
  writable_storage<float> s(32);
  CHECK(s.size() == 32);
  CHECK_FALSE(s.borrowed());
  s.writable()[3] = 5;
  writable_storage<float> const deep = s;
  s.writable()[3] = 6;
  CHECK(deep.data()[3] == 5);

  auto file = std::make_shared<mamba::heap_storage<float>>(32);
  file->data()[3] = 7;
  std::weak_ptr<mamba::heap_storage<float>> const alive = file;
  s.borrow({file->data(), 32}, file);
  file.reset();
  CHECK(s.borrowed());
  CHECK(s.writable() == nullptr);
  CHECK(s.data()[3] == 7);
  writable_storage<float> const shared = s;
  s = writable_storage<float>();
  CHECK(shared.data()[3] == 7);
  CHECK_FALSE(alive.expired());
}

TEST_CASE("weight_storage: empty after a move, refused where it is too short or not on a cache line") {
  writable_storage<float> s(32);
  auto const moved = std::move(s);
  CHECK(s.size() == 0);
  CHECK(moved.size() == 32);
  mamba::heap_storage<float> memory(64);
  writable_storage<float> t(32);
  CHECK_THROWS_AS(t.borrow({memory.data(), 31}), mamba::contract_violation);
  CHECK_THROWS_AS(t.borrow({memory.data() + 1, 32}), mamba::contract_violation);
}

TEST_CASE("weight_storage: small static counts lie in place") {
  std::size_t const before = test::allocations;
  writable_storage<float, 64> s(64);
  s.writable()[63] = 1;
  CHECK(test::allocations == before);
}

TEST_CASE("weight_storage: a matrix in constant storage multiplies as the one that it was written from, to the bit") {
  packed_matrix<float> w(21, 10);
  test::random rng(1);
  std::vector<float> row(10);
  for (std::size_t i = 0; i < 21; ++i) {
    rng.fill(std::span(row), -1, 1);
    w.set_row(i, row);
  }
  packed_matrix<float, dynamic, dynamic, constant_memory> flash(21, 10);
  flash.storage().borrow({w.storage().data(), w.storage().size()});
  mamba::tensor<float, dynamic, dynamic> x(3, 10), y(3, 21), z(3, 21);
  rng.fill(x.span(), -1, 1);
  std::span<float const> const none;
  mamba::kernels::matmul(mamba::matrix_view<float const>(x.view()), w, none, y.view());
  mamba::kernels::matmul(mamba::matrix_view<float const>(x.view()), flash, none, z.view());
  CHECK(test::same_bits(y.span(), z.span()));
  flash.get_row(20, row);
  std::vector<float> expected(10);
  w.get_row(20, expected);
  CHECK(row == expected);
  static_assert(can_be_set<packed_matrix<float>> && !can_be_set<decltype(flash)>);
  static_assert(constant_storage<float>::borrowed());
}

}  // namespace
