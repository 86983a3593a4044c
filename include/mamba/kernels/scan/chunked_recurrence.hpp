// SPDX-License-Identifier: MIT
// mamba/kernels/scan/chunked_recurrence.hpp — the chunked (SSD) form: two matrix products and a short scan.  [floor 4]
//
// With H the state before a chunk x_0 … x_{Q−1}, everything in it is linear in H and x:
//
//     h_{Q−1} = ā^Q H + Σ_i ā^{Q−1−i} b̄ x_i
//     y_j     = Σ_n c ā^{j+1} H + Σ_{i≤j} K_{j−i} x_i,        K_k = Σ_n c ā^k b̄ (+ D at k = 0)
//
// For all chunks at once, row by row: U = X·Rᵀ, what each chunk adds to the state; the scan H ← ā^Q H + U over chunks,
// L/Q steps instead of L; and Y = [H X]·Pᵀ. The products are matmul's: one channel keeps every lane busy, no step
// depends on the one before, and time is divided among threads.
#pragma once

#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/scan/detail/chunk_matrices.hpp>

#include <vector>

namespace mamba::inline MAMBA_ABI::kernels {

namespace detail {

/// The buffers of one thread, for `rows` chunks of one channel.
template <class T>
struct chunk_buffers {
  matrix_view<T> z;    ///< [H X], a row for each chunk: the state before it, and its inputs
  matrix_view<T> u;    ///< what each chunk adds to the state
  matrix_view<T> out;  ///< results that are not written to y directly
  T* state;            ///< h, and two states more for single steps

  chunk_buffers(T* memory, std::size_t rows, std::size_t S, std::size_t Q) noexcept(!core::contracts_checked)
      : z(memory, rows, S + Q),
        u(z.data() + z.size(), rows, S),
        out(u.data() + u.size(), rows, Q),
        state(out.data() + out.size()) {}
  [[nodiscard]] static std::size_t size(std::size_t rows, std::size_t S, std::size_t Q) noexcept {
    return rows * (S + Q) + rows * S + rows * Q + 3 * S;
  }
};

}  // namespace detail

/// The recurrence of kernels::diagonal_recurrence, chunk by chunk; the matrices are made once, for any number of
/// sequences.
///
///     chunked_recurrence layer({.b_bar = b_bar, .c = c, .d = d}, a_bar);
///     layer(x, h, y);
///
/// Paper:   Mamba-2, section 6 (its chunked algorithm, for an A that doesn't change with time).
/// Why:     with few channels diagonal_recurrence is a chain of L multiply-adds; here L/Q of them are left.
/// Shapes:  Blocked: channel_blocked (real modes) or complex_blocked (one of each conjugate pair). in: see
///          chunked_inputs; a_bar, h [D, N]; x, y [L, D]. Any L: a partial last chunk is padded with zeros.
/// Domain:  |ā| ≤ 1. NaN or infinity in, NaN out, in its own channel, from its own chunk on.
/// Error:   with magnitudes m_t = |ā| m_{t−1} + |b̄ x_t|, m_{−1} = |h|: after k chunks h is off by (Q + 3 + 3k)/2 ε m,
///          and y by (S + 2Q + 6 + 3k)/2 ε of Σ_n|c| m + |D x|, twice of it for half of the modes.
/// Determinism: the same bits for any number of threads. Sums are ordered by chunks, so another split means other bits.
/// Cost:    per step S + (S + Q) multiply-adds in matrix products, S = N real states or 2N. One channel is divided
///          among threads in time, several channel by channel: with fewer channels than threads, some threads are idle.
///          At most 8 kB of stack beside that of matmul.
/// Throws:  std::bad_alloc.
template <blocked_modes Blocked>
class chunked_recurrence {
  static constexpr std::size_t planes = Blocked::planes;
  using T = typename Blocked::value_type;
  using matrices = detail::chunk_matrices<T, planes>;

 public:
  static constexpr std::size_t chunk = matrices::Q;

