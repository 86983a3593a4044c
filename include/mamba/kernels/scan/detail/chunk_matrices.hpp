// SPDX-License-Identifier: MIT
// mamba/kernels/scan/detail/chunk_matrices.hpp — the matrices of one channel's chunks.  [floor 4]
#pragma once

#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <mamba/kernels/scan/input_scaling.hpp>
#include <mamba/simd/scalar.hpp>

#include <complex>
#include <span>
#include <vector>

namespace mamba::inline MAMBA_ABI::kernels {

/// B̄, C and D of the systems, by name.
///
/// Shapes:  b_bar [D, N], or unit_b for 1; c [D, N]; d [D] or empty (no skip).
template <blocked_modes Blocked>
struct chunked_inputs {
  input_scaling<Blocked> b_bar;
  Blocked const& c;
  std::span<typename Blocked::value_type const> d = {};
};

namespace detail {

/// ā, b̄ or c of one mode in double, whatever the layout.
template <class Blocked>
[[nodiscard]] std::complex<double> number_at(Blocked const& m, std::size_t d, std::size_t n) noexcept {
  return {static_cast<double>(m.plane(0)(d, n)), Blocked::planes == 1 ? 0.0 : static_cast<double>(m.plane(1)(d, n))};
}

/// a·b with every product rounded: g++ contracts std::complex's own in ways that differ between -O2 and -O3.
[[nodiscard]] inline std::complex<double> rounded_product(std::complex<double> a, std::complex<double> b) noexcept {
  return {simd::mul_unfused(a.real(), b.real()) - simd::mul_unfused(a.imag(), b.imag()),
          simd::mul_unfused(a.real(), b.imag()) + simd::mul_unfused(a.imag(), b.real())};
}

/// The matrices of one channel. Its state is `Planes` runs of N numbers, each padded to whole batches.
template <class T, std::size_t Planes>
struct chunk_matrices {
  using V = simd::batch<T>;
  static constexpr std::size_t Q = packed_matrix<T>::panel, W = simd::lanes<T>;
  std::size_t padded = 0;                     ///< N, rounded up to whole batches
  packed_matrix<T> into_state{0, Q}, into_y;  ///< R [S, Q] and P [Q, S + Q], S = Planes · padded
  heap_storage<T> a_bar, b_bar, a_bar_to_Q;   ///< ā, b̄ and ā^Q [Planes, padded]

  template <class Blocked>
  chunk_matrices(chunked_inputs<Blocked> const& in, Blocked const& modes, std::size_t d)
      : padded((modes.depth() + W - 1) / W * W),
        into_state(Planes * padded, Q),
        into_y(Q, Planes * padded + Q),
        a_bar(Planes * padded),
        b_bar(Planes * padded),
        a_bar_to_Q(Planes * padded) {
    std::size_t const S = Planes * padded;
    std::vector<T> rows(Q * (S + Q)), row(Q * Planes);
    std::vector<double> kernel(Q);
    double const skip = in.d.empty() ? 0 : static_cast<double>(in.d[d]);
    for (std::size_t n = 0; n < modes.depth(); ++n) {
      auto const a = number_at(modes, d, n);
      std::complex<double> const b = in.b_bar.is_unit() ? 1.0 : number_at(in.b_bar.value(), d, n);
      auto const weight = static_cast<double>(Planes) * number_at(in.c, d, n);  // half of the modes: 2 Re
      std::complex<double> power = 1;                                           // ā^k
      for (std::size_t k = 0; k < Q; ++k, power = rounded_product(power, a)) {
        auto const weighted = rounded_product(weight, power);
        kernel[k] += rounded_product(weighted, b).real();
        put(rounded_product(power, b), &row[Q - 1 - k], Q, 1);
        put(rounded_product(weighted, a), &rows[k * (S + Q) + n], padded, -1);  // Re(c h) = Re c Re h − Im c Im h
      }
      put(a, a_bar.data() + n, padded, 1);
      put(b, b_bar.data() + n, padded, 1);
      put(power, a_bar_to_Q.data() + n, padded, 1);
      for (std::size_t p = 0; p < Planes; ++p)
        into_state.set_row(p * padded + n, std::span<T const>(row).subspan(p * Q, Q));
    }
    for (std::size_t j = 0; j < Q; ++j) {
      T* const of_x = &rows[j * (S + Q) + S];
      for (std::size_t i = 0; i <= j; ++i) of_x[i] = static_cast<T>(kernel[j - i] + (i == j ? skip : 0));
      into_y.set_row(j, std::span<T const>(rows).subspan(j * (S + Q), S + Q));
    }
  }

  /// before ← h, h ← a h + u, a being ā or ā^Q.
  void advance(heap_storage<T> const& a, T* h, T const* u, T* before) const noexcept {
    for (std::size_t n = 0; n < padded; n += W) {
      V const a_re = simd::load<V>(a.data() + n), re = simd::load<V>(h + n);
      simd::store<V>(before + n, re);
      if constexpr (Planes == 1) {
        simd::store<V>(h + n, simd::fma(a_re, re, simd::load<V>(u + n)));
      } else {
        V const a_im = simd::load<V>(a.data() + padded + n), im = simd::load<V>(h + padded + n);
        simd::store<V>(before + padded + n, im);
        simd::store<V>(h + n, simd::fma(a_re, re, simd::fnma(a_im, im, simd::load<V>(u + n))));
        simd::store<V>(h + padded + n, simd::fma(a_re, im, simd::fma(a_im, re, simd::load<V>(u + padded + n))));
      }
    }
  }

  /// The few steps of a chunk that is not whole, one by one; u is a buffer for two states.
  void advance_by_steps(T* h, T* u, T const* x, std::size_t count) const noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t n = 0; n < Planes * padded; n += W) {
        simd::store<V>(u + n, simd::mul_unfused(simd::load<V>(b_bar.data() + n), V(x[i])));
      }
      advance(a_bar, h, u, u + Planes * padded);
    }
  }

 private:
  static void put(std::complex<double> v, T* at, std::size_t apart, double sign) noexcept {
    at[0] = static_cast<T>(v.real());
    if constexpr (Planes == 2) at[apart] = static_cast<T>(sign * v.imag());
  }
};

}  // namespace detail

}  // namespace mamba::inline MAMBA_ABI::kernels
