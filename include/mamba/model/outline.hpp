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
///     model::for_each_tensor(model::outline<q4>(sizes), [&](std::string const& name, auto shape, auto& storage) {
///       using format = typename std::remove_cvref_t<decltype(storage)>::storage_format;  // as in weights<any, q4>
///     });
///
/// Why:     a loader holds a file against this list before it makes room for a single weight, so that absurd sizes in a
///          configuration are an error message and not an allocation.
template <class W = float>
class outline {
 public:
  using formats = recipe<W>;
  using scalar = kernels::arithmetic<W>;

  /// Where a storage would be, and in which format; scalar for all that is no matrix.
  template <class Format>
  struct no_storage {
    using storage_format = Format;
  };

  explicit outline(config const& sizes) noexcept : layers(sizes.n_layer), sizes_(sizes) {}
  [[nodiscard]] config const& sizes() const noexcept { return sizes_; }

  /// A layer of which only the parameters' names count.
  template <class Format>
  struct parameters {
    [[nodiscard]] no_storage<Format> const& weight() const noexcept { return weight_; }
    [[nodiscard]] no_storage<scalar> const& bias() const noexcept { return bias_; }

   private:
    no_storage<Format> weight_;
    no_storage<scalar> bias_;
  };

  struct block {
    parameters<scalar> norm, conv1d;
    parameters<typename formats::in_proj> in_proj;
    parameters<typename formats::x_proj> x_proj;
    parameters<typename formats::dt_proj> dt_proj;
    parameters<typename formats::out_proj> out_proj;
    no_storage<scalar> a_log, d;
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

  parameters<typename formats::embedding> embedding;
  parameters<scalar> norm_f;
  parameters<typename formats::lm_head> lm_head;
  repeated layers;

 private:
  config sizes_;
};

}  // namespace mamba::inline MAMBA_ABI::model
