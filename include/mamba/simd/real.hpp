// SPDX-License-Identifier: MIT
// mamba/simd/real.hpp — the concept that lets one formula serve float, double and a SIMD batch of either.  [floor 1]
#pragma once

#include <mamba/simd/compat.hpp>

#include <concepts>

namespace mamba::inline MAMBA_ABI::simd {

template <class V>
struct scalar_type {
  using type = V;
};
template <class T>
struct scalar_type<portable_batch<T>> {
  using type = T;
};
#if !MAMBA_SIMD_PORTABLE
template <class T, class A>
struct scalar_type<xsimd::batch<T, A>> {
  using type = T;
};
#endif

/// The scalar type of a value: float for float and for batch<float>.
template <class V>
using scalar_of = typename scalar_type<V>::type;

template <class V>
struct uint_like_type {
  using type = uint_of<V>;
};
template <class T>
struct uint_like_type<portable_batch<T>> {
  using type = portable_batch<uint_of<T>>;
};
#if !MAMBA_SIMD_PORTABLE
template <class T, class A>
struct uint_like_type<xsimd::batch<T, A>> {
  using type = xsimd::batch<uint_of<T>, A>;
};
#endif

/// The unsigned integer (or batch of them) that holds the bits of a V: bit_cast<uint_of<scalar_of<V>>>(v) gives it.
template <class V>
using uint_like = typename uint_like_type<V>::type;

/// True for a batch, false for a scalar.
template <class V>
inline constexpr bool is_batch = !std::same_as<V, scalar_of<V>>;

/// A real number, or a batch of them: what the formulas of math/ and ssm/ are written for.
template <class V>
concept real = (std::same_as<scalar_of<V>, float> || std::same_as<scalar_of<V>, double>);

/// A float, or a batch of them.
template <class V>
concept single_precision = (std::same_as<scalar_of<V>, float>);

/// How many numbers one V holds: 1 for a scalar.
template <class V>
inline constexpr std::size_t width = is_batch<V> ? sizeof(V) / sizeof(scalar_of<V>) : 1;

}  // namespace mamba::inline MAMBA_ABI::simd
