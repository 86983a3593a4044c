// SPDX-License-Identifier: MIT
// mamba/kernels/convolution/fft_convolution.hpp — long causal convolutions of many channels, a kernel for each.  [floor 4]
//
//     y_k = Σ_{j≤k} K_j x_{k−j}                       in every channel, L log L operations instead of L²
//
// right_angle_product.hpp has the mathematics of one channel. Here are the channels: shared out over threads, stored
// time by time or one after the other, with kernels that are new in every call or taken apart once.
#pragma once

#include <mamba/kernels/convolution/right_angle_product.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/tensor/view.hpp>

namespace mamba::inline MAMBA_ABI::kernels {

/// Sequences stored one after the other, [D, L], asked for by (time, channel) as every other sequence is.
template <class T>
struct channel_major {
  matrix_view<T> rows;  ///< row d is channel d

  /// L for axis 0, D for axis 1.
  [[nodiscard]] std::size_t extent(std::size_t axis) const noexcept { return rows.extent(1 - axis); }
  [[nodiscard]] T& operator()(std::size_t k, std::size_t d) const noexcept { return rows(d, k); }
  operator channel_major<T const>() const noexcept requires(!std::is_const_v<T>) { return {rows}; }
};

/// Kernels of many channels, taken apart for convolutions to come.
///
/// Shapes:  [D, n / W] complex vectors: 8 n bytes a channel in float, with n of the fft_convolution that fills it.
/// Throws:  std::bad_alloc.
template <class T>
class kernel_spectrum {
 public:
  using coefficient = typename right_angle_product<T>::coefficient;

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

namespace detail {

/// Channels as rows of consecutive times.
template <class T>
struct channel_rows {
  T* data;
  std::size_t pitch, length;
  [[nodiscard]] std::span<T> operator[](std::size_t i) const noexcept { return {data + i * pitch, length}; }
};

template <class T>
[[nodiscard]] matrix_view<T const> read_only(matrix_view<T> x) noexcept {
  return x;
}
template <class T>
[[nodiscard]] channel_major<T const> read_only(channel_major<T> x) noexcept {
  return {x.rows};
}

/// Channels first … first+count−1 as rows: where they are, or turned into `buffer`, W rows `pitch` apart.
template <class T>
[[nodiscard]] channel_rows<T const> rows_of(channel_major<T const> x, std::size_t first, std::size_t, T*,
                                            std::size_t) noexcept {
  return {x.rows.data() + first * x.rows.pitch(), x.rows.pitch(), x.extent(0)};
}

template <class T>
[[nodiscard]] channel_rows<T const> rows_of(matrix_view<T const> x, std::size_t first, std::size_t count, T* buffer,
                                            std::size_t pitch) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  for (std::size_t t = 0; t < x.extent(0); t += W) {
    V square[W];
    for (std::size_t i = 0; i < W; ++i) {
      T const* const at = x.data() + (t + i) * x.pitch() + first;
      square[i] = t + i >= x.extent(0) ? V(T{0}) : count == W ? simd::load<V>(at) : simd::load_first<V>(at, count);
    }
    simd::transpose(square);
    for (std::size_t i = 0; i < W; ++i) simd::store<V>(buffer + i * pitch + t, square[i]);
  }
  return {buffer, pitch, x.extent(0)};
}

/// Where the rows of y are to be written, and how they get from there to y.
template <class T>
[[nodiscard]] channel_rows<T> rows_for(channel_major<T> y, std::size_t first, T*, std::size_t) noexcept {
  return {y.rows.data() + first * y.rows.pitch(), y.rows.pitch(), y.extent(0)};
}
template <class T>
[[nodiscard]] channel_rows<T> rows_for(matrix_view<T> y, std::size_t, T* buffer, std::size_t pitch) noexcept {
  return {buffer, pitch, y.extent(0)};
}

template <class T>
void put_rows(channel_major<T>, std::size_t, std::size_t, channel_rows<T>) noexcept {}

template <class T>
void put_rows(matrix_view<T> y, std::size_t first, std::size_t count, channel_rows<T> rows) noexcept {
  using V = simd::batch<T>;
  constexpr std::size_t W = simd::lanes<T>;
  for (std::size_t t = 0; t < y.extent(0); t += W) {
    V square[W];
    for (std::size_t i = 0; i < W; ++i) square[i] = simd::load<V>(rows.data + i * rows.pitch + t);
    simd::transpose(square);
    for (std::size_t i = 0; i < std::min(W, y.extent(0) - t); ++i) {
      T* const at = y.data() + (t + i) * y.pitch() + first;
      count == W ? simd::store<V>(at, square[i]) : simd::store_first<V>(at, square[i], count);
    }
  }
}

template <class X>
inline constexpr bool time_comes_first = true;
template <class T>
inline constexpr bool time_comes_first<channel_major<T>> = false;

}  // namespace detail

/// The causal convolution of D channels with D kernels; a function object that owns its roots and its scratch.
///
///     fft_convolution<float> convolve(L);
///     convolve(kernel, x, y);                          // or, for one kernel and many x:
///     auto const known = convolve.spectrum(kernel);
///     convolve(known, x, y);
///
/// Paper:   S4, Eq. (5): the convolutional mode of a linear system that doesn't change in time.
/// Shapes:  kernel [L_K, D], x and y [L, D], L_K and L ≤ size(): each a matrix_view of numbers stored so, or a
///          channel_major of numbers stored [D, L]. y may be x or the kernel.
/// Domain:  any numbers. NaN in, NaN out, everywhere in its own channel (what is causal up to rounding isn't for NaN);
///          channels never mix. A channel has the same bits wherever it stands, in both layouts, with any number of
///          threads, and with its kernel taken apart before or in the call.
/// Error:   |δy_k| ≤ ε log₂n (10 ‖K‖₂ ‖x‖₂ + 2.5 ‖K∗x‖₂): see right_angle_product.hpp.
/// Cost:    5 n log₂n multiply-adds a channel, W at a time, n the power of two from L up. Scratch for each thread: 16 n
///          bytes in float, and 8 n W where a layout has time first. It is allocated by the first call that needs it:
///          later ones in that layout, with no more threads and channels, allocate nothing. One call at a time: threads
///          don't share an object, it uses them itself.
/// Throws:  std::bad_alloc.
/// See:     ssm::causal_convolution: the same arguments, one line of mathematics.
template <class T>
class fft_convolution {
 public:
  /// For sequences of at most `longest` numbers.
  explicit fft_convolution(std::size_t longest) : product_(longest) {}

