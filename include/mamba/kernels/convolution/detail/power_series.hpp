// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/detail/power_series.hpp — powers of modes, W consecutive ones at a time.  [floor 4]
#pragma once

#include <mamba/kernels/scan/detail/advance_modes.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// A real number, or a complex one as two planes, in double.
template <std::size_t Planes>
struct wide {
  double part[Planes];

  [[nodiscard]] friend wide operator*(wide const& a, wide const& b) noexcept {
    if constexpr (Planes == 1) {
      return {{simd::mul_unfused(a.part[0], b.part[0])}};
    } else {
      return {{simd::fnma(a.part[1], b.part[1], simd::mul_unfused(a.part[0], b.part[0])),
               simd::fma(a.part[0], b.part[1], simd::mul_unfused(a.part[1], b.part[0]))}};
    }
  }
  [[nodiscard]] double modulus() const noexcept {
    return Planes == 1 ? std::fabs(part[0]) : std::hypot(part[0], part[Planes - 1]);
  }
  /// |re| + |im|: from the modulus to √2 times it, without a square root; NaN if either part is.
  [[nodiscard]] double size() const noexcept {
    return Planes == 1 ? std::fabs(part[0]) : std::fabs(part[0]) + std::fabs(part[Planes - 1]);
  }
};

/// One mode of one channel: its current powers, and the factor to the next.
template <class T, std::size_t Planes>
struct power_series {
  static constexpr std::size_t W = simd::lanes<T>;
  static constexpr std::size_t vectors = 16, segment = vectors * W;

  alignas(64) T lane[Planes][W];  ///< ā^0 … ā^{W−1}
  T start[Planes];                ///< c ā^k b̄ at the segment's first k; zero where T has no normal number for it
  T a_bar_to_W[Planes];           ///< ā^W
  wide<Planes> anchor, stride;    ///< c ā^k b̄ and ā^segment, in double
  double decay, stride_decay;     ///< |ā^W|, |ā^segment|
  std::size_t significant;        ///< vectors of the segment before |c ā^k b̄| falls below T's normal numbers

  void begin(wide<Planes> a_bar, wide<Planes> weight) noexcept {
    wide<Planes> power{{1}};
    for (std::size_t j = 0; j < W; ++j, power = power * a_bar) {
      for (std::size_t p = 0; p < Planes; ++p) lane[p][j] = static_cast<T>(power.part[p]);
    }
    for (std::size_t p = 0; p < Planes; ++p) a_bar_to_W[p] = static_cast<T>(power.part[p]);
    decay = power.modulus();
    for (std::size_t i = 1; i < vectors; i *= 2) power = power * power;
    anchor = weight;
    stride = power;
    stride_decay = power.modulus();
    set_start();
  }
  void next() noexcept {
    anchor = anchor * stride;
    if (anchor.size() < std::numeric_limits<double>::min()) anchor = {};
    set_start();
  }

 private:
  /// Subnormal powers are skipped: they are slow on many machines, and too small to change a sum.
  void set_start() noexcept {
    constexpr double least = std::numeric_limits<T>::min();
    double size = anchor.size();
    for (std::size_t p = 0; p < Planes; ++p) start[p] = size < least ? T{0} : static_cast<T>(anchor.part[p]);
    significant = vectors;
    if (size * stride_decay >= least) return;
    for (significant = 0; significant < vectors && !(size < least); ++significant) size *= decay;
  }
};

/// Adds the first `vectors` of a segment of M series: sums[k] += Re Σ_m start_m ā_m^k.
template <std::size_t M, class T>
inline void add_series(power_series<T, 1> const* series, T* sums, std::size_t vectors) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  auto const unroll_i = [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    V const to_W[] = {V(series[I].a_bar_to_W[0])...};
    V power[] = {simd::mul_unfused(V(series[I].start[0]), simd::load<V>(series[I].lane[0]))...};
    for (std::size_t k = 0; k < vectors * W; k += W) {
      V sum = simd::load<V>(sums + k);
      ((sum = sum + power[I], power[I] = simd::mul_unfused(power[I], to_W[I])), ...);
      simd::store<V>(sums + k, sum);
    }
  };
  unroll_i(std::make_index_sequence<M>{});
}
template <std::size_t M, class T>
inline void add_series(power_series<T, 2> const* series, T* sums, std::size_t vectors) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  auto const times = [](auto& re, auto& im, V b_re, V b_im) __attribute__((always_inline)) {
    V const first = re;
    re = simd::fnma(b_im, im, simd::mul_unfused(b_re, re));
    im = simd::fma(b_re, im, simd::mul_unfused(b_im, first));
  };
  auto const unroll_i = [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    V const to_W_re[] = {V(series[I].a_bar_to_W[0])...};
    V const to_W_im[] = {V(series[I].a_bar_to_W[1])...};
    V re[] = {V(series[I].start[0])...};
    V im[] = {V(series[I].start[1])...};
    (times(re[I], im[I], simd::load<V>(series[I].lane[0]), simd::load<V>(series[I].lane[1])), ...);
    for (std::size_t k = 0; k < vectors * W; k += W) {
      V sum = simd::load<V>(sums + k);
      ((sum = sum + re[I], times(re[I], im[I], to_W_re[I], to_W_im[I])), ...);
      simd::store<V>(sums + k, sum);
    }
  };
  unroll_i(std::make_index_sequence<M>{});
}

/// Adds `count` series, M at a time where all of these are significant throughout; in ascending order for every M.
template <std::size_t M, class T, std::size_t Planes>
inline void add_all_series(power_series<T, Planes> const* series, std::size_t count, T* sums) noexcept {
  constexpr std::size_t all = power_series<T, Planes>::vectors;
  std::size_t i = 0;
  for (; i + M <= count; i += M) {
    bool const whole = std::all_of(series + i, series + i + M, [](auto const& s) { return s.significant == all; });
    if (whole) {
      add_series<M>(series + i, sums, all);
    } else {
      for (std::size_t j = i; j < i + M; ++j) add_series<1>(series + j, sums, series[j].significant);
    }
  }
  if constexpr (M > 1) add_all_series<M / 2>(series + i, count - i, sums);
}

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
