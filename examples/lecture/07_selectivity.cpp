// SPDX-License-Identifier: MIT
// 07_selectivity — copy the eight tokens and ignore the noise between them: what a fixed system cannot do.
//
// Selective copying: eight tokens stand among random noise, at random places; at the end, for eight times "go", the
// output must be the tokens in order. A system with fixed Ā, B̄, C treats all inputs alike: its weights depend on how
// long ago something was, not on what it was. Mamba makes Δ, B and C functions of the input. Here we set them by hand:
//
//     A = i 2π n/8     eight modes, each turning at its own pace: together they are a ring of eight places
//     Δ = 1            for a token or a "go": the ring turns by one place           Δ = 0 for noise: nothing moves
//     B = 1            for a token: it is written into the place at the gate        B = 0 otherwise
//     C = 1/8          for a "go": the place at the gate is read                    C = 0 otherwise
//
// The ring counts tokens instead of time: after eight more turns, a token is back at the gate.
#include <lecture/lesson.hpp>

#include <mamba/ssm/selective/selective_scan.hpp>
#include <mamba/tensor/tensor.hpp>

#include <complex>
#include <numbers>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using lecture::text;
using complex = std::complex<double>;
using matrix = mamba::tensor<complex, mamba::dynamic, mamba::dynamic>;

namespace {

std::size_t const K = 8;            // tokens, and places in the ring
std::size_t const reading = 40;     // steps with tokens and noise
std::size_t const L = reading + K;  // and then the "go"s

enum class kind { noise, token, go };
struct task {
  std::vector<kind> kinds;     // [L]
  std::vector<double> x;       // what comes in: 1 … 8 for tokens, anything for noise, 0 for "go"
  std::vector<double> wanted;  // the tokens, in order
};

task draw_task(lecture::random& rng) {
  task t{std::vector<kind>(L, kind::noise), {}, {}};
  std::fill(t.kinds.begin() + reading, t.kinds.end(), kind::go);
  for (std::size_t left = K; left > 0;) {
    auto& place = t.kinds[static_cast<std::size_t>(rng.uniform(0, reading))];
    if (place == kind::noise) place = kind::token, --left;
  }
  for (kind const k : t.kinds) {
    t.x.push_back(k == kind::token ? std::floor(rng.uniform(1, 9)) : k == kind::noise ? rng.uniform(0, 8) : 0);
    if (k == kind::token) t.wanted.push_back(t.x.back());
  }
  return t;
}

struct run {
  std::vector<double> y;                    // [8]: the answers
  std::vector<std::vector<double>> places;  // [L][8]: what stands in the ring, place 0 at the gate
};

/// The selective scan over one task. With a fixed Δ, only B and C depend on what is a token.
run solve(task const& t, double fixed_delta = 0) {
  matrix a(1, K), h(1, K), delta(1, 1), b(1, K), c(1, K), x(1, 1), y(1, 1), no_gate;
  for (std::size_t n = 0; n < K; ++n) a(0, n) = complex(0, 2 * std::numbers::pi * static_cast<double>(n) / K);
  run out;
  for (std::size_t k = 0; k < L; ++k) {
    delta(0, 0) = fixed_delta > 0 ? fixed_delta : t.kinds[k] == kind::noise ? 0.0 : 1.0;
    b.fill(t.kinds[k] == kind::token ? 1.0 / delta(0, 0) : 0.0);  // B̄ = ΔB: a token is written as it is
    c.fill(t.kinds[k] == kind::go ? 1.0 / K : 0.0);
    x(0, 0) = t.x[k];
    ssm::selective_scan(delta, a, b, c, std::vector<complex>{}, x, no_gate, h, y);
    if (t.kinds[k] == kind::go) out.y.push_back(y(0, 0).real());
    out.places.emplace_back();
    for (std::size_t place = 0; place < K; ++place) {  // from turning modes to places on the ring
      complex sum = 0;
      for (std::size_t n = 0; n < K; ++n) sum += h(0, n) * std::exp(-a(0, n) * static_cast<double>(place)) / double(K);
      out.places.back().push_back(sum.real());
    }
  }
  return out;
}

void teach(lecture::lesson& l) {
  lecture::random rng(7);
  task const example = draw_task(rng);
  run const selective = solve(example), fixed = solve(example, 1);
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < K; ++i)
    rows.push_back({text("%g", example.wanted[i]), text("%.3f", selective.y[i]), text("%.3f", fixed.y[i])});
  l.say("Eight tokens among 32 steps of noise, and what comes out at the end:");
  l.table({"wanted", "selective Δ", "fixed Δ = 1"}, rows);

