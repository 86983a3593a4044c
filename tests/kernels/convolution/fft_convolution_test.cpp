// SPDX-License-Identifier: MIT
#include <mamba/kernels/convolution/fft_convolution.hpp>
#include <mamba/ssm/convolution/causal_convolution.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/threads.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::matrix_view;
using mamba::kernels::channel_major;
using mamba::kernels::fft_convolution;
using test::guarded;

template <class T>
using matrix = mamba::tensor<T, dynamic, dynamic>;

/// One convolution: the same numbers time by time and channel by channel, each in guarded memory.
template <class T>
struct convolution_case {
  guarded<T> kernel, x, y;        // [L, D]
  guarded<T> kernel_d, x_d, y_d;  // [D, L]

  convolution_case(test::random& rng, std::size_t L_K, std::size_t L, std::size_t D)
      : kernel(L_K, D, rng.below(16), rng.below(9)),
        x(L, D, rng.below(16), rng.below(9)),
        y(L, D, rng.below(16), rng.below(9)),
        kernel_d(D, L_K, rng.below(16), rng.below(9)),
        x_d(D, L, rng.below(16), rng.below(9)),
        y_d(D, L, rng.below(16), rng.below(9)) {
    kernel.fill(rng, -1, 1);
    x.fill(rng, -1, 1);
    copy();
  }

  void copy() {
    turn(kernel, kernel_d);
    turn(x, x_d);
  }

  channel_major<T const> channels(guarded<T>& m) { return {m.view()}; }

  void run(fft_convolution<T>& convolve) {
    convolve({.kernel = kernel.view(), .x = x.view()}, y.view());
    convolve({.kernel = channels(kernel_d), .x = channels(x_d)}, channel_major<T>{y_d.view()});
  }

 private:
  static void turn(guarded<T>& from, guarded<T>& to) {
    for (std::size_t d = 0; d < to.view().extent(0); ++d) {
      for (std::size_t k = 0; k < to.view().extent(1); ++k) to(d, k) = from(k, d);
    }
  }
};

template <class T>
bool same_in_both_layouts(convolution_case<T>& c) {
  for (std::size_t k = 0; k < c.y.view().extent(0); ++k) {
    for (std::size_t d = 0; d < c.y.view().extent(1); ++d) {
      if (!test::same_bits(std::span(&c.y(k, d), 1), std::span(&c.y_d(d, k), 1))) return false;
    }
  }
  return true;
}

/// Against the definition in double (float) or long double (double); returns |error| / bound at worst. The bound, of
/// which right_angle_convolution_test.cpp has the derivation: ε max(1, log₂n) (10 ‖K‖ ‖x‖ + 2.5 ‖K∗x‖), K∗x in full.
template <class T>
double check_one(test::random& rng, std::size_t L_K, std::size_t L, std::size_t D) {
  using wide = std::conditional_t<sizeof(T) == 4, double, long double>;
  convolution_case<T> c(rng, L_K, L, D);
  fft_convolution<T> convolve(std::max(L_K, L));
  c.run(convolve);
  REQUIRE(c.y.intact());
  REQUIRE(c.y_d.intact());
  REQUIRE(same_in_both_layouts(c));
  matrix<T> longer(L + L_K, D);  // x and as many zeros as K∗x needs to end
  for (std::size_t k = 0; k < L; ++k) {
    for (std::size_t d = 0; d < D; ++d) longer(k, d) = c.x(k, d);
  }
  matrix<wide> full(L + L_K, D);
  mamba::ssm::causal_convolution(c.kernel.view(), longer.view(), full.view());
  double worst = 0;
  for (std::size_t d = 0; d < D; ++d) {
    wide kernel_2 = 0, x_2 = 0, full_2 = 0;
    for (std::size_t k = 0; k < L_K; ++k) kernel_2 += static_cast<wide>(c.kernel(k, d)) * c.kernel(k, d);
    for (std::size_t k = 0; k < L; ++k) x_2 += static_cast<wide>(c.x(k, d)) * c.x(k, d);
    for (std::size_t k = 0; k < L + L_K; ++k) full_2 += full(k, d) * full(k, d);
    wide const allowed = std::numeric_limits<T>::epsilon() *
                         std::max(wide{1}, std::log2(static_cast<wide>(convolve.size()))) *
                         (10 * std::sqrt(kernel_2 * x_2) + static_cast<wide>(2.5) * std::sqrt(full_2));
    for (std::size_t k = 0; k < L; ++k) {
      wide const off = std::fabs(static_cast<wide>(c.y(k, d)) - full(k, d));
      if (!(off <= allowed)) {
        CAPTURE(L_K);
        CAPTURE(L);
        CAPTURE(D);
        CAPTURE(k);
        CAPTURE(d);
        REQUIRE(off <= allowed);
      }
      if (allowed > 0) worst = std::max(worst, static_cast<double>(off / allowed));
    }
  }
  return worst;
}

}  // namespace

