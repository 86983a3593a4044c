// SPDX-License-Identifier: MIT
// mamba/kernels/scan/channel_blocked_view.hpp — a non-owning channel-blocked matrix.  [floor 4]
#pragma once

#include <mamba/kernels/scan/channel_blocked.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::kernels {

/// A view of the numbers of a channel_blocked [channels, depth], in a layer or in flash.
///
/// Shapes:  [⌈channels / W⌉][depth][W], W = lanes: what channel_blocked::span() gives, padding included.
template <class T>
class channel_blocked_view {
 public:
  using value_type = std::remove_const_t<T>;
  static constexpr std::size_t lanes = simd::lanes<value_type>;
  static constexpr std::size_t planes = 1;

  constexpr channel_blocked_view() noexcept = default;
  constexpr channel_blocked_view(T* data, std::size_t channels, std::size_t depth) noexcept
      : data_(data), channels_(channels), depth_(depth) {}

  template <std::size_t D, std::size_t N>
  channel_blocked_view(channel_blocked<value_type, D, N> const& from) noexcept
    requires(std::is_const_v<T>)
      : data_(from.block(0)), channels_(from.channels()), depth_(from.depth()) {}

  [[nodiscard]] constexpr std::size_t channels() const noexcept { return channels_; }
  [[nodiscard]] constexpr std::size_t depth() const noexcept { return depth_; }
  [[nodiscard]] constexpr std::size_t blocks() const noexcept {
    return channels_ / lanes + (channels_ % lanes != 0 ? 1 : 0);
  }
  /// Every number, padding included.
  [[nodiscard]] constexpr std::size_t size() const noexcept { return blocks() * depth_ * lanes; }

  /// Block b: depth() rows of `lanes` channels.
  [[nodiscard]] constexpr T* block(std::size_t b) const noexcept { return data_ + b * depth_ * lanes; }
  [[nodiscard]] constexpr T& operator()(std::size_t d, std::size_t n) const noexcept {
    return block(d / lanes)[n * lanes + d % lanes];
  }

  /// The one plane of real numbers: the interface of complex_blocked_view.
  [[nodiscard]] constexpr channel_blocked_view const& plane(std::size_t) const noexcept { return *this; }

 private:
  T* data_ = nullptr;
  std::size_t channels_ = 0;
  std::size_t depth_ = 0;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
