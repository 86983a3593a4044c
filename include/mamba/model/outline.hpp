// SPDX-License-Identifier: MIT
// mamba/model/outline.hpp — a model without numbers: names and shapes of a checkpoint before it is loaded.  [floor 6]
#pragma once

#include <mamba/model/config.hpp>

#include <span>

namespace mamba::inline MAMBA_ABI::model {

/// Stands where weights<> would: for_each_tensor(outline(sizes), f) visits the same names and shapes, and allocates
/// nothing.
///
///     model::for_each_tensor(model::outline(sizes), [&](std::string const& name, auto shape, auto&) { … });
///
/// Why:     a loader holds a file against this list before it makes room for a single weight, so that absurd sizes in a
///          configuration are an error message and not an allocation.
class outline {
 public:
  /// Where a storage would be.
  struct no_storage {};

  explicit outline(config const& sizes) noexcept : layers(sizes.n_layer), sizes_(sizes) {}
  [[nodiscard]] config const& sizes() const noexcept { return sizes_; }

  /// A layer of which only the parameters' names count.
  struct parameters {
    [[nodiscard]] no_storage const& weight() const noexcept { return storage; }
    [[nodiscard]] no_storage const& bias() const noexcept { return storage; }
    no_storage storage;
  };

  struct block {
    parameters norm, in_proj, conv1d, x_proj, dt_proj, out_proj;
    no_storage a_log, d;
  };

  /// n_layer times the same block.
  class repeated {
   public:
    explicit repeated(std::size_t count) noexcept : count_(count) {}
    [[nodiscard]] std::size_t size() const noexcept { return count_; }
    [[nodiscard]] block const& operator[](std::size_t) const noexcept { return one_; }

   private:
    block one_;
    std::size_t count_;
  };

  parameters embedding, norm_f, lm_head;
  repeated layers;

 private:
  config sizes_;
};

}  // namespace mamba::inline MAMBA_ABI::model