TEST_CASE_TEMPLATE("fft_convolution: the definition, both layouts, every number of channels in a block", T, float,
                   double) {
  test::random rng(sizeof(T));
  constexpr std::size_t W = mamba::simd::lanes<T>;
  double worst = 0;
  for (std::size_t D = 0; D <= 2 * W + 1; ++D) {
    for (std::size_t L : {0U, 1U, 2U, 3U, 17U, 64U}) worst = std::max(worst, check_one<T>(rng, L, L, D));
  }
  for (std::size_t L : {127U, 255U, 256U, 257U, 509U, 1023U, 1024U, 1025U}) {
    worst = std::max(worst, check_one<T>(rng, L, L, 1 + rng.below(5)));
    worst = std::max(worst, check_one<T>(rng, 1 + rng.below(L), L, 2));
    worst = std::max(worst, check_one<T>(rng, L, rng.below(L), 2));
  }
  worst = std::max(worst, check_one<T>(rng, 0, 20, 3));  // no kernel: zeros
  MESSAGE("at most ", worst, " of the bound");
}

TEST_CASE_TEMPLATE("fft_convolution: layouts may be mixed, kernels transformed before, results put over inputs", T,
                   float, double) {
  test::random rng(10 + sizeof(T));
  for (std::size_t L : {5U, 300U, 1000U}) {
    std::size_t const D = 1 + rng.below(40);
    convolution_case<T> c(rng, L, L, D);
    fft_convolution<T> convolve(L);
    c.run(convolve);
    auto const expected = c.y;
    auto const hold = [&] {
      CHECK(test::same_rows(c.y.view(), guarded<T>(expected).view()));
      c.y.fill(rng, 5, 6);
    };
    convolve({.kernel = c.channels(c.kernel_d), .x = c.x.view()}, c.y.view());
    hold();
    convolve({.kernel = c.kernel.view(), .x = c.channels(c.x_d)}, c.y.view());
    hold();
    c.y_d.fill(rng, 5, 6);
    convolve({.kernel = c.kernel.view(), .x = c.x.view()}, channel_major<T>{c.y_d.view()});
    c.y = expected;
    CHECK(same_in_both_layouts(c));
    auto known = convolve.spectrum(c.kernel.view());
    convolve({.spectrum = known, .x = c.x.view()}, c.y.view());
    hold();
    convolve.spectrum(c.channels(c.kernel_d), known);
    convolve({.spectrum = known, .x = c.channels(c.x_d)}, c.y.view());
    hold();
    c.y_d = c.x_d;
    convolve({.spectrum = known, .x = c.channels(c.y_d)}, channel_major<T>{c.y_d.view()});
    c.y = expected;
    CHECK(same_in_both_layouts(c));
    c.y = c.x;
    convolve({.kernel = c.kernel.view(), .x = c.y.view()}, c.y.view());
    hold();
    c.y = c.kernel;
    convolve({.kernel = c.y.view(), .x = c.x.view()}, c.y.view());
    hold();
  }
}

TEST_CASE("fft_convolution: a channel has the same bits wherever it stands") {
  test::random rng(20);
  constexpr std::size_t L = 130, D = 35;
  convolution_case<float> whole(rng, L, L, D);
  fft_convolution<float> convolve(L);
  whole.run(convolve);
  for (std::size_t count = 1; count <= D; ++count) {
    std::size_t const first = rng.below(D - count + 1);
    guarded<float> y(L, count);
    convolve({.kernel = whole.kernel.view().columns(first, count), .x = whole.x.view().columns(first, count)},
             y.view());
    REQUIRE(y.intact());
    REQUIRE(test::same_rows(y.view(), matrix_view<float>(whole.y.view()).columns(first, count)));
  }
}

