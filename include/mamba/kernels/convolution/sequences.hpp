// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/sequences.hpp — sequences of many channels, stored time first or channel first.  [floor 4]
#pragma once

#include <mamba/tensor/tensor.hpp>

namespace mamba::inline MAMBA_ABI::kernels {

/// Sequences stored one after the other, [D, L].
template <class T>
struct channel_major {
  matrix_view<T> rows;  ///< row d is channel d
};
template <class T, std::size_t D, std::size_t L>
channel_major(view<T, D, L>) -> channel_major<T>;
template <class T, std::size_t D, std::size_t L>
channel_major(tensor<T, D, L>&) -> channel_major<T>;
template <class T, std::size_t D, std::size_t L>
channel_major(tensor<T, D, L> const&) -> channel_major<T const>;

/// A view of sequences in either layout, indexed by (time, channel) in both.
///
/// Shapes:  made of whatever converts to a matrix_view, [L, D], or of a channel_major of [D, L].
template <class T>
class sequences {
 public:
  template <std::convertible_to<matrix_view<T>> M>
  // NOLINTNEXTLINE(bugprone-forwarding-reference-overload): no `sequences` converts to a matrix_view
  sequences(M&& time_major) noexcept(!core::contracts_checked) : numbers_(std::forward<M>(time_major)) {}
  template <std::same_as<std::remove_const_t<T>> U>
  sequences(channel_major<U> s) noexcept : numbers_(s.rows), channel_first_(true) {}
  sequences(channel_major<T const> s) noexcept
    requires std::is_const_v<T>
      : numbers_(s.rows), channel_first_(true) {}

  [[nodiscard]] bool channel_first() const noexcept { return channel_first_; }
  [[nodiscard]] std::size_t length() const noexcept { return numbers_.extent(channel_first_ ? 1 : 0); }
  [[nodiscard]] std::size_t channels() const noexcept { return numbers_.extent(channel_first_ ? 0 : 1); }
  [[nodiscard]] T& operator()(std::size_t t, std::size_t d) const noexcept {
    return channel_first_ ? numbers_(d, t) : numbers_(t, d);
  }
  /// The numbers as they lie: [L, D], or [D, L] with the channel first.
  [[nodiscard]] matrix_view<T> const& numbers() const noexcept { return numbers_; }

 private:
  matrix_view<T> numbers_;
  bool channel_first_ = false;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
