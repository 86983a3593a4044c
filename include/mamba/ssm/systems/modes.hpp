// SPDX-License-Identifier: MIT
// mamba/ssm/systems/modes.hpp — all modes of a system, or one of each conjugate pair.  [floor 3]
#pragma once

#include <mamba/ssm/systems/scalar.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// The modes that are stored. Those of a real A come in conjugate pairs, so that one of each pair is enough: the other
/// adds the conjugate, and both together are 2 Re. Real modes are stored as `all`.
enum class modes { all, half };

/// Whether modes of type T can be stored so: only complex ones have conjugates.
template <modes Kept, class T>
inline constexpr bool can_keep = Kept == modes::all || is_complex<T>;

/// A matrix, or an expression that gives one.
template <class E>
concept matrix_expression = (!scalar<E>);

/// The value over all modes, from that over the stored ones: v itself, or 2 Re v where the conjugate half is implied. v
/// is a matrix or a number.
///
/// Error:   exact.
template <modes Kept, matrix_expression Expression>
[[nodiscard]] auto whole(Expression const& v) {
  static_assert(can_keep<Kept, typename Expression::Scalar>, "modes::half needs complex modes");
  if constexpr (Kept == modes::half) {
    using real = typename Expression::RealScalar;
    return (real(2) * v.real()).eval();
  } else {
    return v.eval();
  }
}
template <modes Kept, scalar T>
[[nodiscard]] auto whole(T v) noexcept {
  static_assert(can_keep<Kept, T>, "modes::half needs complex modes");
  if constexpr (Kept == modes::half) {
    return real_of<T>(2) * std::real(v);
  } else {
    return v;
  }
}

}  // namespace mamba::inline MAMBA_ABI::ssm
