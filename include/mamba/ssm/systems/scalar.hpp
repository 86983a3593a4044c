// SPDX-License-Identifier: MIT
// mamba/ssm/systems/scalar.hpp — the entries of matrices, and their real types.  [floor 3]
#pragma once

#include <mamba/core/abi.hpp>

#include <complex>
#include <concepts>

namespace mamba::inline MAMBA_ABI::ssm {

namespace detail {

template <class T>
struct real_behind {
  using type = T;
};
template <class T>
struct real_behind<std::complex<T>> {
  using type = T;
};

}  // namespace detail

/// The real type of a scalar: double for double and for complex<double>; rules.hpp adds that of a SIMD batch.
template <class T>
using real_of = typename detail::real_behind<T>::type;

template <class T>
using complex_of = std::complex<real_of<T>>;

template <class T>
inline constexpr bool is_complex = std::same_as<T, std::complex<real_of<T>>>;

/// The entries of the matrices in ssm/: float, double, long double, or a complex of one.
template <class T>
concept scalar = (std::floating_point<T> || (is_complex<T> && std::floating_point<real_of<T>>));

}  // namespace mamba::inline MAMBA_ABI::ssm
