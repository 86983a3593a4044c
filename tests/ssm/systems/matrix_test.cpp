// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/matrix.hpp>

#include <type_traits>

namespace {

namespace ssm = mamba::ssm;
using mamba::dynamic;

template <class M>
constexpr bool on_heap = M::SizeAtCompileTime == Eigen::Dynamic;

TEST_CASE("matrix: small static sizes lie in the object, large ones on the heap, vectors stay vectors") {
  static_assert(!on_heap<ssm::matrix<double, 16>>);
  static_assert(on_heap<ssm::matrix<double, 64>>);
  static_assert(!on_heap<ssm::matrix<float, 64>>);  // 16 KiB is the last that is stored inside
  static_assert(on_heap<ssm::matrix<float, 64, 65>>);
  static_assert(!on_heap<ssm::vector<double, 64>>);
  static_assert(ssm::vector<double, 100000>::ColsAtCompileTime == 1 && on_heap<ssm::vector<double, 100000>>);
  static_assert(ssm::vector<double>::ColsAtCompileTime == 1);
  static_assert(ssm::sequence<float, 3>::ColsAtCompileTime == 3 && on_heap<ssm::sequence<float, 3>>);
  static_assert(ssm::matrix<double, 1, dynamic>::IsRowMajor && !ssm::matrix<double, dynamic, 1>::IsRowMajor);
  static_assert(ssm::matrix<double, dynamic>::RowsAtCompileTime == Eigen::Dynamic);
  CHECK(ssm::matrix<double, 64>(64, 64).size() == 64 * 64);
  CHECK(ssm::matrix<double, 2, 3>{{1, 2, 3}, {4, 5, 6}}(1, 0) == 4);
}

TEST_CASE("matrix: sizes of ours and Eigen's") {
  CHECK(ssm::size(ssm::index(7)) == 7);
  CHECK(ssm::extent_of(Eigen::Dynamic) == dynamic);
  CHECK(ssm::extent_of(3) == 3);
}

}  // namespace
