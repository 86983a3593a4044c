// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/vandermonde_kernel.hpp — the convolution kernels of many diagonal systems.  [floor 4]
//
//     K[k, d] = Σ_n c[d, n] ā[d, n]^k b̄[d, n],      k = 0 … L−1          (complex modes, half of them: 2 Re Σ_n)
//
// SIMD lanes are W consecutive k of one channel: the next W powers are these times ā^W. After each `segment`
// of 16 W the powers restart from c ā^k b̄ in double, so that a float power has few roundings for every k.
#pragma once

#include <mamba/kernels/convolution/detail/power_series.hpp>
#include <mamba/kernels/convolution/sequences.hpp>
#include <mamba/kernels/scan/detail/recurrence_call.hpp>
#include <mamba/kernels/scan/input_scaling.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/transpose.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::kernels {

/// B̄ and C of the systems, as named arguments; T and the layout follow from Ā.
///
///     vandermonde_kernel({.b_bar = b_bar, .c = c}, a_bar, K);
///
/// Shapes:  b_bar [D, N], or unit_b for 1; c [D, N].
template <blocked_modes Blocked>
struct vandermonde_inputs {
  input_scaling<Blocked> b_bar;
  Blocked const& c;
};

/// D kernels at once, of diagonal systems with N modes each.
///
///     K[k, d] = Σ_n c[d, n] ā[d, n]^k b̄[d, n]          (complex modes, one of each conjugate pair: 2 Re Σ_n)
///
/// Paper:   S4D, section 3.3; ssm::vandermonde_kernel is the same for one system.
/// Shapes:  in: see vandermonde_inputs; a_bar [D, N], channel_blocked or complex_blocked; K [L, D], or a channel_major
///          of [D, L].
/// Domain:  |ā| ≤ 1. NaN in, NaN out, in its own channel only.
/// Error:   ((N + 34)/2 ε + 1.1 k 2⁻⁵³) Σ|c ā^k b̄|, with complex modes ((N + 50)/2 ε + 2.2 k 2⁻⁵³) 2 Σ|c ā^k b̄|; in
///          float the term in k is negligible. Terms below the smallest normal number of T may become zero.
/// Determinism: the same bits for every number of threads and for both layouts of K.
/// Cost:    L·D·N times a product and an addition; with complex modes two products, two multiply-adds and an addition.
/// Throws:  std::bad_alloc: W·N series and 16 W² numbers for every thread.
template <blocked_modes Blocked>
void vandermonde_kernel(vandermonde_inputs<Blocked> const& in, Blocked const& a_bar,
                        sequences<typename Blocked::value_type> K);

namespace detail {

/// The arguments of one call. K[k, d] lies at data[k · per_time + d · per_channel].
template <class Blocked>
class vandermonde_of {
  using T = typename Blocked::value_type;
  using V = simd::batch<T>;
  static constexpr std::size_t W = simd::lanes<T>, planes = Blocked::planes;
  using series = power_series<T, planes>;

 public:
  vandermonde_of(Blocked const& a_bar, vandermonde_inputs<Blocked> const& in, sequences<T> const& K) noexcept
      : a_(a_bar),
        in_(in),
        data_(K.numbers().data()),
        length_(K.length()),
        per_time_(K.channel_first() ? 1 : K.numbers().pitch()),
        per_channel_(K.channel_first() ? K.numbers().pitch() : 1) {}

  void run() const {
    std::size_t const depth = a_.depth(), channels = a_.channels();
    std::size_t const groups = a_.blocks(),
                      slots = std::min(groups, static_cast<std::size_t>(parallel::thread_count()));
    heap_storage<series> powers(slots * W * depth);
    heap_storage<T> sums(slots * W * series::segment);
    auto const cost = parallel::cost::multiply_adds<T>(4 * planes * planes * length_ * channels * depth);
    parallel::parallel_for(slots, cost, [&](std::size_t from, std::size_t to) {
      for (std::size_t s = from; s < to; ++s) {
        for (std::size_t i = groups * s / slots; i < groups * (s + 1) / slots; ++i) {
          run_channels(i * W, std::min(W, channels - i * W), powers.data() + s * W * depth,
                       sums.data() + s * W * series::segment);
        }
      }
    });
  }

