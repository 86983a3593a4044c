// SPDX-License-Identifier: MIT
// 03_recurrence_is_convolution — one system, two ways to run it: with a memory, or by sliding a kernel over the input.
//
// Write the recurrence h_k = Ā h_{k−1} + B̄ x_k, y_k = C h_k out, from a state of zero:
//
//     y_0 = CB̄ x_0
//     y_1 = CĀB̄ x_0 + CB̄ x_1
//     y_2 = CĀ²B̄ x_0 + CĀB̄ x_1 + CB̄ x_2
//
// What multiplies x_{k−j} is always CĀʲB̄. Call that K_j: the kernel. Then y_k = Σ_j K_j x_{k−j}, which is a
// convolution. All y_k can be computed at once, in any order: that is why such a model trains as fast as it does,
// though it speaks token by token with the recurrence.
#include <lecture/lesson.hpp>

#include <mamba/ssm/convolution/convolution.hpp>
#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/scan/recurrence.hpp>

#include <array>
#include <string>
#include <vector>

namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using discrete = ssm::discrete_dense<double, 2>;
using samples = ssm::sequence<double>;

namespace {

/// The notes' picture, for time k: the kernel, turned round, above the padded input; what meets is multiplied.
void draw_slide(plot::panel& p, samples const& K, samples const& x, samples const& y, int k) {
  std::array const kernel_names{"CB̄", "CĀB̄", "CĀ²B̄", "CĀ³B̄"};
  double const top = 9 - 3 * k, w = 1.5;  // the width of a cell
  std::string formula = "y_" + std::to_string(k) + "  =  ", numbers;
  for (int cell = 0; cell < 7; ++cell) {
    bool const pad = cell < 3, met = !pad && cell <= 3 + k;
    auto const fill = pad ? plot::color::white : met ? plot::color::pale_orange : plot::color::pale_blue;
    std::string const name = pad ? "0" : "x_" + std::to_string(cell - 3) + " = " + lecture::text("%g", x[cell - 3]);
    p.box(cell * w, top, (cell + 1) * w, top + 0.8, fill, name, pad ? plot::color::grey : plot::color::black);
  }
  for (int j = 3; j >= 0; --j) {  // K_j lies over input k − j
    double const left = (3 + k - j) * w;
    p.box(left, top + 1.3, left + w, top + 2.1, k >= j ? plot::color::pale_green : plot::color::white,
          std::string(kernel_names[static_cast<std::size_t>(j)]) + " = " + lecture::text("%g", K[j]));
    p.arrow(left + w / 2, top + 1.3, left + w / 2, top + 0.8,
            {.ink = k >= j ? plot::color::black : plot::color::pale, .width = 1.4});
    if (k < j) continue;
    formula +=
        (k == j ? "" : " + ") + std::string(kernel_names[static_cast<std::size_t>(j)]) + " x_" + std::to_string(k - j);
    numbers += (k == j ? "" : " + ") + lecture::text(x[k - j] < 0 ? "%g·(%g)" : "%g·%g", K[j], x[k - j]);
  }
  if (k == 0) p.text(4 * w + 0.2, top + 1.7, "the kernel, turned round", "left", plot::color::grey);
  p.text(11, top + 1.5, formula, "left", plot::color::black, 15);
  p.text(11, top + 0.7, "=  " + numbers + "  =  " + lecture::text("%g", y[k]), "left", plot::color::vermillion, 15);
}

void teach(lecture::lesson& l) {
  // A small system whose numbers can be followed by hand: two states that halve, the second feeding the first.
  discrete const small{ssm::matrix<double, 2>{{0.5, 0.25}, {0, 0.5}}, ssm::vector<double, 2>{0, 1},
                       ssm::matrix<double, 1, 2>{{1, 1}}, ssm::matrix<double, 1>{{0}}};
  samples x(4);
  x << 1, 2, 0, -1;
  auto h = zero_state(small);
  samples const y = recurrence(small, h, x);
  samples const K = krylov_kernel(small, 4);

  l.say(
      "The kernel and, for four inputs, the output of the recurrence and of the matrix product of the notes, y = X K.");
  samples const product = ssm::toeplitz(x) * K;
  std::vector<std::vector<std::string>> rows;
  for (int k = 0; k < 4; ++k)
    rows.push_back({std::to_string(k), lecture::text("%.4f", K[k]), lecture::text("%g", x[k]),
                    lecture::text("%.4f", y[k]), lecture::text("%.4f", product[k])});
  l.table({"k", "K_k", "x_k", "recurrence y_k", "(X K)_k"}, rows);
  l.claim("the matrix of inputs times the kernel is the recurrence", lecture::largest_difference(y, product), 1e-15);

  // A longer one: the mass on a spring, with friction now, pushed back and forth.
  ssm::dense_system<double, 2> const spring{ssm::matrix<double, 2>{{0, 1}, {-4, -0.5}}, ssm::vector<double, 2>{0, 4},
                                            ssm::matrix<double, 1, 2>{{1, 0}}, ssm::matrix<double, 1>{{0}}};
  discrete const stepped = zero_order_hold(0.1, spring);
  Eigen::Index const L = 240;
  samples push(L);
  for (Eigen::Index k = 0; k < L; ++k) push[k] = k < 60 ? 1 : k < 120 ? -0.5 : k < 130 ? 2 : 0;
  auto state = zero_state(stepped);
  samples const remembered = recurrence(stepped, state, push);
  samples const filter = krylov_kernel(stepped, mamba::ssm::size(L));
  samples const convolved = ssm::convolve(filter, push);
  l.claim("recurrence = convolution, for 240 steps", lecture::largest_difference(remembered, convolved), 1e-12);
  samples const matrix = ssm::toeplitz(push) * filter;
  l.claim("and = the matrix product", lecture::largest_difference(remembered, matrix), 1e-12);
  l.say(
      "A layer's kernel is as long as its input. The convolution of width 4 in a Mamba block is another one: four\n"
      "learned weights per channel in front of the scan, and no compressed state-space model.");
  samples const half = ssm::convolve(filter.head(40).eval(), push);
  l.say("Cut after 40 steps (4 s), the kernel forgets what came earlier; the output is off by up to " +
        lecture::text("%.3f.", lecture::largest_difference(remembered, half)));

  plot::figure f("Recurrence = convolution: the kernel slides over the input", {.width = 1200, .height = 940});
  plot::panel& slides = f.add("");
  slides.place(0, 0.4, 1, 0.55);
  slides.diagram(-0.2, 16.2, -0.4, 11.6);
  for (int k = 0; k < 4; ++k) draw_slide(slides, K, x, y, k);
  plot::panel& kernel = f.add("The kernel of a spring with friction, K_j = CĀ^{j}B̄", "j", "K_j");
  kernel.place(0, 0, 0.42, 0.4);
  kernel.stems(plot::spaced(80), filter.head(80).eval(), "", {.width = 1.2, .size = 0.4});
  plot::panel& output = f.add("The same y, twice", "time t [s]", "x,  y");
  output.place(0.42, 0, 0.58, 0.4);
  auto const t = plot::spaced(static_cast<std::size_t>(L), 0, 0.1);
  output.steps(t, push, "input x", {.ink = plot::color::grey, .width = 1.2});
  output.line(t, remembered, "recurrence", {.ink = plot::color::sky, .width = 5});
  output.line(t, convolved, "convolution", {.ink = plot::color::black, .width = 1.4, .pattern = plot::dash::dashed});
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "03_recurrence_is_convolution",
       .title = "Recurrence is convolution",
       .caption = "The kernel CB̄, CĀB̄, CĀ²B̄, … is laid, turned round, over the padded input and slides to the "
                  "right: each position gives one output, the same that the recurrence gives step by step. Nothing of "
                  "one output is needed for the next, so all can be computed at once."},
      teach);
}