  std::vector<task> tasks(200);
  for (task& t : tasks) t = draw_task(rng);
  auto const accuracy = [&](double fixed_delta) {
    double count = 0;
    for (task const& t : tasks) {
      auto const y = solve(t, fixed_delta).y;
      for (std::size_t i = 0; i < K; ++i) count += std::round(y[i]) == t.wanted[i] ? 1 : 0;
    }
    return 100 * count / static_cast<double>(tasks.size() * K);
  };
  std::vector<double> deltas, of_fixed;
  for (double d = 0.05; d <= 1.001; d += 0.05) deltas.push_back(d), of_fixed.push_back(accuracy(d));
  double const of_selective = accuracy(0), best = *std::max_element(of_fixed.begin(), of_fixed.end());
  l.say(text("200 tasks: %.1f %% right with a selective Δ, %.1f %% with the best fixed one.", of_selective, best));
  l.claim("the selective system copies every token (per cent missed)", 100 - of_selective, 0);
  l.claim("no fixed step gets half of them (per cent)", best, 50);

  plot::figure f("Selective copying: Δ opens for tokens and stays shut for noise", {.width = 1200, .height = 900});
  std::vector<double> noise(example.x.begin(), example.x.begin() + reading), tokens = noise;
  for (std::size_t i = 0; i < reading; ++i) (example.kinds[i] == kind::noise ? tokens : noise)[i] = std::nan("");
  auto const k = plot::spaced(reading), go = plot::spaced(K, reading);
  plot::panel& input = f.add("Input, and the answer at the end", "step k", "x,  y");
  input.place(0, 0.65, 1, 0.29);
  input.stems(k, noise, "noise", {.ink = plot::color::pale, .width = 3, .size = 0.6});
  input.stems(k, tokens, "tokens", {.ink = plot::color::vermillion, .width = 3});
  input.points(go, example.wanted, "wanted", {.ink = plot::color::grey, .shape = plot::marker::ring, .size = 1.6});
  input.points(go, selective.y, "selective Δ", {.ink = plot::color::blue, .shape = plot::marker::dot});
  input.points(go, fixed.y, "fixed Δ", {.ink = plot::color::black, .shape = plot::marker::cross});
  input.legend("outside");
  input.x_range(-0.5, L - 0.5);
  auto const ring = [&](std::string const& title, double bottom, run const& r) {
    plot::panel& p = f.add(title, "step k", "place");
    p.place(0, bottom, 0.66, 0.32);
    p.image(
        K, L, [&](std::size_t place, std::size_t step) { return r.places[step][place]; }, "held");
  };
  ring("State, selective Δ: the ring turns for tokens only", 0.33, selective);
  ring("State, fixed Δ: the ring turns for noise as well", 0, fixed);
  plot::panel& curve = f.add("200 tasks", "fixed Δ", "tokens right [%]");
  curve.place(0.66, 0, 0.34, 0.65);
  curve.line(std::vector<double>{0, 1}, std::vector<double>{of_selective, of_selective}, "selective Δ");
  curve.marked_line(deltas, of_fixed, "the same Δ for all", {.size = 0.6});
  curve.y_range(0, 105);
  curve.legend("center");
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "07_selectivity",
       .title = "Selectivity: copy the tokens, ignore the noise",
       .caption = "A ring of eight places turns by one place for each token and stands still for noise, because Δ "
                  "depends on the input: all tokens come back in order. With one Δ for everything the ring turns with "
                  "time, and tokens come out at the wrong moment or on top of each other."},
      teach);
}
