// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/vandermonde_kernel.hpp — the convolution kernels of many diagonal systems.  [floor 4]
//
//     K[k, d] = Σ_n c[d, n] ā[d, n]^k b̄[d, n],      k = 0 … L−1          (complex modes, half of them: 2 Re Σ_n)
//
// SIMD lanes are W consecutive k of one channel: the next W powers are these times ā^W. Every `segment` of 16 W of them
// the powers start anew from c ā^k b̄ in double, so that in float a power has met few roundings, however large k is.
#pragma once

#include <mamba/kernels/scan/complex_blocked.hpp>
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/transpose.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

/// Where the times of one channel lie: in a column of [L, D], or in a row of [D, L].
enum class time_order { down_columns, along_rows };

namespace detail {

/// A real number, or a complex one as two planes, in double.
template <std::size_t Planes>
struct wide {
  double part[Planes];

  [[nodiscard]] friend wide operator*(wide const& a, wide const& b) noexcept {
    if constexpr (Planes == 1) {
      return {{simd::product(a.part[0], b.part[0])}};
    } else {
      return {{simd::fnma(a.part[1], b.part[1], simd::product(a.part[0], b.part[0])),
               simd::fma(a.part[0], b.part[1], simd::product(a.part[1], b.part[0]))}};
    }
  }
  [[nodiscard]] double modulus() const noexcept {
    return Planes == 1 ? std::fabs(part[0]) : std::hypot(part[0], part[Planes - 1]);
  }
  /// The modulus, or up to √2 more, without its cost; NaN if either part is.
  [[nodiscard]] double size() const noexcept {
    return Planes == 1 ? std::fabs(part[0]) : std::fabs(part[0]) + std::fabs(part[Planes - 1]);
  }
};

/// One mode of one channel: where its powers stand, and how they go on.
template <class T, std::size_t Planes>
struct power_series {
  static constexpr std::size_t W = simd::lanes<T>;
  static constexpr std::size_t vectors = 16, segment = vectors * W;

  alignas(64) T lane[Planes][W];  ///< ā^0 … ā^{W−1}
  T start[Planes];                ///< c ā^k b̄ at the segment's first k; zero where T has no normal number for it
  T jump[Planes];                 ///< ā^W
  wide<Planes> anchor, stride;    ///< c ā^k b̄ and ā^segment, in double
  double decay, stride_decay;     ///< |ā^W|, |ā^segment|
  std::size_t alive;              ///< vectors of the segment before |c ā^k b̄| falls below T's normal numbers

  void begin(wide<Planes> a_bar, wide<Planes> weight) noexcept {
    wide<Planes> power{{1}};
    for (std::size_t j = 0; j < W; ++j, power = power * a_bar) {
      for (std::size_t p = 0; p < Planes; ++p) lane[p][j] = static_cast<T>(power.part[p]);
    }
    for (std::size_t p = 0; p < Planes; ++p) jump[p] = static_cast<T>(power.part[p]);
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
  /// Numbers below the smallest normal one are left out: machines are slow with them, and they add nothing.
  void set_start() noexcept {
    constexpr double least = std::numeric_limits<T>::min();
    double size = anchor.size();
    for (std::size_t p = 0; p < Planes; ++p) start[p] = size < least ? T{0} : static_cast<T>(anchor.part[p]);
    alive = vectors;
    if (size * stride_decay >= least) return;
    for (alive = 0; alive < vectors && !(size < least); ++alive) size *= decay;
  }
};

/// The first vectors of a segment of M series added to its sums: sums[k] += Σ_m start_m ā_m^k, the real part of it.
template <std::size_t M, class T>
inline void add_series(power_series<T, 1> const* series, T* sums, std::size_t vectors) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    V const jump[] = {V(series[I].jump[0])...};
    V power[] = {simd::product(V(series[I].start[0]), simd::load<V>(series[I].lane[0]))...};
    for (std::size_t k = 0; k < vectors * W; k += W) {
      V sum = simd::load<V>(sums + k);
      ((sum = sum + power[I], power[I] = simd::product(power[I], jump[I])), ...);
      simd::store<V>(sums + k, sum);
    }
  }
  (std::make_index_sequence<M>{});
}
template <std::size_t M, class T>
inline void add_series(power_series<T, 2> const* series, T* sums, std::size_t vectors) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  auto const times = [](V & re, V & im, V b_re, V b_im) __attribute__((always_inline)) {
    V const first = re;
    re = simd::fnma(b_im, im, simd::product(b_re, re));
    im = simd::fma(b_re, im, simd::product(b_im, first));
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) __attribute__((always_inline)) {
    V const jump_re[] = {V(series[I].jump[0])...};
    V const jump_im[] = {V(series[I].jump[1])...};
    V re[] = {V(series[I].start[0])...};
    V im[] = {V(series[I].start[1])...};
    (times(re[I], im[I], simd::load<V>(series[I].lane[0]), simd::load<V>(series[I].lane[1])), ...);
    for (std::size_t k = 0; k < vectors * W; k += W) {
      V sum = simd::load<V>(sums + k);
      ((sum = sum + re[I], times(re[I], im[I], jump_re[I], jump_im[I])), ...);
      simd::store<V>(sums + k, sum);
    }
  }
  (std::make_index_sequence<M>{});
}

