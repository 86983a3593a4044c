// SPDX-License-Identifier: MIT
// 05_why_diagonal — a diagonal A would be cheap. HiPPO's cannot be made diagonal; a close relative of it already is.
//
// With a diagonal A the modes do not see each other: K_k = Σ_n C_n ā_nᵏ B̄_n, and a step costs N instead of N². Every A
// with distinct eigenvalues has eigenvectors V with A = V Λ V⁻¹. So why does S4 not go that way? Because numbers have
// 16 digits. Going through V and back magnifies errors by its condition number, for LegS a thousandfold more with every
// four states. Add the right column, A + P Pᵀ, and the matrix is normal: its V is unitary and magnifies nothing.
//
//     S4       keeps the column:  A = V (Λ − P Pᴴ) Vᴴ         (lesson 6 says what to do with it)
//     S4D      drops it:          A = Λ, and half of B        (kernels near those of S4, the nearer the larger N)
//     Inv, Lin replace Λ by formulas; Mamba starts from −1, −2, −3, …
#include <lecture/legs.hpp>
#include <lecture/lesson.hpp>

#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/hippo/s4d.hpp>

#include <Eigen/QR>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using lecture::text;
using samples = ssm::sequence<double>;
using real_matrix = ssm::matrix<double>;
using modes_matrix = ssm::matrix<std::complex<double>, 1, mamba::dynamic>;

