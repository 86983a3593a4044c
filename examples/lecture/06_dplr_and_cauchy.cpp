// SPDX-License-Identifier: MIT
// 06_dplr_and_cauchy — the trick of S4: the kernel of a 64 × 64 matrix without ever multiplying by it.
//
// The kernel K_k = C Āᵏ B̄ needs L products with a matrix, N² L multiplications. Diagonal matrices would be cheap,
// but HiPPO's cannot be diagonalised (lesson 5). Three steps lead out:
//
//     1. A + P Pᵀ is normal, so that A = V (Λ − P Pᴴ) Vᴴ with a unitary V: diagonal plus low rank, DPLR.
//     2. Do not compute K but its Fourier transform: Σ_k C Āᵏ B̄ ωᵏ is a geometric series, C̃ (I − Ā ω)⁻¹ B̄ at roots
//        of unity, with C̃ = C (I − Āᴸ). Powers have become one inverse.
//     3. The inverse of diagonal plus low rank is known (Woodbury). What is left are sums Σ_n v_n/(g − λ_n), a Cauchy
//        matrix times a vector; and one inverse FFT.
#include <lecture/legs.hpp>
#include <lecture/lesson.hpp>

#include <mamba/ssm/convolution/cauchy_kernel.hpp>
#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/hippo/reconstruction.hpp>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using lecture::text;
using samples = ssm::sequence<double>;