/// All of `count` series, M at a time where none of them ends, in ascending order whatever M is.
template <std::size_t M, class T, std::size_t Planes>
inline void add_all_series(power_series<T, Planes> const* series, std::size_t count, T* sums) noexcept {
  constexpr std::size_t all = power_series<T, Planes>::vectors;
  std::size_t i = 0;
  for (; i + M <= count; i += M) {
    bool const whole = std::all_of(series + i, series + i + M, [](auto const& s) { return s.alive == all; });
    if (whole) {
      add_series<M>(series + i, sums, all);
    } else {
      for (std::size_t j = i; j < i + M; ++j) add_series<1>(series + j, sums, series[j].alive);
    }
  }
  if constexpr (M > 1) add_all_series<M / 2>(series + i, count - i, sums);
}

/// One call: what all channels share. K[k, d] lies at data[k · per_time + d · per_channel].
template <class T, std::size_t D, std::size_t N, std::size_t Planes>
struct vandermonde_of {
  using V = simd::batch<T>;
  using plane = channel_blocked<T, D, N>;
  using series = power_series<T, Planes>;
  static constexpr std::size_t W = simd::lanes<T>;
  std::array<plane const*, Planes> a, b, c;  ///< b may be null: 1
  T* data;
  std::size_t L, per_time, per_channel;

  /// Channels first … first+count−1 ≤ first+W−1, side by side, so that W of them can be written as rows of [L, D].
  void run_channels(std::size_t first, std::size_t count, series* powers) const noexcept {
    std::size_t const depth = a[0]->depth();
    alignas(64) T sums[W * series::segment];
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t n = 0; n < depth; ++n) powers[i * depth + n].begin(at(a, first + i, n), weight(first + i, n));
    }
    for (std::size_t k = 0; k < L; k += series::segment) {
      std::size_t const rows = std::min(series::segment, L - k);
      for (std::size_t i = 0; i < count; ++i) {
        T* const sum = sums + i * series::segment;
        std::fill_n(sum, series::segment, T{0});
        add_all_series<register_budget / Planes>(powers + i * depth, depth, sum);
        for (std::size_t n = 0; n < depth; ++n) powers[i * depth + n].next();
      }
      put(first, count, k, rows, sums);
    }
  }

  void put(std::size_t first, std::size_t count, std::size_t k, std::size_t rows, T const* sums) const noexcept {
    T* const to = data + k * per_time + first * per_channel;
    std::size_t r = 0;
    if (per_channel == 1 && count == W) {
      for (; r + W <= rows; r += W) {
        V square[W];
        for (std::size_t i = 0; i < W; ++i) square[i] = simd::load<V>(sums + i * series::segment + r);
        simd::transpose(square);
        for (std::size_t i = 0; i < W; ++i) simd::store<V>(to + (r + i) * per_time, square[i]);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      T const* const sum = sums + i * series::segment;
      if (per_time == 1) {
        std::copy(sum + r, sum + rows, to + i * per_channel + r);
      } else {
        for (std::size_t j = r; j < rows; ++j) to[j * per_time + i * per_channel] = sum[j];
      }
    }
  }

  void run() const {
    for (std::size_t p = 0; p < Planes; ++p) {
      MAMBA_EXPECTS(same_shape(*a[p], *c[p]) && (b[p] == nullptr || same_shape(*a[p], *b[p])),
                    "vandermonde_kernel: A, B and C must have one shape");
    }
    std::size_t const depth = a[0]->depth(), channels = a[0]->channels();
    std::size_t const groups = a[0]->blocks(),
                      slots = std::min(groups, static_cast<std::size_t>(parallel::thread_count()));
    heap_storage<series> powers(slots * W * depth);
    parallel::cost const cost{0.1 * Planes * Planes * static_cast<double>(L * channels * depth)};
    parallel::parallel_for(slots, cost, [&](std::size_t from, std::size_t to) {
      for (std::size_t s = from; s < to; ++s) {
        for (std::size_t i = groups * s / slots; i < groups * (s + 1) / slots; ++i) {
          run_channels(i * W, std::min(W, channels - i * W), powers.data() + s * W * depth);
        }
      }
    });
  }

 private:
  [[nodiscard]] static bool same_shape(plane const& p, plane const& q) noexcept {
    return p.channels() == q.channels() && p.depth() == q.depth();
  }
  [[nodiscard]] static wide<Planes> at(std::array<plane const*, Planes> const& m, std::size_t d,
                                       std::size_t n) noexcept {
    wide<Planes> out;
    for (std::size_t p = 0; p < Planes; ++p) out.part[p] = static_cast<double>((*m[p])(d, n));
    return out;
  }
  /// c b̄, doubled where the conjugate half is implied.
  [[nodiscard]] wide<Planes> weight(std::size_t d, std::size_t n) const noexcept {
    wide<Planes> out = b[0] == nullptr ? at(c, d, n) : at(c, d, n) * at(b, d, n);
    for (double& v : out.part) v *= static_cast<double>(Planes);
    return out;
  }
};

