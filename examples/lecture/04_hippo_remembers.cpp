// SPDX-License-Identifier: MIT
// 04_hippo_remembers — "using the current state, can we reconstruct the history of inputs?"
//
// The notes ask this and leave it open. HiPPO answers it by construction: choose A and B so that the state is the list
// of coefficients of the past, written in Legendre polynomials. N numbers then hold the best polynomial of degree N − 1
// through everything that came in. Two memories of that kind:
//
//     LegS    h' = (A/t) h + (B/t) x      all of the past, since the first input; its clock runs slower and slower
//     LegT    h' = (A/θ) h + (B/θ) x      a window: the last θ seconds, and nothing before
//
// To see the past, add the polynomials up: x(t − τ) ≈ Σ_n w_n(τ) h_n.
#include <lecture/lesson.hpp>

#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/hippo/reconstruction.hpp>
#include <mamba/ssm/hippo/state.hpp>
#include <mamba/ssm/scan/recurrence.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using samples = ssm::sequence<double>;

namespace {

double const delta = 0.01;   // between samples [s]
double const window = 3;     // what LegT keeps [s]
std::size_t const L = 1000;  // ten seconds

double smooth(double t) {
  double const pi = std::numbers::pi;
  return std::sin(2 * pi * 0.35 * t) * std::exp(-0.08 * t) + 0.45 * std::sin(2 * pi * 0.9 * t + 1) +
         0.9 * std::exp(-4 * (t - 6.2) * (t - 6.2));
}
double jumps(double t) { return t < 3.1 ? 0.8 : t < 5.3 ? -0.6 : t < 8.2 ? 0.3 : -0.2; }

/// The signal's values in the middle of each step.
samples sampled(double (*x)(double)) {
  samples all(ssm::index(L));
  for (Eigen::Index k = 0; k < all.size(); ++k) all[k] = x((static_cast<double>(k) + 0.5) * delta);
  return all;
}

/// How long ago the last `count` samples were, oldest first.
std::vector<double> ages(std::size_t count) {
  std::vector<double> all;
  for (std::size_t i = count; i > 0; --i) all.push_back((static_cast<double>(i) - 0.5) * delta);
  return all;
}

/// All of the past, from the N numbers that LegS has kept of it.
samples by_legs(samples const& x, std::size_t N) {
  ssm::hippo_state<double> state(N);
  for (double const value : x) state.zero_order_hold(delta, value);
  double const t = state.span();
  return ssm::reconstruct(state.coefficients(), ages(L), [=](double age) { return ssm::legs_history(t, age, N); });
}

/// The last seconds, from the N numbers that LegT has kept of them.
samples by_legt(samples const& x, std::size_t N) {
  auto const system =
      zero_order_hold(delta, with_output(ssm::matrix<double, 1, mamba::dynamic>::Zero(1, ssm::index(N)).eval(),
                                         rescale_time(ssm::hippo_legt<double>(N), window)));
  auto h = zero_state(system);
  (void)recurrence(system, h, x);
  auto const count = static_cast<std::size_t>(window / delta);
  return ssm::reconstruct(h, ages(count), [=](double age) { return ssm::legt_history(window, age, N); });
}

double rms(samples const& a, samples const& b) {
  return std::sqrt((a - b).squaredNorm() / static_cast<double>(a.size()));
}

void teach(lecture::lesson& l) {
  samples const x = sampled(smooth), steps = sampled(jumps);
  auto const recent = x.tail(static_cast<Eigen::Index>(window / delta)).eval();
  std::vector<std::size_t> const sizes{2, 4, 8, 16, 32, 64};
  std::vector<double> N, of_smooth, of_steps, of_window;
  std::vector<std::vector<std::string>> rows;
  for (std::size_t const n : sizes) {
    N.push_back(static_cast<double>(n));
    of_smooth.push_back(rms(by_legs(x, n), x));
    of_steps.push_back(rms(by_legs(steps, n), steps));
    of_window.push_back(rms(by_legt(x, n), recent));
    rows.push_back({std::to_string(n), lecture::text("%.2e", of_smooth.back()), lecture::text("%.2e", of_steps.back()),
                    lecture::text("%.2e", of_window.back())});
  }
  l.say(
      "Can the history be reconstructed from the state? 1000 samples went in; N numbers are left. Error (rms) of what\n"
      "comes out again:");
  l.table({"N", "LegS, smooth signal", "LegS, signal with jumps", "LegT, last 3 s of the smooth one"}, rows);
  l.say(
      "Yes, as far as N numbers can tell. A smooth past is there almost completely once N polynomials can follow its\n"
      "turns, and from then on each further number helps more than the one before. Jumps are kept blurred: their\n"
      "error falls only as 1/√N.");
  l.claim("32 numbers tell the smooth past to 2 hundredths", of_smooth[4], 0.02);
  l.claim("64 numbers tell it to a thousandth", of_smooth[5], 1e-3);
  double const slope = std::log2(of_steps[2] / of_steps[5]) / 3;  // from N = 8 to N = 64
  l.claim("with jumps the error falls as N^-0.5 (distance of the measured power from 0.5)", std::abs(slope - 0.5), 0.1);
  l.claim("16 numbers tell the last three seconds to a hundredth", of_window[3], 0.01);

  plot::figure f("HiPPO remembers: a signal, and what the state still knows of it", {.width = 1200, .height = 860});
  auto const t = plot::spaced(L, delta / 2, delta);
  plot::panel& all = f.add("LegS: all of the past from N numbers, read at t = 10 s", "time t [s]", "x");
  all.place(0, 0.5, 1, 0.44);
  plot::panel& some = f.add("LegT: the last 3 s only", "time t [s]", "x");
  some.place(0, 0, 0.55, 0.49);
  plot::panel& error = f.add("More numbers, better memory", "N, numbers in the state", "rms error");
  error.place(0.55, 0, 0.45, 0.49);
  for (plot::panel* const p : {&all, &some}) p->line(t, x, "the signal", {.ink = plot::color::pale, .width = 8});
  auto const late = plot::spaced(static_cast<std::size_t>(recent.size()), 10 - window + delta / 2, delta);
  for (std::size_t const n : {std::size_t{4}, std::size_t{16}, std::size_t{64}}) {
    all.line(t, by_legs(x, n), "N = " + std::to_string(n), {.width = n == 64 ? 1.6 : 2.2});
    if (n < 64) some.line(late, by_legt(x, n), "N = " + std::to_string(n));
  }
  all.y_range(-1.6, 2.1);
  all.legend("top center horizontal");
  some.y_range(-1.6, 2.1);
  some.legend("top left horizontal maxcols 3");
  some.vertical(10 - window);
  error.marked_line(N, of_smooth, "LegS, smooth");
  error.marked_line(N, of_steps, "LegS, with jumps");
  error.marked_line(N, of_window, "LegT, last 3 s");
  std::vector<double> guide;
  for (double const n : N) guide.push_back(0.45 / std::sqrt(n));
  error.line(N, guide, "∝ 1/√N", {.ink = plot::color::grey, .width = 1.4, .pattern = plot::dash::dashed});
  error.log2_x();
  error.log_y();
  error.legend("bottom left");
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "04_hippo_remembers",
       .title = "HiPPO remembers a signal",
       .caption = "Ten seconds of signal went into a state of 4, 16 or 64 numbers; the curves are read back from the "
                  "last state alone. So the history of inputs can be reconstructed, the better the more numbers there "
                  "are: LegS keeps all of it ever more coarsely, LegT the last three seconds sharply and nothing "
                  "before."},
      teach);
}
