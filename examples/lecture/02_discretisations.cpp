// SPDX-License-Identifier: MIT
// 02_discretisations — where each rule moves an eigenvalue, and what that does to an answer.
//
// A mode of a continuous system is a point s = σ + jω: it behaves as e^{st}, so it dies away where σ < 0. A mode of a
// discrete system is a point z: it behaves as zᵏ, so it dies away where |z| < 1. A rule of discretisation is a map from
// the s-plane to the z-plane. Three questions tell the rules apart: does what is stable stay stable, does what
// is unstable stay unstable, and is z near e^{sΔ}, which is what the true system does in one step?
#include <lecture/lesson.hpp>

#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/discretize/plane.hpp>
#include <mamba/ssm/scan/recurrence.hpp>

#include <algorithm>
#include <complex>
#include <string>
#include <vector>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using complex = std::complex<double>;
using continuous = ssm::dense_system<double, 2>;

namespace {

struct rule {
  std::string name;
  complex (*map)(complex s, double delta);
  ssm::discrete_dense<double, 2> (*discretise)(double delta, continuous const&);
};
std::vector<rule> const rules{
    {"forward Euler", ssm::s_to_z_forward_euler<double>, ssm::forward_euler<ssm::matrix<double, 2>, 1, 1>},
    {"backward Euler", ssm::s_to_z_backward_euler<double>, ssm::backward_euler<ssm::matrix<double, 2>, 1, 1>},
    {"bilinear", ssm::s_to_z_bilinear<double>, ssm::bilinear<ssm::matrix<double, 2>, 1, 1>},
    {"zero-order hold", ssm::s_to_z_zero_order_hold<double>, ssm::zero_order_hold<ssm::matrix<double, 2>, 1, 1>}};

/// A grid over the left half of the s-plane, as a rule sees it (or as it is, without one). Frequencies go up to
/// `highest`.
void draw_grid(plot::panel& p, complex (*map)(complex, double), double highest) {
  auto const line = [&](complex middle, complex reach, plot::color ink, double width) {
    std::vector<double> re, im;
    for (double u = -1; u <= 1; u += 1.0 / 256) {
      complex const s = middle + reach * std::pow(u, 5.0), z = map == nullptr ? s : map(s, 1.0);
      re.push_back(z.real());
      im.push_back(z.imag());
    }
    p.line(re, im, "", {.ink = ink, .width = width});
  };
  for (double const sigma : {-0.25, -0.5, -1.0, -2.0, -4.0}) line(sigma, {0, highest}, plot::color::sky, 1.3);
  for (int k = -3; k <= 3; ++k) line({-500, 1.0 * k}, 500, plot::color::orange, 1.3);
  line(0, {0, highest}, plot::color::blue, 3);
}

/// The answer to a push that begins at t = 0 and stays.
ssm::sequence<double> step_response(ssm::discrete_dense<double, 2> const& s, std::size_t L) {
  auto h = zero_state(s);
  return recurrence(s, h, ssm::sequence<double>::Ones(ssm::index(L)));
}

void draw_responses(plot::figure& f, lecture::lesson& l, std::string const& title, continuous const& s, double delta,
                    std::size_t L, double left) {
  plot::panel& p = f.add(title, "time t [s]", "output y");
  p.place(left, 0, 0.5, 0.5);
  // The truth: for a constant input the zero-order hold is exact at any step, so take small ones.
  auto const truth = step_response(zero_order_hold(delta / 50, s), 50 * L);
  p.line(plot::spaced(50 * L, delta / 50, delta / 50), truth, "the true answer",
         {.ink = plot::color::pale, .width = 8});
  for (rule const& r : rules) {
    auto const y = step_response(r.discretise(delta, s), L);
    p.marked_line(plot::spaced(L, delta, delta), y, r.name, {.width = 1.6, .size = 0.5});
    if (r.name == "zero-order hold") {
      double worst = 0;
      for (Eigen::Index k = 0; k < y.size(); ++k) worst = std::max(worst, std::abs(y[k] - truth[50 * k + 49]));
      l.claim("zero-order hold meets the true answer at every sample: " + title, worst, 1e-12);
    }
  }
  p.y_range(-1.2, 2.2);
  p.legend("bottom right");
}

void teach(lecture::lesson& l) {
  complex const s{-1, 2};  // the point that the notes work through by hand, with Δ = 1
  l.say("The notes' point s = -1 + 2j, with a step of 1 s:");
  std::vector<std::vector<std::string>> rows;
  for (rule const& r : rules) {
    complex const z = r.map(s, 1.0);
    rows.push_back({r.name, lecture::text("%.4f", z.real()), lecture::text("%.4f", z.imag()),
                    lecture::text("%.4f", std::abs(z)), lecture::text("%.4f", std::abs(z - std::exp(s)))});
  }
  l.table({"rule", "Re z", "Im z", "|z|", "|z − exp(sΔ)|"}, rows);
  complex const by_hand{-1.0 / 13, 8.0 / 13};
  l.claim("the bilinear rule moves it to -1/13 + 8/13 j", std::abs(ssm::s_to_z_bilinear(s, 1.0) - by_hand), 1e-15);
  l.say(
      "For matrices the rule is Ā = (I − ½ΔA)⁻¹ (I + ½ΔA). Without the second factor, as the notes print it, the\n"
      "point would go to 0.4615 + 0.3077j, a mode that turns far too slowly.");

  // Which rules keep stable what is stable? Look at many points of the left half.
  std::vector<double> largest(rules.size(), 0.0);
  for (double sigma = -4; sigma < 0; sigma += 0.25) {
    for (double omega = -20; omega <= 20; omega += 0.5) {
      for (std::size_t i = 0; i < rules.size(); ++i)
        largest[i] = std::max(largest[i], std::abs(rules[i].map({sigma, omega}, 1.0)));
    }
  }
  for (std::size_t i = 1; i < rules.size(); ++i)
    l.claim("stable stays stable under " + rules[i].name + " (largest |z| of 1296 stable points)", largest[i], 1);
  l.claim("forward Euler makes some of them unstable (1 / largest |z|)", 1 / largest[0], 1);

  plot::figure f("From the s-plane to the z-plane (Δ = 1 s), and what it does to answers",
                 {.width = 1280, .height = 800});
  for (std::size_t i = 0; i <= rules.size(); ++i) {
    plot::panel& p = f.add(i == 0 ? "s: σ < 0 is stable" : rules[i - 1].name, i == 0 ? "σ [1/s]" : "Re z",
                           i == 0 ? "jω [1/s]" : "Im z");
    p.place(0.2 * static_cast<double>(i), 0.5, 0.2, 0.43);
    if (i > 0) p.circle(0, 0, 1, plot::color::pale_green);  // where |z| < 1
    draw_grid(p, i == 0 ? nullptr : rules[i - 1].map, i == rules.size() ? std::acos(-1.0) : 500);
    complex const z = i == 0 ? s : rules[i - 1].map(s, 1.0);
    p.points(std::vector<double>{z.real()}, std::vector<double>{z.imag()}, "",
             {.ink = plot::color::vermillion, .size = 1.1});
    p.x_range(i == 0 ? -4.2 : -2.3, i == 0 ? 1 : 2.3);
    p.y_range(i == 0 ? -3.5 : -2.3, i == 0 ? 3.5 : 2.3);
    p.ticks_every(1, 1);
    p.margins(i == 0 ? 7.5 : 6, 1, 3, 1.5);
    if (i > 0) p.same_scale();
  }
  ssm::matrix<double, 1> const none{{0}};
  draw_responses(f, l, "an oscillation: s = −0.3 ± 3j, Δ = 0.25 s",
                 {ssm::matrix<double, 2>{{0, 1}, {-9.09, -0.6}}, ssm::vector<double, 2>{0, 9.09},
                  ssm::matrix<double, 1, 2>{{1, 0}}, none},
                 0.25, 32, 0);
  draw_responses(f, l, "a stiff system: s = −1 and s = −25, Δ = 0.25 s",
                 {ssm::matrix<double, 2>{{-1, 0}, {0, -25}}, ssm::vector<double, 2>{1, 25},
                  ssm::matrix<double, 1, 2>{{0.5, 0.5}}, none},
                 0.25, 24, 0.5);
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "02_discretisations",
       .title = "Discretisations side by side",
       .caption = "The stable half of the s-plane, the notes' point −1 + 2j in it, and where four rules put them: "
                  "bilinear and zero-order hold fill the unit disc, backward Euler half of its width, forward Euler "
                  "leaves it. Below, an eigenvalue outside the disc is an answer that explodes, and one near −1 an "
                  "answer that flickers."},
      teach);
}
