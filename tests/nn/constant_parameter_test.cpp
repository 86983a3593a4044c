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

}  // namespace
