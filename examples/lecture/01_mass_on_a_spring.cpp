// SPDX-License-Identifier: MIT
// 01_mass_on_a_spring — a state-space model that one can hold in one's hand, and four ways to let a computer step it.
//
// A mass m hangs on a spring of stiffness k; a force x(t) pushes it. Newton says m p'' = −k p + x. The state h collects
// what the future depends on: position p and velocity v. Then the second-order equation is a first-order one,
//
//     h'(t) = A h(t) + B x(t),      y(t) = C h(t),      A = (0 1; −k/m 0),   B = (0; 1/m),   C = (1 0),
//
// and all of this library is about equations of that form. A computer has no continuous time. It takes steps of Δ, so
// each rule of discretisation turns (A, B) into (Ā, B̄) with h_k = Ā h_{k−1} + B̄ x_k. Which rule should one take?
#include <lecture/lesson.hpp>

#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/scan/recurrence.hpp>

#include <string>
#include <vector>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;

namespace {

double const m = 1.0;           // mass [kg]
double const k = 4.0;           // stiffness [N/m]
double const omega = 2.0;       // √(k/m), so that one swing takes π seconds [rad/s]
double const delta = 0.1;       // step [s]
std::size_t const steps = 100;  // ten seconds

using system = ssm::dense_system<double, 2>;
using discrete = ssm::discrete_dense<double, 2>;

/// What a rule makes of the swing, after letting the mass go at p = 1 m, at rest.
struct swing {
  std::string rule;
  std::vector<double> position, velocity, energy;
};

/// The stored energy: of the stretched spring, and of the moving mass [J].
double energy(ssm::vector<double, 2> const& h) { return k / 2 * h[0] * h[0] + m / 2 * h[1] * h[1]; }

/// Without a force: x = 0, and every step is h ← Ā h.
swing let_go(std::string const& rule, discrete const& s) {
  swing out{rule, {}, {}, {}};
  ssm::vector<double, 2> h{1, 0};
  for (std::size_t i = 0; i <= steps; ++i, h = advance(s, h)) {
    out.position.push_back(h[0]);
    out.velocity.push_back(h[1]);
    out.energy.push_back(energy(h));
  }
  return out;
}

void teach(lecture::lesson& l) {
  system const spring{ssm::matrix<double, 2>{{0, 1}, {-k / m, 0}}, ssm::vector<double, 2>{0, 1 / m},
                      ssm::matrix<double, 1, 2>{{1, 0}}, ssm::matrix<double, 1>{{0}}};

  // Four rules, four discrete systems of one type: what follows is the same code for all.
  discrete const exact = zero_order_hold(delta, spring);
  std::vector<swing> const swings{let_go("forward Euler", forward_euler(delta, spring)),
                                  let_go("backward Euler", backward_euler(delta, spring)),
                                  let_go("bilinear", bilinear(delta, spring)), let_go("zero-order hold", exact)};

  // The closed form, to compare with: p = cos ωt, v = −ω sin ωt.
  auto const t = plot::spaced(steps + 1, 0, delta);
  std::vector<double> p, v;
  for (double const time : t) {
    p.push_back(std::cos(omega * time));
    v.push_back(-omega * std::sin(omega * time));
  }

  l.say("Let go at 1 m, with steps of 0.1 s. The energy should stay at 2 J for ever.");
  std::vector<std::vector<std::string>> rows;
  auto const row = [&](std::string const& name, std::vector<double> const& x, std::vector<double> const& e) {
    rows.push_back({name, lecture::text("%.4f", x[10]), lecture::text("%.4f", x[50]), lecture::text("%.4f", x[100]),
                    lecture::text("%.4f", e[100])});
  };
  row("closed form", p, std::vector<double>(steps + 1, 2.0));
  for (swing const& s : swings) row(s.rule, s.position, s.energy);
  l.table({"rule", "p(1 s) [m]", "p(5 s) [m]", "p(10 s) [m]", "energy after 10 s [J]"}, rows);

  l.say(
      "Euler's step goes along the tangent, and a tangent leaves the circle: each step multiplies the energy by\n"
      "1 + (Δω)² = 1.04. Backward Euler divides by the same number. The bilinear rule turns the state by an angle that "
      "is\n"
      "a little too small, but keeps the energy. The zero-order hold is exact.");
  l.claim("the zero-order hold is the closed form", lecture::largest_difference(swings[3].position, p), 1e-13);
  l.claim("the bilinear rule keeps the energy", std::abs(swings[2].energy.back() / 2 - 1), 1e-13);
  l.claim("forward Euler multiplies it by 1.04 each step",
          std::abs(swings[0].energy.back() / (2 * std::pow(1.04, 100)) - 1), 1e-12);
  l.claim("backward Euler divides it by 1.04 each step",
          std::abs(swings[1].energy.back() * std::pow(1.04, 100) / 2 - 1), 1e-12);

  // Now a force of 1 N from the start. A constant input is what the zero-order hold assumes: exact again.
  ssm::vector<double, 2> h = ssm::vector<double, 2>::Zero();
  ssm::sequence<double> const push = ssm::sequence<double>::Ones(ssm::index(steps));
  auto const y = recurrence(exact, h, push);
  double worst = 0;
  for (Eigen::Index i = 0; i < y.rows(); ++i)
    worst = std::max(worst, std::abs(y(i, 0) - (1 - std::cos(omega * delta * static_cast<double>(i + 1))) / k));
  l.claim("pushed with 1 N, the mass follows (1 − cos ωt)/k", worst, 1e-13);

  plot::figure f("A mass on a spring, stepped by four rules (Δ = 0.1 s)", {.width = 1120, .height = 620});
  plot::panel& position = f.add("", "time t [s]", "position p [m]");
  plot::panel& stored = f.add("", "time t [s]", "energy [J]");
  plot::panel& plane = f.add("", "position p [m]", "velocity v [m/s]");
  position.place(0, 0.46, 0.58, 0.47);
  stored.place(0, 0, 0.58, 0.46);
  plane.place(0.58, 0, 0.42, 0.93);
  position.line(t, p, "", {.ink = plot::color::pale, .width = 8});
  stored.line(t, std::vector<double>(steps + 1, 2.0), "", {.ink = plot::color::pale, .width = 8});
  plane.line(p, v, "closed form", {.ink = plot::color::pale, .width = 8});
  for (swing const& s : swings) {
    plot::look look;
    if (s.rule == "zero-order hold") look = {.ink = plot::color::black, .width = 1.6, .pattern = plot::dash::dotted};
    position.line(t, s.position, "", look);
    stored.line(t, s.energy, "", look);
    plane.line(s.position, s.velocity, s.rule, look);
  }
  position.y_range(-2.5, 2.5);
  stored.log_y();
  plane.x_range(-2.6, 2.6);
  plane.y_range(-5, 5);
  plane.legend("below");
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "01_mass_on_a_spring",
       .title = "A mass on a spring",
       .caption = "One swing, stepped by four rules: forward Euler gains energy with every step and spirals outwards, "
                  "backward Euler loses it, the bilinear rule keeps it, and the zero-order hold lies on the closed "
                  "form. A rule of discretisation is a choice, and one can see what it does."},
      teach);
}
