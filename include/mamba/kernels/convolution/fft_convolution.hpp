// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/fft_convolution.hpp — long causal convolutions, a kernel for each channel.  [floor 4]
//
//     y_k = Σ_{j≤k} K_j x_{k−j}                       in every channel, L log L operations instead of L²
//
// right_angle_convolution.hpp computes one channel. This header divides channels among threads, in either layout of
// `sequences`, with kernels that are transformed in every call or once for many.
#pragma once

#include <mamba/kernels/convolution/detail/channel_rows.hpp>
#include <mamba/kernels/convolution/right_angle_convolution.hpp>
#include <mamba/kernels/convolution/sequences.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <algorithm>
#include <bit>

namespace mamba::inline MAMBA_ABI::kernels {

/// The transformed kernels of many channels, for repeated convolutions.
///
/// Shapes:  [D, n / W] complex vectors: 8 n bytes a channel in float, with n of the fft_convolution that fills it.
/// Throws:  std::bad_alloc.
template <class T>
class kernel_spectrum {
 public:
  using coefficient = typename right_angle_convolution<T>::coefficient;

  kernel_spectrum() = default;
  kernel_spectrum(std::size_t channels, std::size_t vectors)
      : channels_(channels), vectors_(vectors), residues_(saturated_product(channels, vectors)) {}

  [[nodiscard]] std::size_t channels() const noexcept { return channels_; }
  [[nodiscard]] std::size_t vectors() const noexcept { return vectors_; }
  [[nodiscard]] coefficient* row(std::size_t d) noexcept { return residues_.data() + d * vectors_; }
  [[nodiscard]] coefficient const* row(std::size_t d) const noexcept { return residues_.data() + d * vectors_; }

 private:
  std::size_t channels_ = 0, vectors_ = 0;
  heap_storage<coefficient> residues_;
};

/// Kernel and input of a convolution, as named arguments.
///
/// Shapes:  kernel [L_K, D], x [L, D]: matrices, or a channel_major of [D, L].
template <class T>
struct fft_inputs {
  sequences<T const> kernel, x;
};

/// The same with a transformed kernel.
template <class T>
struct spectrum_inputs {
  kernel_spectrum<T> const& spectrum;
  sequences<T const> x;
};

/// The causal convolution of D channels with D kernels; a function object that owns its twiddle factors and buffers.
///
///     fft_convolution<float> convolve(L);
///     convolve({.kernel = kernel, .x = x}, y);         // or, for one kernel and many x:
///     auto const spectrum = convolve.spectrum(kernel);
///     convolve({.spectrum = spectrum, .x = x}, y);
///
/// Paper:   S4, Eq. (5): the convolutional mode of a linear system that doesn't change in time.
/// Shapes:  kernel [L_K, D], x and y [L, D], L_K and L ≤ size(), each in either layout of `sequences`. y may be x or
///          the kernel.
/// Domain:  any numbers. NaN in, NaN out, everywhere in its own channel (a transform is causal up to rounding errors
///          only); channels never mix. One call of an object at a time: it uses threads itself.
/// Error:   |δy_k| ≤ ε max(1, log₂n) (10 ‖K‖₂ ‖x‖₂ + 2.5 ‖K∗x‖₂): see right_angle_convolution.hpp.
/// Determinism: a channel has the same bits at every place, in both layouts, with any number of threads, and with its
///          kernel transformed before or in the call.
/// Cost:    5 n log₂n multiply-adds a channel, W at a time, n the power of two from L up. Buffers for each thread: 16 n
///          bytes in float, and 8 n W where a layout has time first. The first call that needs them allocates them:
///          later ones in that layout, with no more threads and channels, allocate nothing. At most 8 kB of stack.
/// Throws:  std::bad_alloc.
/// See:     ssm::causal_convolution: one line of mathematics.
template <class T>
class fft_convolution {
 public:
  /// For sequences of at most `longest` numbers.
  explicit fft_convolution(std::size_t longest) : convolution_(longest) {}

  /// n: no sequence may be longer.
  [[nodiscard]] std::size_t size() const noexcept { return convolution_.size(); }

  [[nodiscard]] kernel_spectrum<T> spectrum(sequences<T const> kernel) {
    kernel_spectrum<T> out(kernel.channels(), convolution_.vectors());
    spectrum(kernel, out);
    return out;
  }

  /// The same into an existing spectrum.
  void spectrum(sequences<T const> kernel, kernel_spectrum<T>& out) {
    check_spectrum(out, kernel.channels());
    MAMBA_EXPECTS(kernel.length() <= size(), "fft_convolution: the kernel is too long", kernel.length(), size());
    for_each_block(kernel.channels(), !kernel.channel_first(),
                   [&](std::size_t first, std::size_t count, buffers const& m) {
                     auto const rows = detail::rows_of<T>(kernel, first, count, m.kernel_rows, row_pitch());
                     for (std::size_t i = 0; i < count; ++i) convolution_.transform(rows[i], out.row(first + i));
                   });
  }