namespace {

std::size_t const N = 64;

/// The sizes of a matrix's entries, as powers of ten below the largest.
template <class Matrix>
void picture(plot::panel& p, Matrix const& m) {
  auto const size = m.cwiseAbs().eval();
  auto const cell = [&](std::size_t i, std::size_t j) {
    return std::max(0.0, 3 + std::log10(size(ssm::index(i), ssm::index(j)) / size.maxCoeff() + 1e-9));
  };
  p.image(ssm::size(m.rows()), ssm::size(m.cols()), cell, "decades");
  p.y_range(static_cast<double>(m.rows()) - 0.5, -0.5);  // the first row on top
}

void teach(lecture::lesson& l) {
  auto const legs = ssm::hippo_legs<double>(N);
  auto const form = lecture::legs_as_nplr(N);
  double const largest = legs.a.cwiseAbs().maxCoeff();
  l.claim("A = V (Λ − P Pᴴ) Vᴴ, relative to its largest entry",
          (to_transition(form).a - legs.a).cwiseAbs().maxCoeff() / largest, 1e-12);

  // A C that reads the input of 0.06 s ago plus that of 0.37 s ago.
  auto const age = [](double tau) { return ssm::warped_legs_history<double>(tau, N); };
  ssm::matrix<double, 1, mamba::dynamic> const c = (age(0.06) + age(0.37)).transpose();
  auto const dplr = to_dplr(form, c);
  auto const dense = with_output(c, legs);

  std::vector<double> lengths, counts[4];
  std::vector<std::vector<std::string>> rows;
  double worst = 0;
  for (std::size_t L = 64; L <= 2048; L *= 2) {
    double const delta = 0.25 / static_cast<double>(L);  // a quarter of a second, ever more finely
    auto const stepped = bilinear(delta, dense);
    auto const stepped_dplr = bilinear(delta, dplr);
    auto const c_tilde = absorb_power(dplr, delta, L);  // what S4 trains
    samples by_powers, by_dplr, by_cauchy;
    double const times[]{lecture::seconds([&] { by_powers = krylov_kernel(stepped, L); }),
                         lecture::seconds([&] { by_dplr = krylov_kernel(stepped_dplr, L); }),
                         lecture::seconds([&] { by_cauchy = cauchy_kernel_of_c_tilde(c_tilde, delta, L); })};
    double const n = static_cast<double>(N), length = static_cast<double>(L);
    counts[0].push_back(n * n * length);
    counts[1].push_back(5 * n * length);  // 32 complex modes: 4 for Λ̄ h, 4 for Q̄ᴴ h, 2 for P̄ times a real number
    counts[2].push_back(4 * 6 * n * length);  // at each root: each mode and its conjugate in six complex products
    counts[3].push_back((n + length) * std::pow(std::log2(n + length), 2));
    double const scale = by_powers.cwiseAbs().maxCoeff();
    double const off = lecture::largest_difference(by_powers, by_cauchy) / scale;
    worst = std::max({worst, off, lecture::largest_difference(by_powers, by_dplr) / scale});
    lengths.push_back(length);
    rows.push_back({std::to_string(L), text("%.1e", counts[0].back()), text("%.1e", counts[1].back()),
                    text("%.1e", counts[2].back()), text("%.1e", counts[3].back()),
                    text("%.0f / %.0f / %.0f", 1e6 * times[0], 1e6 * times[1], 1e6 * times[2]), text("%.0e", off)});
  }
  l.say(
      "The kernel of LegS, N = 64, three ways: multiplications as the papers count them, and times of this machine.\n"
      "Counts are not times: a processor multiplies by a full matrix of this size at its full speed, and our Cauchy\n"
      "sums are the plain formula. What S4 needs them for is that they are no longer a chain of L steps.");
  l.table({"L", "powers: N²L", "steps: 5NL", "Cauchy: 24NL", "fast: (N+L) log²", "times [µs]", "Cauchy off by"}, rows);
  l.claim("Cauchy = DPLR steps = powers, relative to the largest K_k", worst, 1e-9);

  // C̃ belongs to the kernel, C to the step. Who trains C̃ has to come back before stepping.
  std::size_t const L = 512;
  double const delta = 0.25 / 512;
  auto const trained = absorb_power(dplr, delta, L);
  auto const stepped = bilinear(delta, dense), mistaken = absorb_power(stepped, L);
  samples const right = krylov_kernel(stepped, L), wrong = krylov_kernel(mistaken, L);
  samples const cauchy = cauchy_kernel_of_c_tilde(trained, delta, L);
  samples const recovered = krylov_kernel(recover_c(mistaken, L), L);
  double const scale = right.cwiseAbs().maxCoeff();
  l.claim("stepping with C recovered from C̃ gives the kernel again",
          lecture::largest_difference(recovered, right) / scale, 1e-9);
  l.say(text("Stepping with C̃ itself is wrong by %.0f %% of the largest K_k.",
             100 * lecture::largest_difference(wrong, right) / scale));

  plot::figure f("S4: from powers of a full matrix to sums over 64 numbers",
                 {.columns = 2, .rows = 2, .width = 1200, .height = 900});
  auto const small = lecture::legs_as_nplr(24);
  plot::panel& a = f.add("A (24 × 24), and half of its Λ and P: |entries|", "column", "row");
  ssm::matrix<double> both = ssm::matrix<double>::Zero(24, 40);
  both.leftCols(24) = ssm::hippo_legs<double>(24).a.cwiseAbs();
  both.block(0, 25, 12, 12).diagonal() = small.lambda.cwiseAbs();
  both.col(39).head(12) = small.p.cwiseAbs();
  picture(a, both);
  plot::panel& spectrum = f.add("The transform of K, at roots of unity", "frequency k", "|K̂(ω_k)|");
  std::vector<double> of_sum, of_cauchy;
  for (std::size_t k = 0; k < 64; ++k) {
    of_sum.push_back(std::abs(ssm::truncated_generating_function(
        right, std::polar(1.0, -2 * std::numbers::pi * static_cast<double>(k) / L))(0)));
    of_cauchy.push_back(std::abs(cauchy_at_root(trained, delta, k, L)(0, 0)));
  }
  spectrum.line(plot::spaced(64), of_sum, "sum of the K_k ω^k", {.ink = plot::color::sky, .width = 6});
  spectrum.points(plot::spaced(64), of_cauchy, "Cauchy, no powers", {.ink = plot::color::black, .size = 0.5});
  plot::panel& kernel = f.add("The kernel: what came in 0.06 s ago?", "age kΔ [s]", "K_k");
  auto const t = plot::spaced(L, 0, delta);
  kernel.line(t, right, "powers of Ā", {.ink = plot::color::sky, .width = 6});
  kernel.line(t, cauchy, "Cauchy and inverse FFT", {.ink = plot::color::black, .width = 1.4});
  kernel.line(t, wrong, "stepping with C̃: wrong", {.ink = plot::color::vermillion, .pattern = plot::dash::dashed});
  plot::panel& count = f.add("Multiplications for a kernel of length L, N = 64", "length L", "multiplications");
  char const* const names[]{"powers of a full Ā", "steps of DPLR", "Cauchy, plain sums",
                            "Cauchy, fast sums (not ours)"};
  for (int i = 0; i < 4; ++i) count.marked_line(lengths, counts[i], names[i]);
  count.log2_x();
  count.log_y();
  count.y_range(1e2, 1e7);
  count.legend("bottom right");
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "06_dplr_and_cauchy",
       .title = "Diagonal plus low rank, and the Cauchy kernel",
       .caption = "In the right coordinates LegS is a diagonal and one column. Its kernel is then computed at the "
                  "roots of unity, as sums over N fractions, and transformed back: the same numbers as powers of the "
                  "full matrix, without a chain of L products. The C̃ of that formula is not the C of the recurrence."},
      teach);
}
