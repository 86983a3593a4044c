// SPDX-License-Identifier: MIT
// mamba/kernels/scan/chunked_recurrence.hpp — a recurrence in chunks: two matrix products and a short scan.  [floor 4]
//
// With H the state before a chunk x_0 … x_{Q−1}, everything in it is linear in H and x:
//
//     h_{Q−1} = ā^Q H + Σ_i ā^{Q−1−i} b̄ x_i
//     y_j     = Σ_n c ā^{j+1} H + Σ_{i≤j} K_{j−i} x_i,        K_k = Σ_n c ā^k b̄ (+ D at k = 0)
//
// For all chunks at once, row by row: U = X·Rᵀ, what each chunk adds to the state; the scan H ← ā^Q H + U over chunks,
// L/Q steps instead of L; and Y = [H X]·Pᵀ. The products are matmul's: one channel keeps every lane busy, no step waits
// for the one before, and threads share out time.
#pragma once

#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/scan/complex_blocked.hpp>

#include <complex>
#include <vector>

namespace mamba::inline MAMBA_ABI::kernels {

namespace detail {

/// ā, b̄ or c of one mode, whatever the layout.
template <class T, std::size_t D, std::size_t N>
[[nodiscard]] std::complex<double> number_at(channel_blocked<T, D, N> const& m, std::size_t d, std::size_t n) noexcept {
  return static_cast<double>(m(d, n));
}
template <class T, std::size_t D, std::size_t N>
[[nodiscard]] std::complex<double> number_at(complex_blocked<T, D, N> const& m, std::size_t d, std::size_t n) noexcept {
  return {static_cast<double>(m.re(d, n)), static_cast<double>(m.im(d, n))};
}

/// The planes of a state, by number.
template <class T, std::size_t D, std::size_t N>
[[nodiscard]] channel_blocked<T, D, N>& plane_of(channel_blocked<T, D, N>& h, std::size_t) noexcept {
  return h;
}
template <class T, std::size_t D, std::size_t N>
[[nodiscard]] channel_blocked<T, D, N>& plane_of(complex_blocked<T, D, N>& h, std::size_t p) noexcept {
  return p == 0 ? h.re : h.im;
}

/// The matrices of one channel. Its state is `Planes` runs of N numbers, each padded to whole batches.
template <class T, std::size_t Planes>
struct chunk_matrices {
  using V = simd::batch<T>;
  static constexpr std::size_t Q = packed_matrix<T>::panel, W = simd::lanes<T>;
  std::size_t padded = 0;                     ///< N, rounded up to whole batches
  packed_matrix<T> into_state{0, Q}, into_y;  ///< R [S, Q] and P [Q, S + Q], S = Planes · padded
  heap_storage<T> once, enters, jump;         ///< ā, b̄ and ā^Q [Planes, padded]

  template <class Blocked>
  chunk_matrices(Blocked const& a_bar, Blocked const& b_bar, Blocked const& c, double skip, std::size_t d)
      : padded((a_bar.depth() + W - 1) / W * W),
        into_state(Planes * padded, Q),
        into_y(Q, Planes * padded + Q),
        once(Planes * padded),
        enters(Planes * padded),
        jump(Planes * padded) {
    std::size_t const S = Planes * padded;
    std::vector<T> rows(Q * (S + Q)), row(Q * Planes);
    std::vector<double> kernel(Q);
    for (std::size_t n = 0; n < a_bar.depth(); ++n) {
      auto const a = number_at(a_bar, d, n), b = number_at(b_bar, d, n);
      auto const weight = static_cast<double>(Planes) * number_at(c, d, n);  // half of the modes: 2 Re
      std::complex<double> power = 1;                                        // ā^k
      for (std::size_t k = 0; k < Q; ++k, power *= a) {
        kernel[k] += std::real(weight * power * b);
        put(power * b, &row[Q - 1 - k], Q, 1);
        put(weight * power * a, &rows[k * (S + Q) + n], padded, -1);  // Re(c h) = Re c Re h − Im c Im h
      }
      put(a, once.data() + n, padded, 1);
      put(b, enters.data() + n, padded, 1);
      put(power, jump.data() + n, padded, 1);
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

  /// The few steps of a chunk that is not whole, one by one; u is room for two states.
  void advance_by_steps(T* h, T* u, T const* x, std::size_t count) const noexcept {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t n = 0; n < Planes * padded; n += W) {
        simd::store<V>(u + n, simd::product(simd::load<V>(enters.data() + n), V(x[i])));
      }
      advance(once, h, u, u + Planes * padded);
    }
  }

