// SPDX-License-Identifier: MIT
// 08_scan — a recurrence need not be run in order: two steps in a row are again a step.
//
// A step h ↦ a h + b is a pair (a, b). Step (a₁, b₁), then (a₂, b₂): that is h ↦ a₂ a₁ h + a₂ b₁ + b₂, a pair again.
//
//     (a₂, b₂) ∘ (a₁, b₁)  =  (a₂ a₁,  a₂ b₁ + b₂)
//
// No h is needed for that, so steps 4 to 7 can be combined while others combine 0 to 3. The operator is
// associative: the brackets may stand anywhere. It does not commute: the order must stay. Scans are ways to set the
// brackets. It works with a different (a, b) at every step, where no convolution does: this is how Mamba trains.
#include <lecture/lesson.hpp>

#include <mamba/ssm/scan/affine.hpp>
#include <mamba/ssm/scan/scan.hpp>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using lecture::text;
using step = ssm::affine<double>;

namespace {

/// One or more steps in a row as one: which they are, what they do together, and how many combinations deep they are.
struct piece {
  int first, last;
  step map;
  int depth = 0;
};
int combinations = 0;
piece combine(piece const& earlier, piece const& later) {
  combinations += 1;
  return {earlier.first, later.last, ssm::compose_in_time_order{}(earlier.map, later.map),
          std::max(earlier.depth, later.depth) + 1};
}

/// Steps that differ from each other, as those of a selective model do.
std::vector<piece> steps(std::size_t L) {
  std::vector<piece> all;
  for (int k = 0; k < static_cast<int>(L); ++k) all.push_back({k, k, {0.5 + 0.4 * std::cos(k), std::sin(1.0 + k)}});
  return all;
}
piece const start{-1, -1, {1, 0}};  // h = 0: changes nothing

std::string name(piece const& p) {
  std::string const last = p.last < 0 ? "" : std::to_string(p.last);
  return p.first < 0 ? "start" + (last.empty() ? "" : "…" + last)
                     : (p.first == p.last ? "" : std::to_string(p.first) + "…") + last;
}
std::string state(piece const& p) { return text("h_%d = %.2f", p.last, p.map.b); }

/// Draws what becomes of eight steps, level by level, from top to bottom.
void draw_tree(plot::panel& p) {
  std::vector<std::vector<piece>> rows{steps(8)};
  for (int i = 0; i < 2; ++i) rows.push_back(ssm::up_sweep(rows.back(), combine));
  rows.push_back(ssm::down_sweep({start}, rows[2], combine));
  for (std::size_t i = 2; i-- > 0;) rows.push_back(ssm::down_sweep(rows.back(), rows[i], combine));
  rows.push_back(rows.back());
  for (std::size_t k = 0; k < 8; ++k) rows[6][k] = combine(rows[5][k], rows[0][k]);

  auto const x = [&](std::size_t row, std::size_t j) {  // the middle of the j-th of equal parts
    return (static_cast<double>(j) + 0.5) * 8 / static_cast<double>(rows[row].size());
  };
  auto const y = [](std::size_t row) { return -static_cast<double>(row); };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < rows[r].size(); ++i) {
      auto const from = [&](std::size_t row, std::size_t j, plot::color ink) {
        p.arrow(x(row, j), y(row) - 0.27, x(r, i), y(r) + 0.27, {.ink = ink, .width = 1.4});
      };
      if (r == 1 || r == 2) from(r - 1, 2 * i, plot::color::blue), from(r - 1, 2 * i + 1, plot::color::blue);
      if (r == 4 || r == 5) from(r - 1, i / 2, i % 2 == 1 ? plot::color::green : plot::color::pale);
      if (r >= 3 && r <= 5 && i % 2 == 1) from(5 - r, i - 1, plot::color::orange);
      if (r == 6) from(5, i, plot::color::green);
      auto const fill = r < 3 ? plot::color::pale_blue : r < 6 ? plot::color::pale_green : plot::color::pale_orange;
      p.box(x(r, i) - 0.42, y(r) - 0.27, x(r, i) + 0.42, y(r) + 0.27, fill,
            r < 6 ? name(rows[r][i]) : state(rows[r][i]));
    }
  }
  p.text(8.1, -1, "up: combine neighbours", "left", plot::color::blue);
  p.text(8.1, -4, "down: what came before,\nand the left neighbour", "left", plot::color::green);
  p.text(8.1, -6, "with the step itself", "left", plot::color::vermillion);
}

