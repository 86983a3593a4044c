// SPDX-License-Identifier: MIT
// mamba/model/for_each_tensor.hpp — the one path by which weights get in and out of a model.  [floor 6]
#pragma once

#include <mamba/model/weights.hpp>

#include <array>
#include <string>

namespace mamba::inline MAMBA_ABI::model {

/// The two spellings of checkpoints: backbone.embedding.weight and backbone.embeddings.weight; all else is the same.
enum class naming { original, hugging_face };

/// Calls f(name, shape, storage) for every tensor of the model's checkpoint, in one fixed order.
///
///     model::for_each_tensor(weights, [&](std::string const& name, auto shape, auto& storage) {
///       for (std::size_t row = 0; row < storage.rows(); ++row) storage.set_row(row, my_source(name, row));
///     });
///
/// Why:     whoever includes the library alone can fill a model from flash, a file or a network, and save it again.
/// Shapes:  `shape` is the checkpoint's (conv1d.weight is [d_inner, 1, d_conv]); storage.rows() = shape[0],
///          storage.row_size() = the product of the rest; rows are numbers of the arithmetic type, row-major, with the
///          checkpoint's meaning (A_log, not A). Packing and derived values happen in set_row.
/// Domain:  `w` is a weights<>, const or not (const storage has get_row only), or an outline<> (storage has
///          nothing but a format). lm_head.weight appears where the head is not tied, biases where the configuration
///          has them.
template <class Weights, class F>
void for_each_tensor(Weights&& w, F&& f, naming spelling = naming::original) {
  config const& c = w.sizes();
  auto const visit = [&]<std::size_t Rank>(std::string const& name, std::array<std::size_t, Rank> const& shape,
                                           auto& storage) { f(name, std::span<std::size_t const>(shape), storage); };
  std::size_t const d = c.d_inner();
  visit(spelling == naming::original ? "backbone.embedding.weight" : "backbone.embeddings.weight",
        std::array{c.padded_vocab(), c.d_model}, w.embedding.weight());
  for (std::size_t i = 0; i < w.layers.size(); ++i) {
    auto& layer = w.layers[i];
    std::string const prefix = "backbone.layers." + std::to_string(i) + ".";
    std::string const mixer = prefix + "mixer.";
    visit(prefix + "norm.weight", std::array{c.d_model}, layer.norm.weight());
    visit(mixer + "A_log", std::array{d, c.d_state}, layer.a_log);
    visit(mixer + "D", std::array{d}, layer.d);
    visit(mixer + "in_proj.weight", std::array{2 * d, c.d_model}, layer.in_proj.weight());
    if (c.bias) visit(mixer + "in_proj.bias", std::array{2 * d}, layer.in_proj.bias());
    visit(mixer + "conv1d.weight", std::array<std::size_t, 3>{d, 1, c.d_conv}, layer.conv1d.weight());
    if (c.conv_bias) visit(mixer + "conv1d.bias", std::array{d}, layer.conv1d.bias());
    visit(mixer + "x_proj.weight", std::array{c.rank() + 2 * c.d_state, d}, layer.x_proj.weight());
    visit(mixer + "dt_proj.weight", std::array{d, c.rank()}, layer.dt_proj.weight());
    visit(mixer + "dt_proj.bias", std::array{d}, layer.dt_proj.bias());
    visit(mixer + "out_proj.weight", std::array{c.d_model, d}, layer.out_proj.weight());
    if (c.bias) visit(mixer + "out_proj.bias", std::array{c.d_model}, layer.out_proj.bias());
  }
  visit("backbone.norm_f.weight", std::array{c.d_model}, w.norm_f.weight());
  if (!c.tie_embeddings) visit("lm_head.weight", std::array{c.padded_vocab(), c.d_model}, w.lm_head.weight());
}

}  // namespace mamba::inline MAMBA_ABI::model