  chunked_recurrence(chunked_inputs<Blocked> const& in, Blocked const& a_bar) {
    MAMBA_EXPECTS(in.d.empty() || in.d.size() == a_bar.channels(),
                  "chunked_recurrence: D must have one value per channel", in.d.size(), a_bar.channels());
    MAMBA_EXPECTS(in.b_bar.fits(a_bar) && a_bar.channels() == in.c.channels() && a_bar.depth() == in.c.depth(),
                  "chunked_recurrence: A, B and C must have one shape");
    channels_.reserve(a_bar.channels());
    for (std::size_t i = 0; i < a_bar.channels(); ++i) channels_.emplace_back(in, a_bar, i);
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
    std::size_t const each = detail::chunk_buffers<T>::size(rows, S, chunk);
    heap_storage<T> memory(slots * each);
    auto const cost = parallel::cost::multiply_adds<T>((2 * S + chunk) * x.size());
    parallel::parallel_for(slots, cost, [&](std::size_t i, std::size_t last) {
      for (; i < last; ++i) {
        run_channels(D * i / slots, D * (i + 1) / slots, x, h, y, memory.data() + i * each, rows);
      }
    });
  }

 private:
  /// Sixteen channels, which share cache lines, `rows` chunks at a time.
  void run_channels(std::size_t first, std::size_t last, matrix_view<T const> x, Blocked& h, matrix_view<T> y,
                    T* memory, std::size_t rows) const noexcept(!core::contracts_checked) {
    constexpr std::size_t together = 16;
    for (; first < last; first += together) {
      for (std::size_t t = 0; t < x.extent(0); t += rows * chunk) {
        std::size_t const steps = std::min(rows * chunk, x.extent(0) - t);
        for (std::size_t d = first; d < std::min(last, first + together); ++d) {
          run(d, x.columns(d, 1).rows(t, steps), h, y.columns(d, 1).rows(t, steps), memory);
        }
      }
    }
  }

  /// One channel, all chunks of x at once.
  void run(std::size_t d, matrix_view<T const> x, Blocked& h, matrix_view<T> y, T* memory) const
      noexcept(!core::contracts_checked) {
    matrices const& m = channels_[d];
    std::size_t const S = planes * m.padded, steps = x.extent(0), whole = steps / chunk;
    std::size_t const rows = (steps + chunk - 1) / chunk;
    detail::chunk_buffers<T> const buffers(memory, rows, S, chunk);
    matrix_view<T> const &z = buffers.z, &u = buffers.u, &out = buffers.out;
    T* const state = buffers.state;
    std::fill_n(state, S, T{0});  // with the padding, which may hold another channel's NaN
    for (std::size_t n = 0; n < h.depth(); ++n) {
      for (std::size_t p = 0; p < planes; ++p) state[p * m.padded + n] = h.plane(p)(d, n);
    }
    auto const cost = parallel::cost::multiply_adds<T>((2 * S + chunk) * steps);
    parallel::parallel_for(rows, cost, [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r) copy_chunk(x, r * chunk, &z(r, S));
      matmul(z.columns(S, chunk).rows(first, last - first), m.into_state, {}, u.rows(first, last - first));
    });
    for (std::size_t r = 0; r < whole; ++r) m.advance(m.a_bar_to_Q, state, &u(r, 0), &z(r, 0));
    if (whole < rows) std::copy_n(state, S, &z(whole, 0));
    parallel::parallel_for(rows, cost, [&](std::size_t first, std::size_t last) {
      // whole chunks of a contiguous y are written in place, others through `out`
      std::size_t const direct = y.pitch() == 1 ? std::min(last, std::max(first, whole)) : first;
      matrix_view<T> const there(y.data() + first * chunk, direct - first, chunk);
      matmul(z.rows(first, direct - first), m.into_y, {}, there);
      matmul(z.rows(direct, last - direct), m.into_y, {}, out.rows(direct, last - direct));
      T* const to = y.data();
      for (std::size_t i = direct * chunk; i < std::min(steps, last * chunk); ++i) to[i * y.pitch()] = out.data()[i];
    });
    if (whole < rows) m.advance_by_steps(state, state + S, &z(whole, S), steps - whole * chunk);
    for (std::size_t n = 0; n < h.depth(); ++n) {
      for (std::size_t p = 0; p < planes; ++p) h.plane(p)(d, n) = state[p * m.padded + n];
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
