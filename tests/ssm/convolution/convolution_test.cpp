// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/convolution.hpp>
#include <mamba/ssm/scan/recurrence.hpp>
#include <support/random_discrete.hpp>

#include <cmath>
#include <complex>
#include <limits>

namespace {

using mamba::dynamic;
using mamba::ssm::convolve;
using mamba::ssm::matrix;
using mamba::ssm::modes;
using mamba::ssm::sequence;
using mamba::ssm::toeplitz;
using mamba::ssm::vector;
using test::random_sequence;
using test::relative_distance;
using test::same_matrix;
using complex = std::complex<double>;

constexpr double u = std::numeric_limits<double>::epsilon() / 2;

// K_j = C Āʲ B̄ as it stands in the notes, so that the convolution is tested without the headers that make kernels.
template <class System>
auto kernel_of(System const& s, std::size_t L) {
  using answer = decltype(output(s, vector<typename decltype(System::b_bar)::Scalar>(), vector<double>()));
  matrix<typename answer::Scalar> kernel(mamba::ssm::index(L), s.c.rows() * s.b_bar.cols());
  for (Eigen::Index m = 0; m < s.b_bar.cols(); ++m) {
    auto h = s.b_bar.col(m).eval();
    vector<double> const silence = vector<double>::Zero(s.b_bar.cols());
    for (Eigen::Index j = 0; j < kernel.rows(); ++j) {
      auto const y = output(s, h, silence);
      for (Eigen::Index p = 0; p < s.c.rows(); ++p) kernel(j, p * s.b_bar.cols() + m) = y(p);
      h = mamba::ssm::advance(s, h);
    }
  }
  return kernel;
}

// Input x and kernel K of the notes: y_3 = K_0 x_3 + K_1 x_2 + K_2 x_1 + K_3 x_0.
TEST_CASE("convolution: the lower triangle of toeplitz()") {
  vector<double> const x{{1, 10, 100, 1000}}, kernel{{1, 2, 3, 4}};
  CHECK(toeplitz(x) == matrix<double>{{1, 0, 0, 0}, {10, 1, 0, 0}, {100, 10, 1, 0}, {1000, 100, 10, 1}});
  CHECK(convolve(kernel, x) == vector<double>{{1, 12, 123, 1234}});
  CHECK((toeplitz(x) * kernel).eval() == convolve(kernel, x));
  CHECK((toeplitz(kernel) * x).eval() == convolve(kernel, x));
  CHECK(convolve(kernel.head(2).eval(), x) == vector<double>{{1, 12, 120, 1200}});
}

// Two inputs and two outputs: K_0 = (1 2; 3 4), K_1 = (0 1; 1 0), x_0 = (1, 10), x_1 = (100, 1000).
//
//     y_0 = (21, 43)          y_1 = K_0 x_1 + K_1 x_0 = (2100 + 10, 4300 + 1)
TEST_CASE("convolution: a kernel row is a matrix, row by row") {
  matrix<double> const kernel{{1, 2, 3, 4}, {0, 1, 1, 0}}, x{{1, 10}, {100, 1000}};
  CHECK(convolve(kernel, x) == matrix<double>{{21, 43}, {2110, 4301}});
}

// Small whole numbers, so that every sum is exact and the order doesn't count.
TEST_CASE("convolution: commutative, associative, and the impulse is its identity") {
  test::random rng(1);
  auto const whole = [&](std::size_t L) {
    return random_sequence<double>(rng, L).unaryExpr([](double v) { return std::round(20 * v); }).eval();
  };
  for (std::size_t const L : {0U, 1U, 2U, 17U}) {
    sequence<double> const a = whole(L), b = whole(L), c = whole(L);
    CHECK(convolve(a, b) == convolve(b, a));
    CHECK(convolve(convolve(a, b), c) == convolve(a, convolve(b, c)));
    CHECK(convolve(a, b) == (toeplitz(b) * a).eval());
    if (L > 0) CHECK(convolve(sequence<double>{{1.0}}, a) == a);
  }
}

// Per step the recurrence rounds by at most (N + M + 2) √N u of the state it has, and what it has fades by ρ: over all
// steps by (N + M + 2) √N u / (1 − ρ) of the largest. The kernel's j-th row has j steps of that behind it,
// Σ_j j ρʲ ≤ 1/(1 − ρ)²: the larger part, and for N = 64, ρ = 0.9 at most 67·8·100 u = 6e-12. The modes of a diagonal
// system have one complex product each instead of a row of 64: 2√2·100² u = 3e-12 at ρ = 0.99. Sums that cancel to less
// than they are made of contribute; 1e-11 is required. Roundings cancel, too: what is found is 2e-15.
TEST_CASE("convolution: is the recurrence, for N = 64 and L = 4096") {
  test::random rng(2);
  double most = 0;
  auto const check = [&](auto const& s) {
    constexpr std::size_t L = 4096;
    auto const x = random_sequence<double>(rng, L);
    auto h = zero_state(s);
    auto const y = recurrence(s, h, x);
    auto const by_kernel = (convolve(kernel_of(s, L), x) + x * s.d.transpose()).eval();
    double const off = relative_distance(by_kernel, y);
    CHECK(off < 1e-11);
    most = std::max(most, off);
  };
  check(test::random_dense<double>(rng, 0.9, 64));
  check(test::random_diagonal<complex, dynamic, 1, 1, modes::half>(rng, 0.99, 32));
  check(test::random_diagonal<complex>(rng, 0.99, 64));
  check(test::random_dplr<complex, dynamic, 2, 1, 1, modes::half>(rng, 0.9, 32));
  MESSAGE("recurrence and convolution: at most ", most, " apart");
}

TEST_CASE("convolution: is the recurrence, for several inputs and outputs and every short length") {
  test::random rng(3);
  auto const check = [&](auto const& s) {
    for (std::size_t L = 0; L <= 9; ++L) {
      auto const x = random_sequence<double, dynamic>(rng, L, static_cast<std::size_t>(s.b_bar.cols()));
      auto h = zero_state(s);
      auto const y = recurrence(s, h, x);
      auto const by_kernel = (convolve(kernel_of(s, L), x) + x * s.d.transpose()).eval();
      CHECK(by_kernel.rows() == y.rows());
      CHECK(relative_distance(by_kernel, y) < 1e-14);  // 10 steps of some 10 roundings, 1e-16 each
    }
  };
  check(test::random_dense<double, dynamic, dynamic, dynamic>(rng, 0.9, 5, 2, 3));
  check(test::random_diagonal<complex, dynamic, dynamic, dynamic, modes::half>(rng, 0.9, 1, 3, 2));
}

TEST_CASE("convolution: causal, and what came first is the same whatever follows, bit for bit") {
  test::random rng(4);
  auto const kernel = random_sequence<double, dynamic>(rng, 12, 6);
  auto const x = random_sequence<double, dynamic>(rng, 20, 2);
  auto const y = convolve(kernel, x);
  for (Eigen::Index t = 0; t < 20; ++t) {
    auto changed = x;
    changed(t, 1) += 1;
    auto const seen = convolve(kernel, changed);
    REQUIRE(same_matrix(seen.topRows(t), y.topRows(t)));
    REQUIRE_FALSE(same_matrix(seen.row(t), y.row(t)));
    REQUIRE(same_matrix(convolve(kernel, x.topRows(t).eval()), y.topRows(t)));
    if (t + 12 < 20) REQUIRE(same_matrix(seen.bottomRows(8 - t), y.bottomRows(8 - t)));  // forgotten after L_K
  }
}

// Each y_k is L_K M products and sums; the two sides have at most twice that many roundings, and 4 for p x₁ + q x₂.
TEST_CASE("convolution: linear in the input") {
  test::random rng(5);
  auto const kernel = random_sequence<double, dynamic>(rng, 30, 2);
  auto const x1 = random_sequence<double, dynamic>(rng, 40, 2), x2 = random_sequence<double, dynamic>(rng, 40, 2);
  double const p = 1.7, q = -0.3;
  auto const y = convolve(kernel, (p * x1 + q * x2).eval());
  auto const sum = (p * convolve(kernel, x1) + q * convolve(kernel, x2)).eval();
  auto const size = convolve(kernel.cwiseAbs().eval(), (p * x1.cwiseAbs() - q * x2.cwiseAbs()).eval());
  for (Eigen::Index k = 0; k < 40; ++k) CHECK(std::fabs(y(k) - sum(k)) <= (2 * 61 + 4) * u * size(k));
}

TEST_CASE("convolution: each number within its bound of the exact one") {
  test::random rng(6);
  auto const kernel = random_sequence<float>(rng, 200), x = random_sequence<float>(rng, 300);
  auto const y = convolve(kernel, x);
  auto const exact = convolve(kernel.cast<double>().eval(), x.cast<double>().eval());
  auto const size = convolve(kernel.cast<double>().cwiseAbs().eval(), x.cast<double>().cwiseAbs().eval());
  constexpr double u_float = std::numeric_limits<float>::epsilon() / 2;
  for (Eigen::Index k = 0; k < 300; ++k) {
    CHECK(std::fabs(static_cast<double>(y(k)) - exact(k)) <= 201 * u_float * size(k) * (1 + 1e-6));
  }
}

TEST_CASE("convolution: a complex kernel takes real inputs") {
  test::random rng(7);
  auto const kernel = random_sequence<complex>(rng, 9);
  auto const x = random_sequence<double>(rng, 9);
  auto const y = convolve(kernel, x);
  CHECK(relative_distance(y.real(), convolve(kernel.real().eval(), x)) < 10 * u);
  CHECK(relative_distance(y.imag(), convolve(kernel.imag().eval(), x)) < 10 * u);
}

TEST_CASE("convolution: a NaN lasts as long as the kernel, no longer") {
  sequence<double> const kernel{{1.0}, {2.0}, {3.0}};
  sequence<double> x = sequence<double>::Ones(8);
  x(2) = std::numeric_limits<double>::quiet_NaN();
  auto const y = convolve(kernel, x);
  for (Eigen::Index k = 0; k < 8; ++k) CHECK(std::isnan(y(k)) == (k >= 2 && k <= 4));
}

#if MAMBA_CONTRACTS
TEST_CASE("convolution: a kernel for other inputs is refused") {
  matrix<double> const kernel(4, 3), x(4, 2);
  CHECK_THROWS_AS(static_cast<void>(convolve(kernel, x)), mamba::contract_violation);
}
#endif

}  // namespace
