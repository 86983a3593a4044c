// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/rms_norm.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/parameters.hpp>
#include <support/threads.hpp>

#include <cmath>
#include <limits>

namespace {

using mamba::matrix_view;
using mamba::nn::rms_norm;
using test::guarded;

template <class T>
void check() {
  test::random rng(sizeof(T));
  for (std::size_t width = 1; width <= 2 * mamba::simd::lanes<T> + 1; ++width) {
    std::size_t const L = rng.below(7);
    T const epsilon = static_cast<T>(1e-5);
    rms_norm<T> norm(width, 1e-5);
    test::fill_rows<T>(norm.weight(), rng, -2, 2);
    auto const weight = test::rows_of<T>(norm.weight());
    guarded<T> x(L, width, rng.below(9)), y(L, width, rng.below(9));
    x.fill(rng, -3, 3);
    norm(x.view(), y.view());
    REQUIRE(y.intact());
    for (std::size_t t = 0; t < L; ++t) {
      long double sum = 0;
      for (std::size_t i = 0; i < width; ++i) sum += static_cast<long double>(x(t, i)) * x(t, i);
      long double const root = std::sqrt(sum / static_cast<long double>(width) + epsilon);
      for (std::size_t i = 0; i < width; ++i) {
        long double const exact = x(t, i) / root * weight[i];
        // The card of math::rms_norm: (n/W + log₂ W)/2 + 3 roundings; n/W is at most 3 and log₂ W at most 4 here.
        long double const allowed = (3.5L + 3) * std::numeric_limits<T>::epsilon() / 2 * 1.01L * std::fabs(exact);
        REQUIRE(std::fabs(y(t, i) - exact) <= allowed);
      }
    }
  }
}

TEST_CASE("rms_norm layer: every token by its own root mean square") {
  check<float>();
  check<double>();
}

TEST_CASE("rms_norm layer: weights are 1 at first, and ε keeps zeros finite") {
  rms_norm<double, 2> const norm(2, 1e-5);
  double const x[] = {3, -3, 0, 0};
  double y[4];
  norm(matrix_view<double const>(x, 2, 2), matrix_view<double>(y, 2, 2));
  CHECK(y[0] == doctest::Approx(1).epsilon(1e-6));
  CHECK(y[1] == -y[0]);
  CHECK(y[2] == 0);
  CHECK(y[3] == 0);
}

TEST_CASE(
    "rms_norm layer: any split, any number of threads, static or dynamic: the same bits; NaN stays in its token") {
  constexpr std::size_t L = 70, width = 517;
  test::random rng(3);
  rms_norm<float> norm(width, 1e-5);
  rms_norm<float, width> fixed(width, 1e-5);
  guarded<float> x(L, width), whole(L, width), y(L, width);
  x.fill(rng, -1, 1);
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  norm(x.view(), whole.view());
  for (int const count : {2, 3}) {
    mamba::parallel::set_thread_count(count);
    norm(x.view(), y.view());
    CHECK(test::same_rows(y.view(), whole.view()));
  }
  fixed(x.view(), y.view());
  CHECK(test::same_rows(y.view(), whole.view()));
  for (std::size_t t = 0; t < L; ++t) norm(x.view().rows(t, 1), y.view().rows(t, 1));
  CHECK(test::same_rows(y.view(), whole.view()));

  x(9, 100) = std::numeric_limits<float>::quiet_NaN();
  norm(x.view(), y.view());
  for (std::size_t i = 0; i < width; ++i) REQUIRE(std::isnan(y(9, i)));
  CHECK(test::same_bits(y.view().row(8), whole.view().row(8)));
  CHECK(test::same_bits(y.view().row(10), whole.view().row(10)));
}

TEST_CASE("rms_norm layer: contracts") {
  rms_norm<float> const norm(4, 1e-5);
  guarded<float> x(2, 4), narrow(2, 3), shorter(1, 4);
  CHECK_THROWS_AS(norm(x.view(), narrow.view()), mamba::contract_violation);
  CHECK_THROWS_AS(norm(x.view(), shorter.view()), mamba::contract_violation);
  CHECK_THROWS_AS(norm(narrow.view(), narrow.view()), mamba::contract_violation);
}

}  // namespace
