// SPDX-License-Identifier: MIT
// Whole models against transformers' Mamba in true float64 (tests/golden/models, made by make.py there).
//
// Bounds. A model in double differs from the reference by its own roundings alone: every product has at most a few
// hundred terms, exp amplifies a rounding of ΔA by |ΔA|, and layers add up; 1e-13 relative is fifteen times what is
// seen at 24 layers (6e-15) and a million times less than any mistake in a formula would make. In float: 5e-6
// for models of up to 6 layers; deeper ones within 1.5 times what transformers itself loses in float32 on the same
// model, which make.py measured.
#include <mamba/io/checkpoint/checkpoint.hpp>

#include <mamba/model/forward.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <doctest/doctest.h>

namespace {

namespace fs = std::filesystem;
namespace model = mamba::model;

std::vector<double> numbers(mamba::io::safetensors::archive const& from, std::string const& name) {
  auto const& t = from.at(name);
  std::vector<double> all(t.elements());
  mamba::io::read_values<double>(t, 0, all);
  return all;
}

/// ‖found − expected‖ / ‖expected‖.
template <class T>
double relative_error(std::vector<T> const& found, std::vector<double> const& expected) {
  REQUIRE(found.size() == expected.size());
  double difference = 0;
  double norm = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    difference += std::pow(static_cast<double>(found[i]) - expected[i], 2);
    norm += expected[i] * expected[i];
  }
  REQUIRE(norm > 0);
  return std::sqrt(difference / norm);
}

struct errors {
  double logits, ssm_state, conv_state;
};

/// Runs the checkpoint with matrices in W and compares everything that comes out with the golden numbers.
template <class W>
errors run(fs::path const& folder, mamba::io::safetensors::archive const& expected) {
  using T = typename model::weights<model::any, W>::scalar;
  auto const from = mamba::io::open_checkpoint(folder);
  auto const w = mamba::io::load_weights<W>(from);
  std::vector<model::token> tokens;
  for (double const id : numbers(expected, "tokens")) tokens.push_back(static_cast<model::token>(id));
  model::state<model::any, T> state(from.config);
  model::workspace workspace;
  std::size_t const vocab = from.config.vocab_size;
  std::vector<T> logits(tokens.size() * vocab);
  model::forward(w, tokens, state, workspace, mamba::matrix_view<T>(logits.data(), tokens.size(), vocab));
  std::vector<T> ssm;
  std::vector<T> conv;
  for (auto const& layer : state.layers()) {
    for (std::size_t d = 0; d < from.config.d_inner(); ++d) {
      for (std::size_t n = 0; n < from.config.d_state; ++n) ssm.push_back(layer.ssm(d, n));
      for (std::size_t k = 0; k + 1 < from.config.d_conv; ++k) conv.push_back(layer.conv(k, d));
    }
  }
  return {relative_error(logits, numbers(expected, "logits")), relative_error(ssm, numbers(expected, "ssm_state")),
          relative_error(conv, numbers(expected, "conv_state"))};
}

std::vector<fs::path> cases() {
  std::vector<fs::path> all;
  for (auto const& entry : fs::directory_iterator(fs::path(MAMBA_GOLDEN_DIR) / "models")) {
    if (fs::exists(entry.path() / "expected.safetensors")) all.push_back(entry.path());
  }
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("golden models: logits and states equal transformers' in float64") {
  auto const folders = cases();
  REQUIRE(folders.size() >= 12);
  for (auto const& folder : folders) {
    auto const expected = mamba::io::safetensors::archive::open(folder / "expected.safetensors");
    CAPTURE(folder.filename().string());
    auto const in_double = run<double>(folder, expected);
    CHECK(in_double.logits < 1e-13);
    CHECK(in_double.ssm_state < 1e-13);
    CHECK(in_double.conv_state < 1e-13);

    auto const layers = mamba::io::open_checkpoint(folder).config.n_layer;
    double const plain_float32 = std::strtod(expected.parts()[0].metadata.at("float32_error").c_str(), nullptr);
    double const allowed = layers <= 6 ? 5e-6 : 1.5 * plain_float32;
    auto const in_float = run<float>(folder, expected);
    CHECK(in_float.logits < allowed);
    MESSAGE(folder.filename().string(), ": double ", in_double.logits, ", float ", in_float.logits, " (transformers ",
            plain_float32, ", allowed ", allowed, ")");
  }
}

TEST_CASE("golden models: a matrix rounded to bfloat16 is a model near the original, and not the original") {
  auto const folder = fs::path(MAMBA_GOLDEN_DIR) / "models" / "hf_f32_tied";
  auto const expected = mamba::io::safetensors::archive::open(folder / "expected.safetensors");
  auto const rounded = run<mamba::bfloat16>(folder, expected);
  // 2^-9 per weight, averaged over sums of tens of terms and two layers.
  CHECK(rounded.logits < 3e-2);
  CHECK(rounded.logits > 1e-5);
}