TEST_CASE("fft_convolution: the same bits with 1, 2 and 3 threads") {
  test::random rng(30);
  convolution_case<float> const start(rng, 3000, 3000, 67);  // long enough to be shared out among threads
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  auto alone = start;
  fft_convolution<float> convolve(3000);
  alone.run(convolve);
  for (int const count : {2, 3, 64}) {
    mamba::parallel::set_thread_count(count);
    auto together = start;
    together.run(convolve);
    CHECK(test::same_rows(together.y.view(), alone.y.view()));
    CHECK(test::same_rows(together.y_d.view(), alone.y_d.view()));
    auto const known = convolve.spectrum(together.kernel.view());
    together.y.fill(rng, 5, 6);
    convolve({.spectrum = known, .x = together.x.view()}, together.y.view());
    CHECK(test::same_rows(together.y.view(), alone.y.view()));
  }
}

TEST_CASE("fft_convolution: NaN and large numbers stay in their own channel, in x and in the kernel") {
  test::random rng(40);
  constexpr std::size_t L = 90, D = 20;
  convolution_case<float> clean(rng, L, L, D);
  fft_convolution<float> convolve(L);
  clean.run(convolve);
  for (float const bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30F}) {
    for (bool const in_kernel : {false, true}) {
      auto spoilt = clean;
      std::size_t const channel = rng.below(D);
      (in_kernel ? spoilt.kernel : spoilt.x)(rng.below(L), channel) = bad;
      spoilt.copy();
      spoilt.run(convolve);
      CHECK(same_in_both_layouts(spoilt));
      for (std::size_t d = 0; d < D; ++d) {
        if (d == channel) {
          if (std::isnan(bad)) CHECK(std::isnan(spoilt.y(0, d)));
        } else {
          CHECK(test::same_rows(spoilt.y.view().columns(d, 1), clean.y.view().columns(d, 1)));
        }
      }
    }
  }
}

TEST_CASE("fft_convolution: one object serves all lengths, and allocates nothing once it has been used") {
  test::random rng(50);
  fft_convolution<float> convolve(500);
  convolution_case<float> c(rng, 500, 500, 21), shorter(rng, 30, 77, 40);
  c.run(convolve);
  auto known = convolve.spectrum(c.kernel.view());
  std::size_t const before = test::allocations;
  c.run(convolve);
  shorter.run(convolve);
  convolve.spectrum(c.kernel.view(), known);
  convolve({.spectrum = known, .x = c.x.view()}, c.y.view());
  CHECK(test::allocations == before);
  CHECK(same_in_both_layouts(shorter));
}

TEST_CASE("fft_convolution: tensors in place of views") {
  matrix<float> kernel(3, 1), x(4, 1), y(4, 1);
  kernel(0, 0) = 1, kernel(2, 0) = 2, x(0, 0) = 3, x(1, 0) = 5;
  fft_convolution<float> convolve(4);
  double const expected[] = {3, 5, 6, 10};
  convolve({.kernel = kernel, .x = x}, y);
  for (std::size_t k = 0; k < 4; ++k) CHECK(static_cast<double>(y(k, 0)) == doctest::Approx(expected[k]).epsilon(1e-5));
  y.fill(0);
  convolve({.spectrum = convolve.spectrum(kernel), .x = x}, y);
  for (std::size_t k = 0; k < 4; ++k) CHECK(static_cast<double>(y(k, 0)) == doctest::Approx(expected[k]).epsilon(1e-5));
}

TEST_CASE("fft_convolution: contracts") {
  test::random rng(60);
  convolution_case<float> c(rng, 200, 200, 5);
  fft_convolution<float> convolve(200), small(1), large(5000);
  auto const known = convolve.spectrum(c.kernel.view());
  matrix<float> narrow(200, 4), tall(convolve.size() + 1, 5);
  using violation = mamba::contract_violation;
  CHECK_NOTHROW(convolve({.spectrum = known, .x = c.x.view()}, c.y.view()));
  CHECK_THROWS_AS(convolve({.kernel = narrow.view(), .x = c.x.view()}, c.y.view()), violation);
  CHECK_THROWS_AS(convolve({.kernel = c.kernel.view(), .x = c.x.view()}, narrow.view()), violation);
  CHECK_THROWS_AS(convolve({.kernel = tall.view(), .x = c.x.view()}, c.y.view()), violation);
  CHECK_THROWS_AS(convolve({.kernel = c.kernel.view(), .x = tall.view()}, tall.view()), violation);
  CHECK_THROWS_AS(convolve({.spectrum = known, .x = narrow.view()}, narrow.view()), violation);
  CHECK_THROWS_AS(large({.spectrum = known, .x = c.x.view()}, c.y.view()), violation);
  CHECK_THROWS_AS(static_cast<void>(convolve.spectrum(tall.view())), violation);
}