  /// n: no sequence may be longer.
  [[nodiscard]] std::size_t size() const noexcept { return product_.size(); }

  template <class Kernel>
  [[nodiscard]] kernel_spectrum<T> spectrum(Kernel const& kernel) {
    kernel_spectrum<T> out(kernel.extent(1), product_.vectors());
    spectrum(kernel, out);
    return out;
  }

  /// The same into a spectrum that is there already.
  template <class Kernel>
  void spectrum(Kernel const& kernel, kernel_spectrum<T>& out) {
    check_spectrum(out, kernel.extent(1));
    MAMBA_EXPECTS(kernel.extent(0) <= size(), "fft_convolution: the kernel is too long", kernel.extent(0), size());
    for_each_block<Kernel>(kernel.extent(1), [&](std::size_t first, std::size_t count, scratch const& m) {
      auto const rows = detail::rows_of<T>(detail::read_only(kernel), first, count, m.kernel_rows, row_pitch());
      for (std::size_t i = 0; i < count; ++i) product_.transform(rows[i], out.row(first + i));
    });
  }

  template <class X, class Y>
  void operator()(kernel_spectrum<T> const& kernel, X const& x, Y const& y) {
    check_spectrum(kernel, x.extent(1));
    check_sequences(x, y);
    for_each_block<X, Y>(x.extent(1), [&](std::size_t first, std::size_t count, scratch const& m) {
      auto const in = detail::rows_of<T>(detail::read_only(x), first, count, m.rows, row_pitch());
      auto const out = detail::rows_for<T>(y, first, m.rows, row_pitch());
      for (std::size_t i = 0; i < count; ++i) product_.multiply(kernel.row(first + i), in[i], out[i], m.x);
      detail::put_rows<T>(y, first, count, out);
    });
  }