 private:
  static void put(std::complex<double> v, T* at, std::size_t apart, double sign) noexcept {
    at[0] = static_cast<T>(v.real());
    if constexpr (Planes == 2) at[apart] = static_cast<T>(sign * v.imag());
  }
};

}  // namespace detail

/// The recurrence of kernels::diagonal_recurrence, chunk by chunk; the matrices are made once and serve every sequence.
///
///     chunked_recurrence layer(a_bar, b_bar, c, d);
///     layer(x, h, y);
///
/// Paper:   Mamba-2, section 6 (its chunked algorithm, for an A that doesn't change with time).
/// Why:     with few channels diagonal_recurrence waits for a chain of L multiply-adds; here L/Q of them are left.
/// Shapes:  Blocked: channel_blocked (real modes) or complex_blocked (half of complex ones). a_bar, b_bar, c, h [D, N];
///          d [D] or empty; x, y [L, D]. Any L: what is left of the last chunk is run with zeros behind it.
/// Domain:  |ā| ≤ 1. NaN or infinity in, NaN out, in its own channel, from its own chunk on.
/// Error:   with magnitudes m_t = |ā| m_{t−1} + |b̄ x_t|, m_{−1} = |h|: after k chunks h is off by (Q + 3 + 3k)/2 ε m, and
///          y by (S + 2Q + 6 + 3k)/2 ε of Σ_n|c| m + |D x|, twice of it for half of the modes. Sums are ordered by
///          chunks, so another split means other bits; the number of threads changes none.
/// Cost:    per step S + (S + Q) multiply-adds in matrix products, S = N real states or 2N. One channel is shared out
///          among threads in time, several channel by channel: with fewer than threads, some threads have none.
/// Throws:  std::bad_alloc.
template <class Blocked>
class chunked_recurrence {
  static constexpr std::size_t planes = requires(Blocked b) { b.im; }
  ? 2 : 1;
  using T = std::remove_cvref_t<decltype(detail::plane_of(std::declval<Blocked&>(), 0)(0, 0))>;
  using matrices = detail::chunk_matrices<T, planes>;

 public:
  static constexpr std::size_t chunk = matrices::Q;

  chunked_recurrence(Blocked const& a_bar, Blocked const& b_bar, Blocked const& c, std::span<T const> d) {
    MAMBA_EXPECTS(d.empty() || d.size() == a_bar.channels(), "chunked_recurrence: D must have one value per channel",
                  d.size(), a_bar.channels());
    MAMBA_EXPECTS(a_bar.channels() == b_bar.channels() && a_bar.channels() == c.channels() &&
                      a_bar.depth() == b_bar.depth() && a_bar.depth() == c.depth(),
                  "chunked_recurrence: A, B and C must have one shape");
    channels_.reserve(a_bar.channels());
    for (std::size_t i = 0; i < a_bar.channels(); ++i) {
      channels_.emplace_back(a_bar, b_bar, c, d.empty() ? 0.0 : static_cast<double>(d[i]), i);
    }
  }

  /// y of x from the state h, which is left as after the last input. y may be x.
  void operator()(matrix_view<T const> x, Blocked& h, matrix_view<T> y) const {
    MAMBA_EXPECTS(x.extent(1) == channels_.size() && h.channels() == channels_.size(),
                  "chunked_recurrence: x and h must have one column per channel", x.extent(1), channels_.size());
    MAMBA_EXPECTS(x.shape() == y.shape(), "chunked_recurrence: x and y must have one shape");
    if (channels_.empty() || x.extent(0) == 0) return;
    std::size_t const S = planes * channels_[0].padded, D = channels_.size();
    auto const threads = static_cast<std::size_t>(parallel::thread_count());
    std::size_t const slots = std::min(D, threads), chunks = (x.extent(0) + chunk - 1) / chunk;
    std::size_t const rows = std::min(chunks, D > 1 ? std::size_t{64} : threads > 1 ? 1024 * threads : 64);
    std::size_t const each = rows * (S + chunk) + rows * S + rows * chunk + 3 * S;
    heap_storage<T> scratch(slots * each);
    double const step = 0.02 * static_cast<double>(2 * S + chunk);  // nanoseconds
    parallel::parallel_for(
        slots, parallel::cost{step * static_cast<double>(x.size())}, [&](std::size_t i, std::size_t last) {
          for (; i < last; ++i) {
            run_channels(D * i / slots, D * (i + 1) / slots, x, h, y, scratch.data() + i * each, rows);
          }
        });
  }

