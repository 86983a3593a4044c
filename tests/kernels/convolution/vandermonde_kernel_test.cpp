// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/convolution/vandermonde_kernel.hpp>
#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/recurrence_case.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace {

using mamba::kernels::channel_blocked;
using mamba::kernels::channel_major;
using mamba::kernels::complex_blocked;
using mamba::kernels::unit_b;
using mamba::kernels::vandermonde_kernel;
using test::recurrence_case;
using test::table;

template <class T>
channel_blocked<T> blocked(table<T> const& t) {
  return channel_blocked<T>(t.view());
}
template <class T>
complex_blocked<T> blocked(table<std::complex<T>> const& t) {
  return complex_blocked<T>(t.view());
}

template <class C, class T>
void fill(recurrence_case<C, T> const& s, bool unit, std::type_identity_t<mamba::kernels::sequences<T>> K) {
  if (unit) {
    vandermonde_kernel({.b_bar = unit_b{}, .c = blocked(s.c)}, blocked(s.a), K);
  } else {
    vandermonde_kernel({.b_bar = blocked(s.b), .c = blocked(s.c)}, blocked(s.a), K);
  }
}

/// The largest share of the bound on the header's card, against powers by repeated multiplication in long double,
/// which lose k 2⁻⁶³ at most.
template <class C, class T>
double share_of_bound(recurrence_case<C, T> const& s, bool unit, test::guarded<T> const& K, std::size_t L) {
  using E = test::long_of<C>;
  constexpr bool half = mamba::ssm::is_complex<C>;
  constexpr long double u = std::numeric_limits<T>::epsilon() / 2.0L * 1.01L * (mamba::simd::fused ? 1 : 2);
  constexpr long double least = std::numeric_limits<T>::min();
  std::size_t const N = s.a.extent(1);
  double worst = 0;
  for (std::size_t d = 0; d < s.a.extent(0); ++d) {
    std::vector<E> term(N);
    for (std::size_t n = 0; n < N; ++n) term[n] = E(s.c(d, n)) * (unit ? E(1) : E(s.b(d, n)));
    for (std::size_t k = 0; k < L; ++k) {
      long double sum = 0, size = 0;
      for (E& v : term) {
        sum += half ? 2 * std::real(v) : std::real(v);
        size += half ? 2 * std::abs(v) : std::abs(v);
      }
      auto const place = static_cast<long double>(k + 1), count = static_cast<long double>(N);
      long double const allowed = ((count + (half ? 50 : 34)) * u + (half ? 2.2L : 1.1L) * place * 0x1p-53L) * size;
      long double const off = std::fabs(static_cast<long double>(K(k, d)) - sum);
      double const share = off == 0 ? 0 : static_cast<double>(off / (allowed + 8 * count * least));
      worst = share <= worst ? worst : std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
      for (std::size_t n = 0; n < N; ++n) term[n] *= E(s.a(d, n));
    }
  }
  return worst;
}

template <class C, class T>
double check_one(test::random& rng, std::size_t L, std::size_t D, std::size_t N) {
  auto const s = test::random_recurrence<C, T>(rng, 0, D, N, false);
  bool const unit = rng.below(3) == 0;
  test::guarded<T> K(L, D, rng.below(16), rng.below(9)), turned(D, L, rng.below(16), rng.below(9));
  fill<C, T>(s, unit, K.view());
  fill<C, T>(s, unit, channel_major{turned.view()});
  REQUIRE(K.intact());
  REQUIRE(turned.intact());
  for (std::size_t k = 0; k < L; ++k) {
    for (std::size_t d = 0; d < D; ++d) REQUIRE(K(k, d) == turned(d, k));
  }
  double const worst = share_of_bound<C, T>(s, unit, K, L);
  if (worst > 1) {
    CAPTURE(L);
    CAPTURE(D);
    CAPTURE(N);
    REQUIRE(worst <= 1);
  }
  return worst;
}

template <class C, class T>
void check_sizes(std::string const& name) {
  constexpr std::size_t W = channel_blocked<T>::lanes, segment = 16 * W;
  test::random rng(sizeof(C) + 1);
  double worst = 0;
  for (std::size_t D = 1; D <= 2 * W + 1; ++D) {
    for (std::size_t const N : {1U, 2U, 3U, 16U}) worst = std::max(worst, check_one<C, T>(rng, rng.below(50), D, N));
  }
  for (std::size_t L = 0; L <= 2 * W + 1; ++L) worst = std::max(worst, check_one<C, T>(rng, L, W + 1, 5));
  for (std::size_t const L : {segment - 1, segment, segment + 1, 3 * segment + 7}) {
    worst = std::max(worst, check_one<C, T>(rng, L, 1, 64));
    worst = std::max(worst, check_one<C, T>(rng, L, W, 0));
    worst = std::max(worst, check_one<C, T>(rng, L, W + 2, 7));
  }
  MESSAGE(name, ": at most ", worst, " of the bound");
}

TEST_CASE("vandermonde_kernel kernel: the reference in long double, all awkward sizes") {
  check_sizes<float, float>("float");
  check_sizes<double, double>("double");
  check_sizes<std::complex<float>, float>("complex float");
  check_sizes<std::complex<double>, double>("complex double");
}