namespace {

double const delta = 0.005;  // between the points of a kernel [s]
std::size_t const L = 800;   // four seconds
/// ‖V‖ ‖V⁻¹‖/N for the eigenvectors of a lower triangular matrix: how much errors grow on the way through V and back.
double condition_of_eigenvectors(real_matrix const& a) {
  real_matrix const one = real_matrix::Identity(a.rows(), a.cols());
  real_matrix v = one;
  for (Eigen::Index j = 0; j < a.cols(); ++j) {
    for (Eigen::Index i = j + 1; i < a.rows(); ++i)
      v(i, j) = a.row(i).segment(j, i - j).dot(v.col(j).segment(j, i - j)) / (a(j, j) - a(i, i));
    v.col(j).normalize();
  }
  return v.norm() * v.triangularView<Eigen::Lower>().solve(one).norm() / static_cast<double>(a.rows());
}

/// K(t) of a diagonal system.
template <class System>
samples kernel(System const& s) {
  return ssm::vandermonde_kernel(zero_order_hold(delta, s), L) / delta;
}

/// S4D-LegS as Theorem 3 of S4D compares it with S4: Λ alone, and half of B. It reads one state.
auto legs_alone(lecture::legs_form const& form, Eigen::Index state) {
  auto s = ssm::s4d_lin(modes_matrix(form.v.row(state)));  // any diagonal system of the size
  s.a = form.lambda;
  s.b = form.b / 2;
  return s;
}

/// Of all kernels that some C can make, the one nearest to a target.
template <class System>
samples nearest(System s, samples const& target) {
  real_matrix basis(target.size(), 2 * s.c.size());
  for (Eigen::Index i = 0; i < basis.cols(); ++i) {
    s.c = modes_matrix::Unit(s.c.size(), i / 2) * (i % 2 == 0 ? 1.0 : std::complex<double>(0, 1));
    basis.col(i) = kernel(s);
  }
  return basis * basis.colPivHouseholderQr().solve(target);
}

void teach(lecture::lesson& l) {
  std::vector<double> sizes, of_legs;
  std::vector<std::vector<std::string>> rows;
  double unitary = 0;
  for (std::size_t N = 4; N <= 44; N += 4) {
    auto const v = lecture::legs_as_nplr(N).v;
    unitary = std::max(unitary, (v.adjoint() * v).isIdentity(1e-12) ? 0.0 : 1.0);
    sizes.push_back(static_cast<double>(N));
    of_legs.push_back(condition_of_eigenvectors(ssm::hippo_legs<double>(N).a));
    rows.push_back({std::to_string(N), text("%.1e", of_legs.back()), text("%.1f", std::log10(of_legs.back()))});
  }
  l.say("The condition number of the eigenvectors of LegS:");
  l.table({"N", "condition number", "digits lost"}, rows);
  l.claim("at N = 32 no digit of a double survives (1e16 / condition number)", 1e16 / of_legs[7], 1);
  l.claim("the eigenvectors of A + P Pᵀ are unitary, to 1e-12 (0 if so)", unitary, 0);

  Eigen::Index const n = 3;  // LegS is lower triangular: what state 3 sees of the past does not depend on N ≥ 4
  ssm::matrix<double, 1, mamba::dynamic> const reads = ssm::matrix<double>::Identity(8, 8).row(n);
  samples const full = krylov_kernel(zero_order_hold(delta, with_output(reads, ssm::hippo_legs<double>(8))), L) / delta;
  std::vector<samples> kept;
  std::vector<double> off;
  std::vector<std::size_t> const tried{16, 64, 256};
  for (std::size_t const N : tried) {
    kept.push_back(kernel(legs_alone(lecture::legs_as_nplr(N), n)));
    off.push_back((kept.back() - full).norm() / full.norm());
  }
  l.say(text("State 3 of S4D-LegS sees nearly the past that S4 sees: off by %.2f, %.2f, %.2f (N = 16, 64, 256; rms).",
             off[0], off[1], off[2]));
  l.claim("the larger N, the nearer is S4D to S4 (worst ratio)", std::max(off[1] / off[0], off[2] / off[1]), 0.8);

  auto const t = plot::spaced(L, delta / 2, delta);
  samples target(ssm::index(L));
  for (std::size_t k = 0; k < L; ++k) target(ssm::index(k)) = std::exp(-std::pow((t[k] - 0.5) / 0.07, 2));
  auto const legs = lecture::legs_as_nplr(64);
  modes_matrix const ones = modes_matrix::Ones(32);
  auto const inv = ssm::s4d_inv(ones), lin = ssm::s4d_lin(ones);
  char const* const names[]{"S4D-LegS", "S4D-Inv", "S4D-Lin"};
  samples const found[]{nearest(legs_alone(legs, n), target), nearest(inv, target), nearest(lin, target)};
  auto const miss = [&](int i) { return (found[i] - target).norm() / target.norm(); };
  l.say(text("A bump at 0.5 s, by the best C: off by %.2f (LegS), %.2f (Inv), %.2f (Lin).", miss(0), miss(1), miss(2)));

  plot::figure f("Why diagonal, and how", {.columns = 2, .rows = 2, .width = 1200, .height = 900});
  plot::panel& digits = f.add("Going through the eigenvectors and back", "N", "condition number");
  digits.marked_line(sizes, of_legs, "eigenvectors of LegS");
  digits.marked_line(sizes, std::vector<double>(sizes.size(), 1), "of LegS + P P^T");
  digits.line(sizes, std::vector<double>(sizes.size(), 1e16), "16 digits", {.ink = plot::color::grey});
  digits.log_y();
  digits.legend("top left");
  plot::panel& speeds = f.add("32 modes that decay as e^{-t/2}", "mode, the slowest first", "Im a_n [1/s]");
  speeds.points(plot::spaced(32, 1), legs.lambda.imag().eval(), "S4D-LegS");
  speeds.line(plot::spaced(32, 1), inv.a.lambda.imag().reverse().eval(), "S4D-Inv");
  speeds.line(plot::spaced(32, 1), lin.a.lambda.imag().eval(), "S4D-Lin");
  speeds.log_y();
  speeds.legend("top left");
  plot::panel& seen = f.add("State 3: what it sees of the past", "age [s]", "K(t)");
  for (std::size_t i = 0; i < 3; ++i)
    seen.line(t, kept[i], "S4D-LegS, N = " + std::to_string(tried[i]), {.width = 1.4});
  seen.line(t, full, "S4-LegS, any N", {.ink = plot::color::black, .width = 2.5, .pattern = plot::dash::dashed});
  seen.y_range(-3, 3);
  seen.legend("bottom right");
  plot::panel& bumps = f.add("Read by a C that wants a bump at 0.5 s, N = 64", "age [s]", "K(t)");
  bumps.line(t, target, "the bump", {.ink = plot::color::pale, .width = 8});
  for (std::size_t i = 0; i < 3; ++i) bumps.line(t, found[i], names[i], {.width = 1.6});
  bumps.x_range(0, 2.8);
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "05_why_diagonal",
       .title = "Why diagonal",
       .caption = "Top left: 16 digits cannot make LegS diagonal, but they can once a column is added. Bottom left: "
                  "what S4D loses by dropping that column again becomes less with N. Right: the frequencies of the "
                  "diagonal initialisations, and how near each comes to a bump half a second ago; the waves of Lin "
                  "repeat every two seconds, so it sees the bump twice."},
      teach);
}
