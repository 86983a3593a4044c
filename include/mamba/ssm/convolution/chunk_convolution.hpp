// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/chunk_convolution.hpp — a chunk by convolution, from the state before it.  [floor 3]
//
//     y_k = C Ā^{k+1} h  +  (K * x)_k  +  D x_k
//           the past        the chunk     the present
//
// The past of the chunk is in h; the convolution within the chunk needs no state.
#pragma once

#include <mamba/ssm/convolution/convolution.hpp>
#include <mamba/ssm/scan/recurrence.hpp>

namespace mamba::inline MAMBA_ABI::ssm {

/// The free response: the output from a state without further input.
///
///     y_k = C Ā^{k+1} h,   k = 0 … L − 1
///
/// Shapes:  h [N] → [L, P].
/// Error:   that of recurrence().
/// Cost:    L of advance() and C.
template <recurrent System, class State>
[[nodiscard]] auto free_response(System const& s, State h, std::size_t L) {
  using real = real_of<typename decltype(System::b_bar)::Scalar>;
  return recurrence(s, h, sequence<real, dynamic>::Zero(index(L), s.b_bar.cols()).eval());
}

/// The state after a chunk.
///
///     h' = Ā^L h + Σ_{j<L} Ā^{L−1−j} B̄ x_j
///
/// Why:     by Horner's rule, which is the recurrence without its outputs.
/// Shapes:  h [N], x [L, M] → [N]. observe(k, h) is called after each input, as intermediate_states.hpp has it.
/// Error:   that of update_state() in each step k, carried on by Ā^{L−k}.
/// Cost:    L of advance() and B̄.
template <recurrent System, class State, class Input, class Observe = see_no_state>
[[nodiscard]] State state_after(System const& s, State h, Input const& x, Observe&& observe = {}) {
  for (Eigen::Index k = 0; k < x.rows(); ++k) {
    update_state(s, h, x.row(k).transpose().eval());
    observe(size(k), h);
  }
  return h;
}

/// The outputs of a chunk; h becomes the state after it.
///
///     y_k = C Ā^{k+1} h + (K * x)_k + D x_k
///
/// Paper:   S4, section 2.3, with the state that it starts from; the originals put h into B instead (S4's code).
/// Why:     the outputs of a long prompt by convolution, and then step by step from the state after it, are one
///          sequence. It isn't faster than the recurrence: the free response and the state after the chunk are two
///          recurrences, here step by step.
/// Shapes:  kernel [≥ L, P·M], h [N], x [L, M] → y [L, P]. observe(k, h) is called with the state after each input.
/// Error:   any split of a sequence gives the outputs and the state of the recurrence, within the errors of the kernel
///          and of the convolution.
/// Cost:    the convolution's, and two recurrences: 2L of advance() and B̄, L of C.
/// See:     krylov_kernel.hpp for the kernel; convolution may be any function of (kernel, x), such as fft_convolve.
template <recurrent System, class Kernel, class State, class Input, class Convolution, class Observe = see_no_state>
[[nodiscard]] auto chunk_convolution(System const& s, Kernel const& kernel, State& h, Input const& x,
                                     Convolution const& convolution, Observe&& observe = {}) {
  MAMBA_EXPECTS(kernel.rows() >= x.rows(), "chunk_convolution: the kernel must be as long as the chunk", kernel.rows(),
                x.rows());
  auto y = free_response(s, h, size(x.rows()));
  y += convolution(kernel.topRows(x.rows()).eval(), x) +
       (x * s.d.transpose()).template cast<typename decltype(y)::Scalar>();
  h = state_after(s, h, x, observe);
  return y;
}
template <recurrent System, class Kernel, class State, class Input>
[[nodiscard]] auto chunk_convolution(System const& s, Kernel const& kernel, State& h, Input const& x) {
  return chunk_convolution(s, kernel, h, x, [](auto const& K, auto const& inputs) { return convolve(K, inputs); });
}

}  // namespace mamba::inline MAMBA_ABI::ssm