/// |ā| = 1 and little less: every power still counts.
template <class C, class T>
void check_long(std::string const& name) {
  constexpr std::size_t L = 65536, N = 4;
  test::random rng(77);
  auto s = test::random_recurrence<C, T>(rng, 0, 3, N, false);
  for (C& v : s.a.cells()) v *= static_cast<T>((1 - std::pow(10.0, rng.uniform(-8, -4))) / std::abs(v));
  test::guarded<T> K(L, 3);
  fill<C, T>(s, false, K.view());
  double const worst = share_of_bound<C, T>(s, false, K, L);
  CHECK(worst <= 1);
  MESSAGE(name, ", L = 65536: ", worst, " of the bound");
}

TEST_CASE("vandermonde_kernel kernel: 65,536 powers near the unit circle stay within the bound of a few") {
  check_long<float, float>("float");
  check_long<double, double>("double");
  check_long<std::complex<float>, float>("complex float");
  check_long<std::complex<double>, double>("complex double");
}

TEST_CASE("vandermonde_kernel kernel: ssm::vandermonde_kernel of each channel") {
  using complex = std::complex<double>;
  test::random rng(3);
  std::size_t const L = 300, D = 3, N = 5;
  auto const s = test::random_recurrence<complex, double>(rng, 0, D, N, false);
  table<double> K(L, D);
  fill<complex, double>(s, false, K.view());
  for (std::size_t d = 0; d < D; ++d) {
    mamba::ssm::discrete_diagonal<complex, N, 1, 1, mamba::ssm::modes::half> one;
    for (std::size_t n = 0; n < N; ++n) {
      auto const at = mamba::ssm::index(n);
      one.a_bar[at] = s.a(d, n), one.b_bar(at, 0) = s.b(d, n), one.c(0, at) = s.c(d, n);
    }
    auto const expected = mamba::ssm::vandermonde_kernel(one, L);
    // both cards together at k < 300, N = 5: less than 1200 ε of 2 Σ|c b̄| ≤ 2 N 4
    for (std::size_t k = 0; k < L; ++k) {
      CHECK(std::fabs(K(k, d) - expected(mamba::ssm::index(k), 0)) < 1200 * 0x1p-52 * 40);
    }
  }
}

TEST_CASE("vandermonde_kernel kernel: the same bits with 1, 2 and 3 threads, and with static extents") {
  test::random rng(5);
  auto const s = test::random_recurrence<std::complex<float>, float>(rng, 0, 77, 9, false);
  test::all_work_shared const shared;
  mamba::parallel::set_thread_count(1);
  table<float> alone(700, 77), together(700, 77);
  fill(s, false, alone.view());
  for (int const count : {2, 3}) {
    mamba::parallel::set_thread_count(count);
    fill(s, false, together.view());
    CHECK(test::same_rows(together.view(), alone.view()));
  }
  complex_blocked<float, 77, 9> a, b, c;
  for (std::size_t d = 0; d < 77; ++d) {
    for (std::size_t n = 0; n < 9; ++n) a.set(d, n, s.a(d, n)), b.set(d, n, s.b(d, n)), c.set(d, n, s.c(d, n));
  }
  vandermonde_kernel({.b_bar = b, .c = c}, a, together.view());
  CHECK(test::same_rows(together.view(), alone.view()));
}

TEST_CASE("vandermonde_kernel kernel: 0^0 is 1, tiny powers end, and NaN stays in its channel") {
  channel_blocked<float> a(3, 1), c(3, 1);
  c.fill(1);
  a(0, 0) = 0;
  a(1, 0) = 0.5F;
  a(2, 0) = std::numeric_limits<float>::quiet_NaN();
  table<float> K(1000, 3);
  vandermonde_kernel({.b_bar = unit_b{}, .c = c}, a, K.view());
  CHECK(K(0, 0) == 1);
  CHECK(K(1, 0) == 0);
  for (std::size_t k = 0; k < 126; ++k) CHECK(K(k, 1) == std::ldexp(1.0F, -static_cast<int>(k)));
  CHECK(K(999, 1) == 0);
  for (std::size_t k = 1; k < 1000; ++k) CHECK(std::isnan(K(k, 2)));

  // Half of a complex number is enough, also beside a zero.
  complex_blocked<float> turning(1, 1), reads(1, 1);
  turning.set(0, 0, {0.5F, 0.25F});
  reads.set(0, 0, {0, std::numeric_limits<float>::quiet_NaN()});
  table<float> half(600, 1);
  vandermonde_kernel({.b_bar = unit_b{}, .c = reads}, turning, half.view());
  for (std::size_t k = 0; k < 600; ++k) CHECK(std::isnan(half(k, 0)));
}

TEST_CASE("vandermonde_kernel kernel: contracts") {
  channel_blocked<float> a(5, 3), other(5, 4);
  table<float> K(10, 5), turned(5, 10);
  using violation = mamba::contract_violation;
  CHECK_NOTHROW(vandermonde_kernel({.b_bar = a, .c = a}, a, K.view()));
  CHECK_NOTHROW(vandermonde_kernel({.b_bar = a, .c = a}, a, channel_major{turned.view()}));
  CHECK_THROWS_AS(vandermonde_kernel({.b_bar = a, .c = a}, a, turned.view()), violation);
  CHECK_THROWS_AS(vandermonde_kernel({.b_bar = a, .c = a}, a, channel_major{K.view()}), violation);
  CHECK_THROWS_AS(vandermonde_kernel({.b_bar = other, .c = a}, a, K.view()), violation);
  CHECK_THROWS_AS(vandermonde_kernel({.b_bar = unit_b{}, .c = other}, a, K.view()), violation);
}

}  // namespace
