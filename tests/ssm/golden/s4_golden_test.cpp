// SPDX-License-Identifier: MIT
// Low-rank corrections, modes, initialisations and kernels as state-spaces/s4 and annotated-s4 compute them in true
// float64 (tests/golden/s4/make.py): numbers that this library had no part in.
//
// They keep the modes with Im ≤ 0, the fastest first; ours are the conjugates, the slowest first.
#include <doctest/doctest.h>

#include <mamba/io/safetensors/archive.hpp>
#include <mamba/ssm/convolution/cauchy_kernel.hpp>
#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/hippo/laguerre.hpp>
#include <mamba/ssm/hippo/low_rank.hpp>
#include <mamba/ssm/hippo/nplr.hpp>
#include <mamba/ssm/hippo/s4d.hpp>
#include <support/largest.hpp>

#include <algorithm>
#include <complex>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace {

namespace ssm = mamba::ssm;
using mamba::dynamic;
using ssm::modes;
using complex = std::complex<double>;
constexpr double eps = std::numeric_limits<double>::epsilon();

/// One file: the cases of a kind in their order, and what a case holds.
class golden {
 public:
  explicit golden(std::string const& name)
      : file_(mamba::io::safetensors::archive::open(std::filesystem::path(MAMBA_GOLDEN_DIR) / "s4" /
                                                    (name + ".safetensors"))) {
    for (auto const& t : file_.tensors()) {
      auto const dot = t.name.find('.'), last = t.name.rfind('.');
      auto const i = static_cast<std::size_t>(std::stoul(t.name.substr(0, dot)));
      if (i >= kinds_.size()) kinds_.resize(i + 1);
      kinds_[i] = t.name.substr(dot + 1, last - dot - 1);
    }
  }

  [[nodiscard]] std::vector<std::string> const& kinds() const { return kinds_; }

  [[nodiscard]] ssm::matrix<double> real(std::size_t i, std::string const& name) const {
    auto const& t = at(i, name);
    auto const cols = t.shape.empty() ? 1 : t.shape.back(), rows = t.shape.size() < 2 ? 1 : t.shape.front();
    std::vector<double> cells(rows * cols);
    mamba::io::read_values<double>(t, 0, cells);
    using row_major = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<row_major>(cells.data(), ssm::index(rows), ssm::index(cols));
  }

  /// [J] is one row, [I, J] a matrix; a number [] is 1 × 1.
  [[nodiscard]] ssm::matrix<complex> complex_rows(std::size_t i, std::string const& name) const {
    auto const& t = at(i, name);
    REQUIRE(t.shape.back() == 2);
    auto const cols = t.shape.size() < 2 ? 1 : t.shape[t.shape.size() - 2];
    auto const rows = t.shape.size() < 3 ? 1 : t.shape.front();
    std::vector<double> cells(2 * rows * cols);
    mamba::io::read_values<double>(t, 0, cells);
    ssm::matrix<complex> out(ssm::index(rows), ssm::index(cols));
    for (Eigen::Index k = 0; k < out.size(); ++k) {
      auto const from = 2 * ssm::size(k);
      out(k / out.cols(), k % out.cols()) = complex(cells[from], cells[from + 1]);
    }
    return out;
  }

 private:
  [[nodiscard]] mamba::io::stored_tensor const& at(std::size_t i, std::string const& name) const {
    auto const& t = file_.at(std::to_string(i) + "." + kinds_[i] + "." + name);
    REQUIRE(t.type == mamba::io::dtype::f64);
    return t;
  }

  mamba::io::safetensors::archive file_;
  std::vector<std::string> kinds_;
};

struct measure {
  std::function<ssm::transition<double>(std::size_t)> transition;
  std::function<ssm::matrix<double>(std::size_t)> low_rank;
};