void teach(lecture::lesson& l) {
  auto const few = steps(3);
  step const left = combine(combine(few[0], few[1]), few[2]).map, right = combine(few[0], combine(few[1], few[2])).map;
  l.claim("the operator is associative: ((0 1) 2) = (0 (1 2))", std::hypot(left.a - right.a, left.b - right.b), 1e-15);
  step const swapped = combine(few[1], few[0]).map, straight = combine(few[0], few[1]).map;
  l.say(text("It does not commute: 0 then 1 adds %.4f, 1 then 0 adds %.4f.", straight.b, swapped.b));

  std::vector<double> lengths, work[3], depth[3];
  std::vector<std::vector<std::string>> rows;
  double worst = 0;
  for (std::size_t L = 8; L <= 4096; L *= 2) {
    auto const x = steps(L);
    std::vector<std::string> row{std::to_string(L)};
    for (int schedule = 0; schedule < 3; ++schedule) {
      combinations = 0;
      auto const s = schedule == 0   ? ssm::sequential_scan(x, combine, start)
                     : schedule == 1 ? ssm::blelloch_scan(x, combine, start)
                                     : ssm::chunked_scan(static_cast<std::size_t>(std::sqrt(L)), x, combine, start);
      int deepest = 0;
      double h = 0;
      for (std::size_t k = 0; k < L; ++k) {
        h = x[k].map(h);  // the recurrence, to compare with
        worst = std::max(worst, std::abs(h - s[k].map.b));
        deepest = std::max(deepest, s[k].depth);
      }
      work[schedule].push_back(combinations);
      depth[schedule].push_back(deepest);
      row.push_back(std::to_string(combinations) + " / " + std::to_string(deepest));
    }
    lengths.push_back(static_cast<double>(L));
    rows.push_back(row);
  }
  l.say("Combinations in all / how many wait for each other, counted while running (chunks of √L):");
  l.table({"L", "sequential", "Blelloch", "in chunks"}, rows);
  l.claim("all three give the states of the recurrence, for every length", worst, 1e-14);
  l.claim("Blelloch takes 3L − 2 combinations (off by)", std::abs(work[1].back() - (3 * lengths.back() - 2)), 0);
  l.claim("and at most 2 log2 L + 1 rounds", depth[1].back(), 2 * std::log2(lengths.back()) + 1);

  plot::figure f("The scan: eight steps combined as a tree", {.width = 1200, .height = 900});
  plot::panel& tree = f.add("");
  tree.place(0, 0.36, 1, 0.59);
  tree.diagram(-0.1, 10.2, -6.5, 0.4);
  draw_tree(tree);
  char const* const names[]{"sequential", "Blelloch", "chunks of √L"};
  for (int panel = 0; panel < 2; ++panel) {
    plot::panel& p = f.add(panel == 0 ? "Work" : "Depth: what unlimited hands would wait for", "length L",
                           panel == 0 ? "combinations" : "combinations in a row");
    p.place(0.5 * panel, 0, 0.5, 0.36);
    for (int s = 0; s < 3; ++s) p.marked_line(lengths, panel == 0 ? work[s] : depth[s], names[s]);
    p.log2_x();
    p.log_y();
    p.legend("top left");
  }
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "08_scan",
       .title = "The scan as an associative operation",
       .caption = "Eight steps of a recurrence as a tree: on the way up neighbours are combined, on the way down each "
                  "learns what came before it. All boxes of a row can be computed at once, so that the depth grows as "
                  "log L, for about three times the work."},
      teach);
}