template <std::size_t Planes, class T, std::size_t D, std::size_t N>
using planes_of = std::array<channel_blocked<T, D, N> const*, Planes>;

template <std::size_t Planes, class T, std::size_t D, std::size_t N>
void fill_kernel(planes_of<Planes, T, D, N> a, planes_of<Planes, T, D, N> b, planes_of<Planes, T, D, N> c,
                 time_order order, matrix_view<T> K) {
  std::size_t const channel_axis = order == time_order::down_columns ? 1 : 0;
  MAMBA_EXPECTS(K.extent(channel_axis) == a[0]->channels(), "vandermonde_kernel: K and A must have as many channels",
                K.extent(channel_axis), a[0]->channels());
  std::size_t const L = K.extent(1 - channel_axis);
  if (order == time_order::down_columns) {
    vandermonde_of<T, D, N, Planes>{a, b, c, K.data(), L, K.pitch(), 1}.run();
  } else {
    vandermonde_of<T, D, N, Planes>{a, b, c, K.data(), L, 1, K.pitch()}.run();
  }
}

}  // namespace detail

/// D kernels at once, of diagonal systems with N real modes each.
///
///     K[k, d] = Σ_n c[d, n] ā[d, n]^k b̄[d, n]
///
/// Paper:   S4D, section 3.3; ssm::vandermonde_kernel is the same for one system.
/// Shapes:  a_bar, b_bar, c [D, N], or unit_input in place of b̄ = 1; K [L, D], or [D, L] with time_order::along_rows.
/// Domain:  |ā| ≤ 1. NaN in, NaN out, in its own channel only.
/// Error:   ((N + 34)/2 ε + 1.1 k 2⁻⁵³) Σ|c ā^k b̄|, whatever k is in float; what is below the smallest normal number of
///          T may become zero. The same bits for every number of threads and for both orders of K.
/// Cost:    L·D·N times a product and an addition.
/// Throws:  std::bad_alloc: W·N series for every thread.
template <class T, std::size_t D, std::size_t N>
void vandermonde_kernel(channel_blocked<T, D, N> const& a_bar, channel_blocked<T, D, N> const& b_bar,
                        channel_blocked<T, D, N> const& c, std::type_identity_t<matrix_view<T>> K,
                        time_order order = time_order::down_columns) {
  detail::fill_kernel<1, T, D, N>({&a_bar}, {&b_bar}, {&c}, order, K);
}
template <class T, std::size_t D, std::size_t N>
void vandermonde_kernel(channel_blocked<T, D, N> const& a_bar, unit_input, channel_blocked<T, D, N> const& c,
                        std::type_identity_t<matrix_view<T>> K, time_order order = time_order::down_columns) {
  detail::fill_kernel<1, T, D, N>({&a_bar}, {nullptr}, {&c}, order, K);
}

/// The same with complex modes, one of each conjugate pair: K[k, d] = 2 Re Σ_n c[d, n] ā[d, n]^k b̄[d, n].
///
/// Error:   ((N + 50)/2 ε + 2.2 k 2⁻⁵³) 2 Σ|c ā^k b̄|.
/// Cost:    L·D·N times two products, two multiply-adds and an addition.
template <class T, std::size_t D, std::size_t N>
void vandermonde_kernel(complex_blocked<T, D, N> const& a_bar, complex_blocked<T, D, N> const& b_bar,
                        complex_blocked<T, D, N> const& c, std::type_identity_t<matrix_view<T>> K,
                        time_order order = time_order::down_columns) {
  detail::fill_kernel<2, T, D, N>({&a_bar.re, &a_bar.im}, {&b_bar.re, &b_bar.im}, {&c.re, &c.im}, order, K);
}
template <class T, std::size_t D, std::size_t N>
void vandermonde_kernel(complex_blocked<T, D, N> const& a_bar, unit_input, complex_blocked<T, D, N> const& c,
                        std::type_identity_t<matrix_view<T>> K, time_order order = time_order::down_columns) {
  detail::fill_kernel<2, T, D, N>({&a_bar.re, &a_bar.im}, {nullptr, nullptr}, {&c.re, &c.im}, order, K);
}

}  // namespace mamba::inline MAMBA_ABI::kernels