measure named(std::string const& name) {
  if (name == "legs") return {ssm::hippo_legs<double>, ssm::low_rank_legs<double>};
  if (name == "legt") return {ssm::hippo_legt_window_2<double>, ssm::low_rank_legt_window_2<double>};
  if (name == "lagt") {
    return {[](std::size_t n) { return ssm::hippo_lagt<double>(n); }, ssm::low_rank_lagt<double>};
  }
  if (name == "fourier") return {ssm::hippo_fourier<double>, ssm::low_rank_fourier<double>};
  if (name == "fourier_decay") return {ssm::hippo_fourier_decay<double>, ssm::low_rank_fourier_decay<double>};
  REQUIRE(name == "fourier2");
  return {ssm::hippo_fourier2<double>, ssm::low_rank_fourier2<double>};
}

/// Their order and signs in ours.
ssm::matrix<complex> ours(ssm::matrix<complex> const& rows) { return rows.rowwise().reverse().conjugate(); }

template <class A, class B>
double distance(A const& found, B const& expected) {
  REQUIRE(found.rows() == expected.rows());
  REQUIRE(found.cols() == expected.cols());
  REQUIRE(found.allFinite());  // a NaN is lost in a maximum
  return test::largest(found - expected) / test::largest(expected);
}

// A root and a product, in both.
TEST_CASE("s4 golden: low-rank corrections") {
  golden const g("low_rank");
  REQUIRE(g.kinds().size() == 12);
  double worst = 0;
  for (std::size_t i = 0; i < g.kinds().size(); ++i) {
    auto const P = g.real(i, "P");
    worst = std::max(worst, distance(named(g.kinds()[i]).low_rank(ssm::size(P.cols())).transpose(), P));
  }
  CHECK(worst <= 2 * eps);
  MESSAGE(g.kinds().size(), " cases, at most ", worst, " off");
}

// Both solve −iK by a Hermitian solver: w is off by N ε ‖K‖ at most, a column of V by that over the distance to the
// next w, and canonical phases add that over |V_0n|, which they divide by (for Fourier the first entry is √½).
TEST_CASE("s4 golden: modes, P and B of the normal-plus-low-rank forms") {
  golden const g("nplr");
  REQUIRE(g.kinds().size() == 24);
  double worst_w = 0, worst_p = 0, of_bound = 0;
  for (std::size_t i = 0; i < g.kinds().size(); ++i) {
    auto const lambda = ours(g.complex_rows(i, "lambda"));
    auto const N = ssm::size(2 * lambda.cols());
    CAPTURE(g.kinds()[i]);
    CAPTURE(N);
    auto const m = named(g.kinds()[i]);
    auto const f = ssm::nplr<modes::half>(m.transition(N), m.low_rank(N));
    auto const w = f.lambda.imag().eval();
    double const size = std::max(1.0, std::sqrt(2.0) * w.norm()), rounding = 2 * static_cast<double>(N) * eps * size;
    double gap = size, first = 1;
    for (Eigen::Index n = 0; n < w.size(); ++n) {
      if (w(n) > 0) gap = std::min(gap, n > 0 ? w(n) - w(n - 1) : 2 * w(n));
      if (std::abs(f.v(0, n)) > 1e-8) first = std::min(first, std::abs(f.v(0, n)));
    }
    worst_w = std::max(worst_w, test::largest(f.lambda.transpose() - lambda) / size);
    CHECK(test::largest(f.lambda.transpose() - lambda) <= rounding);
    double const vectors = rounding / gap * (1 + 1 / first);
    for (auto const& [found, expected] :
         {std::pair(ssm::matrix<complex>(f.p.transpose()), ours(g.complex_rows(i, "P"))),
          std::pair(ssm::matrix<complex>(f.b.transpose()), ours(g.complex_rows(i, "B")))}) {
      double const off = (found - expected).norm() / expected.norm();
      worst_p = std::max(worst_p, off);
      of_bound = std::max(of_bound, off / vectors);
      CHECK(off <= vectors);
    }
  }
  MESSAGE(g.kinds().size(), " cases: modes at most ", worst_w, " of the spectrum off, P and B ", worst_p, ", ",
          of_bound, " of the bound");
}

