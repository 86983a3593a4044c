// SPDX-License-Identifier: MIT
// 09_scan_against_convolution — four ways through one layer: who does how much work, and who has to wait for whom.
//
// For a system that does not change with time all four give the same y:
//
//     recurrence            3 N products a step, every step waits for the one before
//     scan in chunks        some more products, but the chunks need not wait for each other
//     direct convolution    k + 1 products for y_k: L²/2 in all, and log L rounds to add them up
//     FFT convolution       three transforms of 2L points: of the order of L log L, log L rounds
//
// A convolution needs one kernel for all of time. When Δ, B and C depend on the input (lesson 7) there is none, and of
// the four the recurrence and the scan remain. That is the price of selectivity, and the reason why Mamba has a scan.
#include <lecture/lesson.hpp>

#include <mamba/ssm/convolution/convolution.hpp>
#include <mamba/ssm/convolution/fft_convolution.hpp>
#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/scan/affine.hpp>
#include <mamba/ssm/scan/recurrence.hpp>
#include <mamba/ssm/scan/scan.hpp>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using lecture::text;
using samples = ssm::sequence<double>;

namespace {

std::size_t const N = 16;

/// One way through the layer: its name, what comes out, its products per output, and steps that wait for each other.
struct way {
  char const* name;
  double products, depth, nanoseconds;
  samples y;
};

std::vector<way> run(ssm::discrete_diagonal<double, N> const& system, samples const& x) {
  std::size_t const L = ssm::size(x.size()), Q = static_cast<std::size_t>(std::sqrt(L));
  double const n = static_cast<double>(N), l = static_cast<double>(L), q = static_cast<double>(Q);
  double const points = static_cast<double>(ssm::padded_length(L, L)), rounds = std::log2(points);
  samples const K = ssm::vandermonde_kernel(system, L);  // once for a layer, so not counted
  std::vector<way> ways{{"recurrence", 3 * n, l, 0, {}},
                        {"scan in chunks of √L", 6 * n, 2 * q + l / q - 2, 0, {}},
                        {"direct convolution", (l + 1) / 2, 1 + std::log2(l), 0, {}},
                        {"FFT convolution", (3 * points * rounds + 2 * points) / l, 2 * rounds + 1, 0, {}}};
  auto const time = [&](way& w, auto const& work) {
    w.nanoseconds = 1e9 / l * lecture::seconds([&] { w.y = work(); });
  };
  time(ways[0], [&] {
    auto h = zero_state(system);
    return recurrence(system, h, x);
  });
  time(ways[1], [&] {
    auto const start = ssm::initial_element(system.a_bar, zero_state(system));
    return outputs(system, ssm::chunked_scan(Q, maps(system, x), ssm::compose_in_time_order{}, start), x);
  });
  time(ways[2], [&] { return ssm::convolve(K, x); });
  time(ways[3], [&] { return ssm::fft_convolve(K, x); });
  return ways;
}

void teach(lecture::lesson& l) {
  // Mamba's own modes: a_n = −1, −2, … −16, read with alternating signs.
  ssm::diagonal_system<double, N> s;
  for (Eigen::Index n = 0; n < s.a.lambda.size(); ++n) {
    s.a[n] = -static_cast<double>(n + 1);
    s.b[n] = 1;
    s.c[n] = n % 2 == 0 ? 1 : -1;
  }
  s.d.setZero();
  auto const system = zero_order_hold(0.01, s);

  std::vector<double> lengths, products[4], depth[4], time[4];
  std::vector<std::vector<std::string>> rows;
  std::vector<way> ways;
  double worst = 0, crossover = 0;
  lecture::random rng(9);
  for (std::size_t L = 16; L <= 8192; L *= 2) {
    samples x(ssm::index(L));
    for (double& v : x) v = rng.uniform(-1, 1);
    ways = run(system, x);
    lengths.push_back(static_cast<double>(L));
    std::vector<std::string> row{std::to_string(L)};
    for (std::size_t i = 0; i < 4; ++i) {
      products[i].push_back(ways[i].products);
      depth[i].push_back(ways[i].depth);
      time[i].push_back(ways[i].nanoseconds);
      worst = std::max(worst, lecture::largest_difference(ways[i].y, ways[0].y) / ways[0].y.cwiseAbs().maxCoeff());
      row.push_back(text("%.0f / %.0f", ways[i].products, ways[i].nanoseconds));
    }
    if (crossover == 0 && ways[2].products > ways[0].products) crossover = lengths.back();
    rows.push_back(row);
  }
  l.say("N = 16, one channel. Products for each output / nanoseconds for each output on this machine, plain code:");
  l.table({"L", ways[0].name, ways[1].name, ways[2].name, ways[3].name}, rows);
  l.claim("all four give the same y, relative to its largest value", worst, 1e-12);
  l.claim("128 is the first of these L where direct convolution has more products than the recurrence (off by)",
          std::abs(crossover - 128), 0);
  l.say(
      "The convolutions do more work for long inputs, and win where many hands share it. How all this looks when each\n"
      "way is made as fast as the machine allows, for 1 to 1024 channels: benchmarks/scan_vs_convolution.");

  plot::figure f("Scan against convolution, one channel of N = 16", {.columns = 3, .width = 1320, .height = 560});
  plot::panel& work = f.add("Work", "length L", "products for each output");
  plot::panel& wait = f.add("Depth", "length L", "operations in a row");
  plot::panel& measured = f.add("This machine, one thread, plain code", "length L", "time for each output [ns]");
  for (std::size_t i = 0; i < 4; ++i) {
    work.marked_line(lengths, products[i], ways[i].name);
    wait.marked_line(lengths, depth[i], ways[i].name);
    measured.marked_line(lengths, time[i], ways[i].name);
  }
  for (plot::panel* const p : {&work, &wait, &measured}) {
    p->log2_x();
    p->log_y();
    p->y_range(1, 1e5);
    p->legend(p == &wait ? "top left" : "off");
  }
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "09_scan_against_convolution",
       .title = "Scan against convolution",
       .caption = "One layer, four ways. For long inputs the recurrence does the least work and waits the longest; "
                  "direct convolution waits for its sums only and pays with L²; chunks and the FFT lie "
                  "between. With selective Δ, B and C only the recurrence and the scan are left."},
      teach);
}