  void operator()(spectrum_inputs<T> const& in, sequences<T> y) {
    check_spectrum(in.spectrum, in.x.channels());
    check_sequences(in.x, y);
    bool const transposed = !(in.x.channel_first() && y.channel_first());
    for_each_block(in.x.channels(), transposed, [&](std::size_t first, std::size_t count, buffers const& m) {
      auto const x = detail::rows_of<T>(in.x, first, count, m.rows, row_pitch());
      auto const out = detail::rows_for<T>(y, first, m.rows, row_pitch());
      for (std::size_t i = 0; i < count; ++i) convolution_.convolve(in.spectrum.row(first + i), x[i], out[i], m.x);
      detail::put_rows<T>(y, first, count, out);
    });
  }

  void operator()(fft_inputs<T> const& in, sequences<T> y) {
    MAMBA_EXPECTS(in.kernel.channels() == in.x.channels(), "fft_convolution: a kernel for each channel",
                  in.kernel.channels(), in.x.channels());
    MAMBA_EXPECTS(in.kernel.length() <= size(), "fft_convolution: the kernel is too long", in.kernel.length(), size());
    check_sequences(in.x, y);
    bool const transposed = !(in.kernel.channel_first() && in.x.channel_first() && y.channel_first());
    for_each_block(in.x.channels(), transposed, [&](std::size_t first, std::size_t count, buffers const& m) {
      auto const k = detail::rows_of<T>(in.kernel, first, count, m.kernel_rows, row_pitch());
      auto const x = detail::rows_of<T>(in.x, first, count, m.rows, row_pitch());
      auto const out = detail::rows_for<T>(y, first, m.rows, row_pitch());
      for (std::size_t i = 0; i < count; ++i) convolution_.convolve(k[i], x[i], out[i], m.x, m.kernel);
      detail::put_rows<T>(y, first, count, out);
    });
  }

 private:
  static constexpr std::size_t W = simd::lanes<T>;
  using coefficient = typename right_angle_convolution<T>::coefficient;

  /// The buffers of one thread.
  struct buffers {
    coefficient *x, *kernel;
    T *rows, *kernel_rows;
  };

  /// Rows a cache line further apart than a power of two, so that they fall into different sets of a cache.
  [[nodiscard]] std::size_t row_pitch() const noexcept { return size() + storage_alignment / sizeof(T); }

  void check_sequences([[maybe_unused]] sequences<T const> const& x, [[maybe_unused]] sequences<T> const& y) const {
    MAMBA_EXPECTS(x.length() == y.length() && x.channels() == y.channels(), "fft_convolution: x and y have one shape");
    MAMBA_EXPECTS(x.length() <= size(), "fft_convolution: x is too long", x.length(), size());
  }

  void check_spectrum([[maybe_unused]] kernel_spectrum<T> const& s, [[maybe_unused]] std::size_t channels) const {
    MAMBA_EXPECTS(s.channels() == channels, "fft_convolution: a kernel for each channel", s.channels(), channels);
    MAMBA_EXPECTS(s.vectors() == convolution_.vectors(), "fft_convolution: the spectrum has another size", s.vectors(),
                  convolution_.vectors());
  }

  /// Calls f(first, count, buffers) for all channels: one by one, or in blocks of W where they are to be transposed.
  template <class F>
  void for_each_block(std::size_t channels, bool transposed, F&& f) {
    std::size_t const block = transposed ? W : 1;
    std::size_t const blocks = (channels + block - 1) / block;
    if (blocks == 0) return;
    std::size_t const shares = std::min(blocks, static_cast<std::size_t>(parallel::thread_count()));
    std::size_t const coefficients = 2 * (convolution_.vectors() + 4);  // a few lines more: see row_pitch
    std::size_t const numbers = transposed ? 2 * W * row_pitch() : 0;
    if (coefficients_.size() < shares * coefficients) coefficients_ = heap_storage<coefficient>(shares * coefficients);
    if (numbers_.size() < shares * numbers) numbers_ = heap_storage<T>(shares * numbers);
    auto const passes = static_cast<std::size_t>(std::bit_width(size()));  // of two transforms, two levels at a time
    auto const cost = parallel::cost::elementwise(passes * channels * size());
    parallel::parallel_for(shares, cost, [&](std::size_t begin, std::size_t end) {
      for (std::size_t s = begin; s < end; ++s) {
        coefficient* const c = coefficients_.data() + s * coefficients;
        T* const rows = numbers_.data() + s * numbers;
        buffers const mine{c, c + coefficients / 2, rows, rows + numbers / 2};
        for (std::size_t b = blocks * s / shares; b < blocks * (s + 1) / shares; ++b) {
          f(b * block, std::min(block, channels - b * block), mine);
        }
      }
    });
  }

  right_angle_convolution<T> convolution_;
  heap_storage<coefficient> coefficients_;
  heap_storage<T> numbers_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