// Three to five roundings of the largest term, N²/π for Inv.
TEST_CASE("s4 golden: initialisations of S4D") {
  golden const g("s4d");
  REQUIRE(g.kinds().size() == 15);
  using row = ssm::matrix<complex, 1, dynamic>;
  double worst = 0;
  for (std::size_t i = 0; i < g.kinds().size(); ++i) {
    auto const kind = g.kinds()[i];
    CAPTURE(kind);
    auto const A = g.complex_rows(i, "A");
    row const c = row::Ones(1, A.cols());
    if (kind == "real") {
      CHECK(test::largest(A.imag()) == 0);
      CHECK(ssm::s4d_real(c.real().eval()).a.lambda.transpose() == A.real());
    } else if (kind == "legs") {
      auto const s = ssm::s4d_legs(c);
      double const N = 2 * static_cast<double>(A.cols());
      CHECK(distance(s.a.lambda.transpose(), ours(A)) <= 2 * N * eps);
      CHECK(distance(s.b.transpose(), ours(g.complex_rows(i, "B"))) <=
            1e-11);  // as P and B above, which have the bound
    } else {
      auto const s = kind == "lin" ? ssm::s4d_lin(c) : kind == "inv" ? ssm::s4d_inv(c) : ssm::s4d_quad(c);
      worst = std::max(worst, distance(s.a.lambda.transpose(), A.conjugate()));
      CHECK(distance(s.a.lambda.transpose(), A.conjugate()) <= 4 * eps);
      CHECK(g.complex_rows(i, "B") == s.b.transpose());
      if (kind == "inv" && A.cols() == 32) CHECK(-A(0).imag() == doctest::Approx(1283.4).epsilon(4e-5));
    }
  }
  MESSAGE(g.kinds().size(), " cases, at most ", worst, " off");
}

using half_system = ssm::dplr_system<complex, dynamic, dynamic, 1, 1, modes::half>;

// The original forms ω by powers and divides by 1 + ω, which leaves its g near ω = −1 off by some L² ε; it inverts with
// Ā^L in another order. 1e-10 has room for the largest condition number of I − Ā^L among the cases, about 1e3 times N L
// ε.
TEST_CASE("s4 golden: S4 kernels, C~ and the step's C") {
  golden const g("cauchy");
  REQUIRE(g.kinds().size() == 10);
  double worst = 0, worst_c = 0;
  for (std::size_t i = 0; i < g.kinds().size(); ++i) {
    CAPTURE(i);
    auto const K = g.real(i, "K").transpose().eval();
    double const delta = g.real(i, "delta")(0);
    auto const L = ssm::size(K.rows());
    ssm::matrix<complex> const p = g.complex_rows(i, "P").transpose();
    half_system const s{{g.complex_rows(i, "lambda").transpose(), p, p},
                        g.complex_rows(i, "B").transpose(),
                        g.complex_rows(i, "C"),
                        ssm::matrix<double, 1>::Zero()};
    auto const absorbed = ssm::absorb_power(s, delta, L);
    auto const C_tilde = g.complex_rows(i, "C_tilde"), C_step = g.complex_rows(i, "C_step");
    auto trained = s;
    trained.c = C_tilde;
    worst_c = std::max({worst_c, distance(absorbed.c, C_tilde), distance(ssm::all_modes(s).c, C_step),
                        distance(ssm::recover_c(trained, delta, L).c, s.c)});
    worst = std::max({worst, distance(ssm::cauchy_kernel(s, delta, L), K),
                      distance(ssm::cauchy_kernel_of_c_tilde(trained, delta, L), K),
                      distance(ssm::krylov_kernel(ssm::bilinear(delta, s), L), K)});
  }
  CHECK(worst <= 1e-10);
  CHECK(worst_c <= 1e-10);
  MESSAGE(g.kinds().size(), " cases, kernels at most ", worst, " off, C and C~ ", worst_c);
}