 private:
  /// Channels first … first+count−1 ≤ first+W−1, side by side, so that W of them can be written as rows of [L, D].
  void run_channels(std::size_t first, std::size_t count, series* powers, T* sums) const noexcept {
    std::size_t const depth = a_.depth();
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t n = 0; n < depth; ++n) powers[i * depth + n].begin(at(a_, first + i, n), weight(first + i, n));
    }
    for (std::size_t k = 0; k < length_; k += series::segment) {
      std::size_t const rows = std::min(series::segment, length_ - k);
      for (std::size_t i = 0; i < count; ++i) {
        T* const sum = sums + i * series::segment;
        std::fill_n(sum, series::segment, T{0});
        add_all_series<register_budget / planes>(powers + i * depth, depth, sum);
        for (std::size_t n = 0; n < depth; ++n) powers[i * depth + n].next();
      }
      put(first, count, k, rows, sums);
    }
  }

  void put(std::size_t first, std::size_t count, std::size_t k, std::size_t rows, T const* sums) const noexcept {
    T* const to = data_ + k * per_time_ + first * per_channel_;
    std::size_t r = 0;
    if (per_channel_ == 1 && count == W) {
      for (; r + W <= rows; r += W) {
        V square[W];
        for (std::size_t i = 0; i < W; ++i) square[i] = simd::load<V>(sums + i * series::segment + r);
        simd::transpose(square);
        for (std::size_t i = 0; i < W; ++i) simd::store<V>(to + (r + i) * per_time_, square[i]);
      }
    }
    for (std::size_t i = 0; i < count; ++i) {
      T const* const sum = sums + i * series::segment;
      if (per_time_ == 1) {
        std::copy(sum + r, sum + rows, to + i * per_channel_ + r);
      } else {
        for (std::size_t j = r; j < rows; ++j) to[j * per_time_ + i * per_channel_] = sum[j];
      }
    }
  }

  [[nodiscard]] static wide<planes> at(Blocked const& m, std::size_t d, std::size_t n) noexcept {
    wide<planes> out;
    for (std::size_t p = 0; p < planes; ++p) out.part[p] = static_cast<double>(m.plane(p)(d, n));
    return out;
  }
  /// c b̄, doubled where the conjugate half is implied.
  [[nodiscard]] wide<planes> weight(std::size_t d, std::size_t n) const noexcept {
    wide<planes> out = in_.b_bar.is_unit() ? at(in_.c, d, n) : at(in_.c, d, n) * at(in_.b_bar.value(), d, n);
    for (double& v : out.part) v *= static_cast<double>(planes);
    return out;
  }

  Blocked const& a_;
  vandermonde_inputs<Blocked> const& in_;
  T* data_;
  std::size_t length_, per_time_, per_channel_;
};

}  // namespace detail

template <blocked_modes Blocked>
void vandermonde_kernel(vandermonde_inputs<Blocked> const& in, Blocked const& a_bar,
                        sequences<typename Blocked::value_type> K) {
  MAMBA_EXPECTS(K.channels() == a_bar.channels(), "vandermonde_kernel: K and A must have as many channels",
                K.channels(), a_bar.channels());
  MAMBA_EXPECTS(in.c.channels() == a_bar.channels() && in.c.depth() == a_bar.depth() && in.b_bar.fits(a_bar),
                "vandermonde_kernel: A, B and C must have one shape");
  detail::vandermonde_of<Blocked>{a_bar, in, K}.run();
}

}  // namespace mamba::inline MAMBA_ABI::kernels
