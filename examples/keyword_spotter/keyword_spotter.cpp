// SPDX-License-Identifier: MIT
// keyword_spotter — a classifier of sound, frame by frame: linear 40 → 64, one Mamba, a mean over time, 10 scores.
#include <mamba/io.hpp>
#include <mamba/mamba.hpp>
#include <support/command_line.hpp>
#include <support/program.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace io = mamba::io;
namespace model = mamba::model;
namespace nn = mamba::nn;

template <class W>  // the format of the matrices
using spotter = model::network<model::feature_projection<W>, model::stack<nn::block<nn::mamba1<nn::any_mamba1, W>>>,
                               model::pooled_head<W>>;
constexpr spotter<float>::config spotter_sizes{
    {40, 64}, {{.mixer = {.d_model = 64}}, 1}, {.d_model = 64, .outputs = 10, .over = model::pooling::mean}};

// In place of training: uniform within ±0.2, around 1 for norms and D, around ln 1 … ln 16 for A_log.
void write_random(std::string const& file) {
  spotter<float> network(spotter_sizes);
  model::generator random(1);
  model::for_each_tensor(network, [&](std::string_view name, auto, auto& tensor) {
    bool const around_one = name.find("norm") != name.npos || name.ends_with(".D");
    std::vector<float> row(tensor.row_size());
    for (std::size_t r = 0; r < tensor.rows(); ++r) {
      for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = static_cast<float>(0.4 * random.uniform() - 0.2 + (around_one ? 1 : 0) +
                                    (name.ends_with("A_log") ? std::log(static_cast<double>(i + 1)) : 0));
      tensor.set_row(r, std::span<float const>(row));
    }
  });
  io::save_network(network, file);
}

// A tone that rises through the 40 bands in a second of 100 frames; a microphone's log-mel frames would come instead.
template <class W>
void listen(spotter<W> const& network) {
  model::session session(network);  // weights, one state, a workspace: step() allocates nothing
  std::array<float, 40> frame{};
  for (std::size_t t = 0; t < 100; ++t) {
    for (std::size_t band = 0; band < frame.size(); ++band)
      frame[band] = std::exp(-std::abs(static_cast<float>(band) - 0.4F * static_cast<float>(t)));
    auto const scores = session.step(frame);
    auto const best = std::max_element(scores.begin(), scores.end());
    if (t % 20 == 19) std::printf("frame %zu: class %td, score %.3f\n", t, best - scores.begin(), double{*best});
  }
}

int main(int argc, char** argv) {
  return examples::run_program("keyword_spotter", [&] {
    std::string file, written, format = "f32";
    examples::command_line line("keyword_spotter", "Classifies a made-up sound, one frame of 40 features at a time.");
    auto* const model = line.name("--model", file, "The weights: a .safetensors file of numbers, see --write");
    line.one_of({model, line.name("--write", written, "Write random weights to this new .safetensors file, and end")});
    line.choice("--weights", format, {"f32", "q8"}, {}, "How matrices are kept in memory (default: f32)");
    line.add_threads();
    if (!line.parse(argc, argv)) return;
    if (!written.empty()) return write_random(written);
    if (file.empty()) mamba::core::fail("--model is missing: keyword_spotter --write FILE makes one");
    io::visit_format<io::format_list<float, mamba::q8>>(
        format, [&]<class W>(std::type_identity<W>) { listen(io::load_network<spotter<W>>(file, spotter_sizes)); });
  });
}