 private:
  /// Sixteen channels, which share lines of memory, `rows` chunks at a time.
  void run_channels(std::size_t first, std::size_t last, matrix_view<T const> x, Blocked& h, matrix_view<T> y,
                    T* scratch, std::size_t rows) const noexcept(!core::contracts_checked) {
    constexpr std::size_t together = 16;
    for (; first < last; first += together) {
      for (std::size_t t = 0; t < x.extent(0); t += rows * chunk) {
        std::size_t const steps = std::min(rows * chunk, x.extent(0) - t);
        for (std::size_t d = first; d < std::min(last, first + together); ++d) {
          run(d, x.columns(d, 1).rows(t, steps), h, y.columns(d, 1).rows(t, steps), scratch);
        }
      }
    }
  }

  /// One channel, all chunks of x at once.
  void run(std::size_t d, matrix_view<T const> x, Blocked& h, matrix_view<T> y, T* scratch) const
      noexcept(!core::contracts_checked) {
    matrices const& m = channels_[d];
    std::size_t const S = planes * m.padded, steps = x.extent(0), whole = steps / chunk;
    std::size_t const rows = (steps + chunk - 1) / chunk;
    matrix_view<T> const z(scratch, rows, S + chunk), u(z.data() + z.size(), rows, S);
    matrix_view<T> const out(u.data() + u.size(), rows, chunk);
    T* const state = out.data() + out.size();
    std::fill_n(state, S, T{0});  // the padding, too: another channel's NaN may be in it
    for (std::size_t n = 0; n < h.depth(); ++n) {
      for (std::size_t p = 0; p < planes; ++p) state[p * m.padded + n] = detail::plane_of(h, p)(d, n);
    }
    parallel::cost const cost{0.02 * static_cast<double>((2 * S + chunk) * steps)};
    parallel::parallel_for(rows, cost, [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r) copy_chunk(x, r * chunk, &z(r, S));
      matmul(z.columns(S, chunk).rows(first, last - first), m.into_state, {}, u.rows(first, last - first));
    });
    for (std::size_t r = 0; r < whole; ++r) m.advance(m.jump, state, &u(r, 0), &z(r, 0));
    if (whole < rows) std::copy_n(state, S, &z(whole, 0));
    parallel::parallel_for(rows, cost, [&](std::size_t first, std::size_t last) {
      // whole chunks of a sequence without gaps go to where they belong, others through `out`
      std::size_t const direct = y.pitch() == 1 ? std::min(last, std::max(first, whole)) : first;
      matrix_view<T> const there(y.data() + first * chunk, direct - first, chunk);
      matmul(z.rows(first, direct - first), m.into_y, {}, there);
      matmul(z.rows(direct, last - direct), m.into_y, {}, out.rows(direct, last - direct));
      T* const to = y.data();
      for (std::size_t i = direct * chunk; i < std::min(steps, last * chunk); ++i) to[i * y.pitch()] = out.data()[i];
    });
    if (whole < rows) m.advance_by_steps(state, state + S, &z(whole, S), steps - whole * chunk);
    for (std::size_t n = 0; n < h.depth(); ++n) {
      for (std::size_t p = 0; p < planes; ++p) detail::plane_of(h, p)(d, n) = state[p * m.padded + n];
    }
  }

  /// Q inputs from t on, with zeros behind the last.
  static void copy_chunk(matrix_view<T const> x, std::size_t t, T* to) noexcept {
    T const* const from = x.data() + t * x.pitch();
    std::size_t const pitch = x.pitch(), count = std::min(chunk, x.extent(0) - t);
    if (pitch == 1) {
      std::copy_n(from, count, to);
    } else {
      for (std::size_t i = 0; i < count; ++i) to[i] = from[i * pitch];
    }
    std::fill(to + count, to + chunk, T{0});
  }

  std::vector<matrices> channels_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