  template <class Kernel, class X, class Y>
  void operator()(Kernel const& kernel, X const& x, Y const& y) {
    MAMBA_EXPECTS(kernel.extent(1) == x.extent(1), "fft_convolution: a kernel for each channel", kernel.extent(1),
                  x.extent(1));
    MAMBA_EXPECTS(kernel.extent(0) <= size(), "fft_convolution: the kernel is too long", kernel.extent(0), size());
    check_sequences(x, y);
    for_each_block<Kernel, X, Y>(x.extent(1), [&](std::size_t first, std::size_t count, scratch const& m) {
      auto const k = detail::rows_of<T>(detail::read_only(kernel), first, count, m.kernel_rows, row_pitch());
      auto const in = detail::rows_of<T>(detail::read_only(x), first, count, m.rows, row_pitch());
      auto const out = detail::rows_for<T>(y, first, m.rows, row_pitch());
      for (std::size_t i = 0; i < count; ++i) product_.multiply(k[i], in[i], out[i], m.x, m.kernel);
      detail::put_rows<T>(y, first, count, out);
    });
  }

 private:
  static constexpr std::size_t W = simd::lanes<T>;
  using coefficient = typename right_angle_product<T>::coefficient;

  /// What one thread works in.
  struct scratch {
    coefficient *x, *kernel;
    T *rows, *kernel_rows;
  };

  /// Rows a cache line further apart than a power of two, which a cache could not tell from one another.
  [[nodiscard]] std::size_t row_pitch() const noexcept { return size() + storage_alignment / sizeof(T); }

  template <class X, class Y>
  void check_sequences([[maybe_unused]] X const& x, [[maybe_unused]] Y const& y) const {
    MAMBA_EXPECTS(x.extent(0) == y.extent(0) && x.extent(1) == y.extent(1), "fft_convolution: x and y have one shape");
    MAMBA_EXPECTS(x.extent(0) <= size(), "fft_convolution: x is too long", x.extent(0), size());
  }

  void check_spectrum([[maybe_unused]] kernel_spectrum<T> const& s, [[maybe_unused]] std::size_t channels) const {
    MAMBA_EXPECTS(s.channels() == channels, "fft_convolution: a kernel for each channel", s.channels(), channels);
    MAMBA_EXPECTS(s.vectors() == product_.vectors(), "fft_convolution: the spectrum has another size", s.vectors(),
                  product_.vectors());
  }

  /// Calls f(first, count, scratch) for all channels: one by one, or in blocks of W where they have to be turned.
  template <class... Layout, class F>
  void for_each_block(std::size_t channels, F&& f) {
    constexpr bool turned = (detail::time_comes_first<Layout> || ...);
    constexpr std::size_t block = turned ? W : 1;
    std::size_t const blocks = (channels + block - 1) / block;
    if (blocks == 0) return;
    std::size_t const shares = std::min(blocks, static_cast<std::size_t>(parallel::thread_count()));
    std::size_t const coefficients = 2 * (product_.vectors() + 4);  // a few lines more: see row_pitch
    std::size_t const numbers = turned ? 2 * W * row_pitch() : 0;
    if (coefficients_.size() < shares * coefficients) coefficients_ = heap_storage<coefficient>(shares * coefficients);
    if (numbers_.size() < shares * numbers) numbers_ = heap_storage<T>(shares * numbers);
    parallel::cost const cost{4.0 * static_cast<double>(channels) * static_cast<double>(size())};
    parallel::parallel_for(shares, cost, [&](std::size_t begin, std::size_t end) {
      for (std::size_t s = begin; s < end; ++s) {
        coefficient* const c = coefficients_.data() + s * coefficients;
        T* const rows = numbers_.data() + s * numbers;
        scratch const mine{c, c + coefficients / 2, rows, rows + numbers / 2};
        for (std::size_t b = blocks * s / shares; b < blocks * (s + 1) / shares; ++b) {
          f(b * block, std::min(block, channels - b * block), mine);
        }
      }
    });
  }

  right_angle_product<T> product_;
  heap_storage<coefficient> coefficients_;
  heap_storage<T> numbers_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
