// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/constant_parameter.hpp>
#include <mamba/nn/parameter.hpp>
#include <support/bits.hpp>
#include <support/parameters.hpp>

#include <vector>

namespace {

using mamba::dynamic;
using namespace mamba::nn;

TEST_CASE("constant_parameter: vectors and filters give the rows of the layers that they are borrowed from") {
  test::random rng(1);
  vector_parameter<float> v(6);
  test::fill_rows<float>(v, rng, -1, 1);
  constant_vector<float> cv(6);
  cv.borrow(v.span());
  CHECK(test::rows_of<float>(cv) == test::rows_of<float>(v));
  CHECK_THROWS_AS(cv.borrow(v.span().first(5)), mamba::contract_violation);

  filter_parameter<float> f(6, 4);
  test::fill_rows<float>(f, rng, -1, 1);
  constant_filter<float> cf(6, 4);
  cf.borrow({f.taps().data(), 24});
  CHECK(test::rows_of<float>(cf) == test::rows_of<float>(f));
  CHECK(cf.taps()(3, 5) == f.taps()(3, 5));
}

TEST_CASE("constant_parameter: A in the scan's layout") {
  test::random rng(2);
  decay_parameter<float> d(21, 3);
  test::fill_rows<float>(d, rng, -1, 2);
  constant_decay<float, dynamic, dynamic> c(21, 3);
  c.borrow(d.a().span());
  for (std::size_t i = 0; i < 21; ++i) {
    for (std::size_t n = 0; n < 3; ++n) CHECK(c.a()(i, n) == d.a()(i, n));
  }
  CHECK_THROWS_AS(c.borrow(d.a().span().first(60)), mamba::contract_violation);
}

TEST_CASE("constant_parameter: planes of modes, one after the other, or none") {
  constexpr std::size_t lanes = mamba::simd::lanes<float>;
  std::vector<float> numbers(2 * lanes * 3);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  constant_planes<float, 1, 3, 2> two;
  CHECK(two.size() == 2 * 3 * lanes);
  CHECK(two.rows() == 1);
  CHECK(two.row_size() == 6);
  two.borrow(numbers);
  CHECK(two.plane(0)(0, 1) == static_cast<float>(lanes));
  CHECK(two.plane(1)(0, 2) == static_cast<float>(5 * lanes));
  CHECK_THROWS_AS(static_cast<void>(two.plane(2)), mamba::contract_violation);
  CHECK_THROWS_AS(two.borrow(std::span<float const>(numbers).first(3 * lanes)), mamba::contract_violation);

  constant_planes<float, dynamic, dynamic, 0> none(21, 3);
  CHECK(none.size() == 0);
  CHECK(none.rows() == 21);
  CHECK(none.row_size() == 1);
  CHECK_NOTHROW(none.borrow({}));
}

}  // namespace
