// SPDX-License-Identifier: MIT
// mamba/nn/mamba1_state.hpp — the sizes and the state of a Mamba-1 mixer.  [floor 5]
#pragma once

#include <mamba/kernels/scan/channel_blocked.hpp>
#include <mamba/nn/state_storage.hpp>
#include <mamba/tensor/tensor.hpp>

#include <array>
#include <cstddef>

namespace mamba::inline MAMBA_ABI::nn {

/// The sizes of a Mamba-1 mixer; any of them may be dynamic where they are a template argument.
struct mamba1_config {
  std::size_t d_model;
  std::size_t d_state = 16;  ///< N
  std::size_t d_conv = 4;    ///< K
  std::size_t expand = 2;    ///< d_inner / d_model
  std::size_t dt_rank = 0;   ///< 0: ⌈d_model / 16⌉
  bool bias = false;         ///< of the input and the output projection (use_bias)
  bool conv_bias = true;     ///< of conv1d (use_conv_bias)

  [[nodiscard]] constexpr std::size_t d_inner() const noexcept { return static_product(expand, d_model); }
  [[nodiscard]] constexpr std::size_t rank() const noexcept {
    if (dt_rank != 0) return dt_rank;
    return d_model == dynamic ? dynamic : d_model / 16 + (d_model % 16 != 0 ? 1 : 0);
  }

  friend constexpr bool operator==(mamba1_config const&, mamba1_config const&) noexcept = default;
};

/// Every extent dynamic.
inline constexpr mamba1_config any_mamba1{
    .d_model = dynamic, .d_state = dynamic, .d_conv = dynamic, .expand = dynamic, .dt_rank = dynamic};

/// True if every extent is static.
[[nodiscard]] constexpr bool all_static(mamba1_config const& c) noexcept {
  for (std::size_t const extent : {c.d_model, c.d_state, c.d_conv, c.expand, c.dt_rank}) {
    if (extent == dynamic) return false;
  }
  return true;
}

/// The state of a mixer between tokens: a value that holds its numbers and nothing else.
template <mamba1_config S, class T>
struct mamba1_state {
  using scalar = T;
  static constexpr std::size_t kept = S.d_conv == dynamic ? dynamic : S.d_conv - 1;
  tensor<T, kept, S.d_inner()> conv;                        ///< [d_conv−1, d_inner], the last inputs, oldest first
  kernels::channel_blocked<T, S.d_inner(), S.d_state> ssm;  ///< [d_inner, d_state], h

  mamba1_state() = default;
  explicit mamba1_state(mamba1_config const& sizes)
      : conv(sizes.d_conv - 1, sizes.d_inner()), ssm(sizes.d_inner(), sizes.d_state) {}

  /// True if it has the shapes, and the numbers, of a mixer of these sizes: not if it was moved from.
  [[nodiscard]] bool made_for(mamba1_config const& sizes) const noexcept {
    return conv.extent(0) == sizes.d_conv - 1 && conv.extent(1) == sizes.d_inner() &&
           conv.size() == conv.shape().size() && ssm.channels() == sizes.d_inner() && ssm.depth() == sizes.d_state &&
           ssm.span().size() >= sizes.d_inner() * sizes.d_state;
  }

  /// Back to the state before the first token: all zero.
  void reset() noexcept {
    conv.fill(T{0});
    ssm.fill(T{0});
  }

  /// f(name, shape, rows): for saving, restoring and inspecting a state, in a row-major layout.
  template <class Self, class F>
  static void for_each(Self& self, F&& f) {
    f("conv", std::array{self.conv.extent(0), self.conv.extent(1)}, state_rows(self.conv));
    f("ssm", std::array{self.ssm.channels(), self.ssm.depth()}, state_rows(self.ssm));
  }

  friend bool operator==(mamba1_state const&, mamba1_state const&) noexcept = default;
};

}  // namespace mamba::inline MAMBA_ABI::nn
