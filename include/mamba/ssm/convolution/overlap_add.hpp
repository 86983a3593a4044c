// SPDX-License-Identifier: MIT
// mamba/ssm/convolution/overlap_add.hpp — the convolution of a stream, in chunks of any length.  [floor 3]
//
//     overlap_add<double> stream(kernel);
//     auto const y1 = stream(x1);            // as many outputs as inputs, whatever the chunk's length
//     auto const y2 = stream(x2);            // includes the tail of x1
#pragma once

#include <mamba/ssm/convolution/fft_convolution.hpp>

#include <algorithm>

namespace mamba::inline MAMBA_ABI::ssm {

/// A convolution with a state: the contribution of the inputs so far to the outputs to come.
///
/// Each block of B inputs is convolved as a whole, which gives B + L_K − 1 outputs. The first B, with the tails of
/// earlier blocks added, are complete; the rest is the tail, added to later blocks.
///
///     block 1   y y y y t t t
///     block 2           y y y y t t t
///     block 3                   y y y y t t t
template <scalar T>
class overlap_add {
 public:
  /// Shapes:  kernel [L_K, P·M]; blocks of at most B inputs, by default as many as the kernel is long.
  template <class Kernel>
  explicit overlap_add(Kernel const& kernel, std::size_t inputs = 1, std::size_t block = 0)
      : inputs_(index(inputs)),
        tail_(std::max<Eigen::Index>(kernel.rows(), 1) - 1),
        block_(block != 0 ? index(block) : tail_ + 1),
        length_(padded_length(size(tail_ + 1), size(block_))),
        kernel_(spectra(kernel, length_)) {
    static_assert(holds<Kernel>, "overlap_add: a complex kernel has complex outputs");
    MAMBA_EXPECTS(inputs > 0 && size(kernel.cols()) % inputs == 0, "overlap_add: a kernel row must hold P x M numbers",
                  kernel.cols(), inputs);
    left_ = matrix<T>::Zero(block_ + tail_, kernel.cols() / index(inputs));
  }

  /// The outputs of the next inputs.
  ///
  /// Shapes:  x [L, M] → y [L, P], any L.
  /// Error:   of the whole stream's convolution: 12 ε (log₂ n + 1) ‖K‖₁ ‖x_b‖₂ for each block b whose tail is included,
  ///          n a block's padded length, and u for each sum of two blocks.
  /// Determinism: other chunks have other blocks, and may round otherwise.
  /// Cost:    two transforms of n points and a product for each block or part of one: long chunks are cheaper.
  template <class Input>
  [[nodiscard]] matrix<T> operator()(Input const& x) {
    static_assert(holds<Input>, "overlap_add: complex inputs have complex outputs");
    MAMBA_EXPECTS(x.cols() == inputs_, "overlap_add: x must have the inputs that the kernel was given for", x.cols(),
                  inputs_);
    matrix<T> y(x.rows(), left_.cols());
    for (Eigen::Index k = 0; k < x.rows(); k += block_) {
      auto const here = std::min(block_, x.rows() - k);
      auto const sound = from_spectra<T>(product_of_spectra(kernel_, spectra(x.middleRows(k, here), length_)));
      left_.topRows(here + tail_) += sound.topRows(here + tail_);
      y.middleRows(k, here) = left_.topRows(here);
      left_.topRows(tail_) = left_.middleRows(here, tail_).eval();
      left_.bottomRows(block_).setZero();
    }
    return y;
  }

  /// The tail: the contribution of the inputs so far to the next L_K − 1 outputs. [B + L_K − 1, P], zero beyond.
  [[nodiscard]] matrix<T> const& left() const noexcept { return left_; }

 private:
  /// Whether T can hold the outputs of such numbers: no imaginary part is dropped.
  template <class Numbers>
  static constexpr bool holds = is_complex<T> || !is_complex<typename Numbers::Scalar>;

  Eigen::Index inputs_;           ///< M
  Eigen::Index tail_;             ///< L_K − 1: the length of a block's tail
  Eigen::Index block_;            ///< B
  std::size_t length_;            ///< n, at least B + L_K − 1
  matrix<complex_of<T>> kernel_;  ///< [n, P·M]
  matrix<T> left_;                ///< [B + L_K − 1, P]
};

}  // namespace mamba::inline MAMBA_ABI::ssm
