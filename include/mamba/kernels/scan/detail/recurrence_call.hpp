// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/recurrence_call.hpp — the arguments of one diagonal recurrence, by planes.  [floor 4]
#pragma once

#include <mamba/kernels/scan/channel_blocked_view.hpp>
#include <mamba/kernels/scan/detail/advance_modes.hpp>
#include <mamba/tensor/view.hpp>

#include <array>
#include <span>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// The planes of a state, one by one.
template <class State>
[[nodiscard]] auto planes_of(State& h) noexcept {
  std::array<std::remove_reference_t<decltype(h.plane(0))>*, State::planes> out;
  for (std::size_t p = 0; p < out.size(); ++p) out[p] = &h.plane(p);
  return out;
}

/// The planes of read-only modes.
template <class Modes>
[[nodiscard]] auto views_of(Modes const& m) noexcept {
  std::array<channel_blocked_view<typename Modes::value_type const>, Modes::planes> out;
  for (std::size_t p = 0; p < out.size(); ++p) out[p] = m.plane(p);
  return out;
}

/// The arguments of one call. b is empty for unit_b.
template <class State, input_map Input>
struct recurrence_call {
  using T = typename State::value_type;
  using V = simd::batch<T>;
  using plane = std::remove_cvref_t<decltype(std::declval<State const&>().plane(0))>;
  static constexpr std::size_t W = simd::lanes<T>, planes = State::planes;
  static constexpr input_map map = Input;
  static constexpr std::size_t batches = register_budget / planes;  ///< of modes that are advanced at a time
  std::array<channel_blocked_view<T const>, planes> a, b, c;
  std::span<T const> d;
  matrix_view<T const> x;
  std::array<plane*, planes> h;
  matrix_view<T> y;

  [[nodiscard]] std::size_t depth() const noexcept { return h[0]->depth(); }

  /// Σ_n, or 2 Re of it, plus D x.
  template <class U>
  [[nodiscard]] [[gnu::always_inline]] U result(U sum, U skip, U input) const noexcept {
    if constexpr (planes == 2) sum = sum + sum;
    return d.empty() ? sum : simd::fma(skip, input, sum);
  }
};

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