// The original's (e^{ΔA} − 1)/A has lost up to 1/|ΔA| < 1e3 ε; its powers are exp(k log ā), k |log ā| ε.
TEST_CASE("s4 golden: S4D kernels by both rules") {
  golden const g("vandermonde");
  REQUIRE(g.kinds().size() == 12);
  double worst = 0;
  for (std::size_t i = 0; i < g.kinds().size(); ++i) {
    CAPTURE(i);
    auto const K = g.real(i, "K").transpose().eval();
    double const delta = g.real(i, "delta")(0);
    ssm::diagonal_system<complex, dynamic, 1, 1, modes::half> const s{
        g.complex_rows(i, "A").transpose(), g.complex_rows(i, "B").transpose(), g.complex_rows(i, "C"),
        ssm::matrix<double, 1>::Zero()};
    auto const step = g.kinds()[i] == "zoh" ? ssm::zero_order_hold(delta, s) : ssm::bilinear(delta, s);
    worst = std::max({worst, distance(step.a_bar.lambda.transpose(), g.complex_rows(i, "A_bar")),
                      distance(step.b_bar.transpose(), g.complex_rows(i, "B_bar")),
                      distance(ssm::vandermonde_kernel(step, ssm::size(K.rows())), K)});
  }
  CHECK(worst <= 1e-12);
  MESSAGE(g.kinds().size(), " cases, at most ", worst, " off");
}

TEST_CASE("s4 golden: the annotated S4's kernels, generating function and S4D") {
  golden const g("annotated");
  REQUIRE(g.kinds().size() == 11);
  double worst = 0;
  for (std::size_t i = 0; i < g.kinds().size(); ++i) {
    CAPTURE(i);
    auto const kind = g.kinds()[i];
    auto const K = g.real(i, "K").transpose().eval();
    auto const L = ssm::size(K.rows());
    if (kind == "dplr") {
      double const delta = g.real(i, "delta")(0);
      ssm::matrix<complex> const p = g.complex_rows(i, "P").transpose();
      ssm::dplr_system<complex, dynamic, dynamic> const s{{g.complex_rows(i, "lambda").transpose(), p, p},
                                                          g.complex_rows(i, "B").transpose(),
                                                          g.complex_rows(i, "C_tilde"),
                                                          ssm::matrix<double, 1>::Zero()};
      auto const step = ssm::bilinear(delta, ssm::recover_c(s, delta, L));
      worst = std::max({worst, distance(ssm::cauchy_kernel_of_c_tilde(s, delta, L).real(), K),
                        distance(ssm::krylov_kernel(step, L).real(), g.real(i, "K_step").transpose())});
    } else if (kind == "truncated") {
      ssm::discrete_dense<double> const s{g.real(i, "A_bar"), g.real(i, "B_bar").transpose(), g.real(i, "C"),
                                          ssm::matrix<double, 1>::Zero()};
      auto const value = g.complex_rows(i, "value"), z = g.complex_rows(i, "z");
      worst = std::max({worst, distance(ssm::generating_function(ssm::absorb_power(s, L), z(0)), value),
                        distance(ssm::truncated_generating_function(ssm::krylov_kernel(s, L), z(0)), value),
                        distance(ssm::krylov_kernel(s, L), K)});
    } else {
      auto const A = g.complex_rows(i, "A");
      ssm::diagonal_system<complex> const s{A.transpose(), ssm::vector<complex>::Ones(A.cols()), g.complex_rows(i, "C"),
                                            ssm::matrix<double, 1>::Zero()};
      double const delta = g.real(i, "delta")(0);
      auto const step = kind == "zoh" ? ssm::zero_order_hold(delta, s) : ssm::bilinear(delta, s);
      worst = std::max(worst, distance(ssm::vandermonde_kernel(step, L).real(), K));
    }
  }
  CHECK(worst <= 1e-10);  // as above
  MESSAGE(g.kinds().size(), " cases, at most ", worst, " off");
}

}  // namespace
