// SPDX-License-Identifier: MIT
// 10_mamba_block — one layer of a trained Mamba, taken apart: every step, every shape, on letters of Shakespeare.
//
// A language model of this kind is a stack of such blocks. Each reads the residual r (one row per token), and adds to
// it what it has found. Everything of this lecture is in it: the short convolution, a step Δ that the input decides,
// the selective scan with its state h. Only the last has a memory that outlives four tokens.
#include <lecture/lesson.hpp>

#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/workspace.hpp>
#include <mamba/ssm/selective/selective_scan.hpp>

#include <cstring>

namespace nn = mamba::nn;
namespace ssm = mamba::ssm;
namespace plot = lecture::plot;
using matrix = mamba::tensor<double, mamba::dynamic, mamba::dynamic>;

namespace {

std::string const letters = "First Citizen:\nBefore we proceed";
std::size_t const layer = 2;

/// The named ticks under a plot: the letters themselves.
std::vector<std::pair<double, std::string>> ticks() {
  std::vector<std::pair<double, std::string>> all;
  for (std::size_t t = 0; t < letters.size(); ++t)
    all.emplace_back(static_cast<double>(t), letters[t] == '\n' ? "↵" : std::string(1, letters[t]));
  return all;
}

/// The first 40 channels of m as a picture.
void picture(plot::figure& f, std::string const& title, double row, matrix const& m, std::string const& scale) {
  plot::panel& p = f.add(title, "letter", "channel");
  p.image(
      40, letters.size(), [&](std::size_t i, std::size_t t) { return m(t, i); }, scale);
  p.x_ticks(ticks());
  p.place(0.36, 0.93 - 0.31 * (row + 1), 0.64, 0.31);
}

void teach(lecture::lesson& l) {
  // The bundled model reads bytes. Its residual starts as the embeddings of the letters, in double here.
  auto const weights = mamba::io::load_weights<double>(mamba::io::open_checkpoint(MAMBA_DEFAULT_MODEL_DIR));
  std::vector<int> const tokens(letters.begin(), letters.end());
  std::size_t const L = tokens.size();
  nn::mamba1_config const s = weights.sizes().mixer();
  matrix r(L, s.d_model);
  weights.input(tokens, r.view(), {});
  auto const forward = [&](std::size_t i, matrix& residual) {
    using block = mamba::model::mamba_block<mamba::model::any, double>;
    block::state state(s);
    nn::segment<block::state> const all[] = {{0, L, &state}};
    weights.layers[i](residual, all, nn::workspace(block::workspace(weights.sizes().block(), L)).memory());
  };
  for (std::size_t i = 0; i < layer; ++i) forward(i, r);
  auto const& block = weights.layers[layer].mixer;

  std::vector<std::vector<std::string>> rows;
  auto const seen = [&](std::string const& name, std::string const& how, auto const& m) {
    double square = 0;
    for (std::size_t t = 0; t < m.extent(0); ++t) {
      for (std::size_t i = 0; i < m.extent(1); ++i) square += m(t, i) * m(t, i);
    }
    rows.push_back({name, how, "[" + std::to_string(m.extent(0)) + ", " + std::to_string(m.extent(1)) + "]",
                    lecture::text("%.4f", m(0, 0)), lecture::text("%.4f", m(0, 1)),
                    lecture::text("%.4f", std::sqrt(square / static_cast<double>(m.extent(0) * m.extent(1))))});
  };

  // The block, line by line.
  seen("r", "the residual, one row per letter", r);
  matrix u(L, s.d_model);
  weights.layers[layer].norm(r.view(), u.view());
  seen("u", "rms_norm(r)", u);
  matrix xz(L, 2 * s.d_inner());
  block.in_proj(u.view(), xz.view());
  auto const x_in = xz.view().columns(0, s.d_inner());
  auto const z = xz.view().columns(s.d_inner(), s.d_inner());
  seen("x, z", "in_proj u: what is read, and its gate", xz);
  matrix x(L, s.d_inner());
  auto last_inputs = block.conv1d.initial_state();
  block.conv1d(x_in, last_inputs, x.view());
  seen("x", "silu(conv1d(x)): this letter and three before", x);
  matrix dt_b_c(L, s.rank() + 2 * s.d_state);
  block.x_proj(x.view(), dt_b_c.view());
  auto const dt = dt_b_c.view().columns(0, s.rank());
  auto const b = dt_b_c.view().columns(s.rank(), s.d_state);
  auto const c = dt_b_c.view().columns(s.rank() + s.d_state, s.d_state);
  seen("dt, B, C", "x_proj x: the input chooses them", dt_b_c);
  seen("B, C", "what enters the state, what is read", dt_b_c.view().columns(s.rank(), 2 * s.d_state));
  matrix delta(L, s.d_inner());
  block.dt_proj(dt, delta.view());
  mamba::simd::transform(
      delta.span(), [](auto v) { return mamba::math::softplus_thresholded(v); }, delta.span());
  seen("Δ", "softplus(dt_proj dt): how long each step is", delta);
  matrix y(L, s.d_inner());
  auto const& a = block.a_log.a();
  mamba::kernels::channel_blocked<double> h(s.d_inner(), s.d_state);
  mamba::kernels::selective_scan({.delta = delta, .b = b, .c = c, .x = x, .z = z, .d = block.d.span()}, a, h, y);
  seen("h", "the state after the last letter", h);
  seen("y", "(scan + D x) silu(z)", y);
  matrix out = r;
  block.out_proj.operator()<mamba::kernels::output::add>(y.view(), out.view());
  seen("r'", "r + out_proj y", out);
  l.say("Layer " + std::to_string(layer + 1) + " of the small model, on " + std::to_string(L) + " letters: \"" +
        letters.substr(0, 14) + "⏎" + letters.substr(15) + "\".");
  l.table({"name", "how", "shape", "[0, 0]", "[0, 1]", "rms"}, rows);

  // The library's own block does the same steps: not nearly the same numbers, the same bits.
  matrix whole = r;
  forward(layer, whole);
  bool const same = std::memcmp(whole.data(), out.data(), whole.size() * sizeof(double)) == 0;
  l.claim("our steps are the library's block, bit for bit (1 if not)", same ? 0 : 1, 0);
  matrix slow(s.d_inner(), s.d_state), y_slow(L, s.d_inner());
  ssm::selective_scan(delta, a, b, c, block.d.span(), x, z, slow, y_slow);
  l.claim("the fast scan is the formula of the paper", lecture::largest_difference(y.span(), y_slow.span()), 1e-13);

  plot::figure f("One Mamba block of a trained model, step by step", {.width = 1200, .height = 860});
  plot::panel& p = f.add("");
  p.place(0, 0, 0.37, 0.93);
  p.diagram(-0.2, 10, -0.6, static_cast<double>(rows.size()) - 0.4);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double const top = static_cast<double>(rows.size() - 1 - i);
    auto const fill = i == 7             ? plot::color::pale_orange
                      : i >= 4 && i <= 6 ? plot::color::pale_green
                                         : plot::color::pale_blue;
    p.box(0.2, top - 0.3, 2.4, top + 0.3, fill, rows[i][0]);
    p.text(2.7, top + 0.14, rows[i][2], "left", plot::color::black, 13);
    p.text(2.7, top - 0.2, plot::plain(rows[i][1]), "left", plot::color::grey, 11);
    if (i > 0) p.arrow(1.3, top + 0.7, 1.3, top + 0.3);
  }
  picture(f, "x after the convolution, 40 of 384 channels", 0, x, "x");
  picture(f, "Δ, chosen by each letter: long steps take in, short steps keep", 1, delta, "Δ");
  picture(f, "y, what the block has found", 2, y, "y");
  l.show(std::move(f));
}

}  // namespace

int main(int argc, char** argv) {
  return lecture::give(
      argc, argv,
      {.name = "10_mamba_block",
       .title = "A Mamba block, step by step",
       .caption = "One layer of the trained model reads letters of Shakespeare: the shapes on the left, the "
                  "activations on the right. Δ differs from letter to letter and channel to channel, which is what "
                  "selective means."},
      teach);
}
