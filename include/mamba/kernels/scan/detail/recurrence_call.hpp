// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/recurrence_call.hpp — the arguments of one diagonal recurrence, by planes.  [floor 4]
#pragma once

#include <mamba/kernels/scan/detail/advance_modes.hpp>
#include <mamba/tensor/view.hpp>

#include <array>
#include <span>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels::detail {

template <class Blocked>
using plane_type = std::remove_cvref_t<decltype(std::declval<Blocked const&>().plane(0))>;

/// The planes of blocked modes, one by one.
template <class Plane, class Blocked>
[[nodiscard]] auto planes_of(Blocked& m) noexcept {
  std::array<Plane*, Blocked::planes> out;
  for (std::size_t p = 0; p < out.size(); ++p) out[p] = &m.plane(p);
  return out;
}

/// One call: what all channels share. b is null for unit_b.
template <class Blocked, input_map Input>
struct recurrence_call {
  using T = typename Blocked::value_type;
  using V = simd::batch<T>;
  using plane = plane_type<Blocked>;
  static constexpr std::size_t W = simd::lanes<T>, planes = Blocked::planes;
  static constexpr input_map map = Input;
  static constexpr std::size_t batches = register_budget / planes;  ///< of modes that are advanced at a time
  std::array<plane const*, planes> a, b, c;
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
