// SPDX-License-Identifier: MIT
// mamba/kernels/scan/input_scaling.hpp — B̄ of a diagonal system, or 1 in its place.  [floor 4]
#pragma once

#include <mamba/kernels/scan/complex_blocked.hpp>

#include <concepts>

namespace mamba::inline MAMBA_ABI::kernels {

/// Modes of many channels in a blocked layout: channel_blocked (real), complex_blocked (one of each conjugate pair), or
/// a view of either.
template <class M>
concept blocked_modes = requires(M const& m, std::size_t i) {
  typename M::value_type;
  { M::planes } -> std::convertible_to<std::size_t>;
  { m.plane(i).block(i) } -> std::same_as<typename M::value_type const*>;
};

/// In place of B̄: b̄ = 1 for every mode.
struct unit_b {};

/// B̄ or unit_b, as a named argument. It refers to B̄ without owning it, and has no default.
///
/// Why:     only c·b̄ matters for y. With unit_b, and c b̄ as c, a mode costs one product less; the state is then in
///          units of b̄: h = b̄ · (stored value).
template <blocked_modes Blocked>
class input_scaling {
 public:
  input_scaling(Blocked const& b_bar) noexcept : b_bar_(&b_bar) {}
  input_scaling(unit_b) noexcept {}

  [[nodiscard]] bool is_unit() const noexcept { return b_bar_ == nullptr; }
  /// B̄, where it is not 1.
  [[nodiscard]] Blocked const& value() const noexcept { return *b_bar_; }
  /// True for unit_b and for a B̄ of the shape of `modes`.
  [[nodiscard]] bool fits(Blocked const& modes) const noexcept {
    return is_unit() || (value().channels() == modes.channels() && value().depth() == modes.depth());
  }

 private:
  Blocked const* b_bar_ = nullptr;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
