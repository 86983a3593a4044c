// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/quantized_matrix.hpp — a weight matrix in 8, 4 or 2 bits a number.  [floor 4]
//
//     W [out, in]   →   panels [⌈out / 32⌉][⌈in / B⌉] of blocks,     32 outputs × B = W::block_size inputs in each
//
// A block begins with a scale (and an offset) for each of its outputs, in bfloat16. Its codes follow: four bytes for
// each output in turn, so that a 32-bit lane belongs to one output, and its bytes to four neighbouring inputs. Where a
// code has fewer than 8 bits, a byte holds codes of inputs that are B/2 (or B/4) apart, the first in its lowest bits:
//
//     word i, output o, byte j, part p    holds the code of input    k = p·(B·bits/8) + 4·i + j
//
// so that one shift and one mask make the next four inputs of all outputs. The layout is the same on every machine.
#pragma once

#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <mamba/kernels/quantization/least_squares.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels {

/// 32 × W::block_size weights.
template <block_format W>
struct weight_block {
  static_assert(W::block_size == 8 || W::block_size == 16 || W::block_size == activation_block_size,
                "block_format: a block has 8, 16 or 32 numbers (activations share a scale 32 by 32)");
  static_assert(W::bits == 8 || W::bits == 4 || W::bits == 2, "block_format: 8, 4 or 2 bits");
  static_assert(W::block_size * W::bits % 32 == 0, "block_format: block_size * bits must be a multiple of 32");
  static_assert(W::lowest <= 0 && W::highest > 0, "block_format: 0 must be among the numbers");
  static_assert(W::bits == 8 ? W::lowest >= -127 && W::highest <= 127 : W::highest - W::lowest < (1 << W::bits),
                "block_format: the numbers must fit into the bits (8 bits: -127 ... 127)");
  static constexpr std::size_t outputs = 32;
  static constexpr std::size_t parts = 8 / W::bits;                  ///< codes in a byte
  static constexpr std::size_t words = W::block_size / (4 * parts);  ///< 32-bit words of an output
  static constexpr unsigned mask = (1U << W::bits) - 1U;
  static constexpr int zero = W::bits == 8 ? 0 : -W::lowest;  ///< added to codes below 8 bits

  bfloat16 parameters[W::has_offset ? 2 : 1][outputs];  ///< scales, then offsets
  std::uint8_t codes[words][outputs][4];

  void set_code(std::size_t o, std::size_t k, int code) noexcept {
    std::size_t const p = k / (4 * words);
    std::size_t const within = k % (4 * words);
    std::uint8_t& byte = codes[within / 4][o][within % 4];
    unsigned const shift = static_cast<unsigned>(p * W::bits);
    byte =
        static_cast<std::uint8_t>((byte & ~(mask << shift)) | ((static_cast<unsigned>(code + zero) & mask) << shift));
  }
  [[nodiscard]] int code(std::size_t o, std::size_t k) const noexcept {
    std::size_t const p = k / (4 * words);
    std::size_t const within = k % (4 * words);
    unsigned const bits = (static_cast<unsigned>(codes[within / 4][o][within % 4]) >> (p * W::bits)) & mask;
    return W::bits == 8 ? static_cast<std::int8_t>(bits) : static_cast<int>(bits) - zero;
  }
};

/// A matrix in a block format, owned or borrowed (from a mapped file, or flash).
///
///     matrix.borrow(blocks, file);      // `file` is a shared_ptr to what keeps the blocks where they are
///
/// Why:     borrowed blocks have the layout of panel_data() and are not copied. Every pattern of bits is a valid
///          matrix.
/// Shapes:  any; rows beyond the matrix are zero, and columns beyond it are multiplied with zeros only.
/// Domain:  |w| ≤ 2¹⁰⁰; one weight that is larger, or NaN, makes all of its block NaN.
/// Error:   see kernels/quantization/least_squares.hpp; a weight of q8 is within 0.502·max|w|/127 of its block (or
///          within 2⁻¹¹³, if that is more), a block of q4 or ternary no worse in the mean square than rounding in
///          equal steps.
/// Throws:  std::bad_alloc.
template <block_format W, std::size_t Out, std::size_t In, class Memory>
class packed_matrix<W, Out, In, Memory> {
 public:
  using storage_format = W;
  using scalar = float;
  using block = weight_block<W>;
  using element = block;  ///< what panels consist of
  static constexpr std::size_t panel = block::outputs;
  using storage_type =
      typename Memory::template storage<block, static_product(detail::static_pieces(Out, panel),
                                                              detail::static_pieces(In, W::block_size))>;

  constexpr packed_matrix() : packed_matrix(extents<Out, In>{}) {}
  constexpr packed_matrix(std::size_t out, std::size_t in) : packed_matrix(extents<Out, In>(out, in)) {}
  constexpr explicit packed_matrix(extents<Out, In> shape)
      : shape_(shape), storage_(saturated_product(panels(), blocks())) {}

  [[nodiscard]] constexpr std::size_t out() const noexcept { return shape_.template get<0>(); }
  [[nodiscard]] constexpr std::size_t in() const noexcept { return shape_.template get<1>(); }
  [[nodiscard]] constexpr std::size_t panels() const noexcept { return panels_of(out()); }
  /// Panels that the first `outputs` outputs lie in.
  [[nodiscard]] static constexpr std::size_t panels_of(std::size_t outputs) noexcept {
    return outputs / panel + (outputs % panel != 0 ? 1 : 0);
  }
  /// Blocks of one row.
  [[nodiscard]] constexpr std::size_t blocks() const noexcept {
    return in() / W::block_size + (in() % W::block_size != 0 ? 1 : 0);
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return storage_.size() == 0; }
  /// Bytes of storage, all of which a product reads.
  [[nodiscard]] constexpr std::size_t bytes() const noexcept { return storage_.size() * sizeof(block); }

  /// Panel p: blocks() blocks of 32 outputs.
  [[nodiscard]] block const* panel_data(std::size_t p) const noexcept { return storage_.data() + p * blocks(); }

  /// The contiguous panels: to borrow() them, or to write them to a file.
  [[nodiscard]] constexpr storage_type& storage() noexcept { return storage_; }
  [[nodiscard]] constexpr storage_type const& storage() const noexcept { return storage_; }
  [[nodiscard]] bool borrowed() const noexcept { return storage_.borrowed(); }
  /// storage().borrow().
  void borrow(std::span<block const> from, std::shared_ptr<void const> owner) noexcept(!core::contracts_checked)
    requires std::same_as<Memory, writable_memory>
  {
    storage_.borrow(from, std::move(owner));
  }

  [[nodiscard]] constexpr std::size_t rows() const noexcept { return out(); }
  [[nodiscard]] constexpr std::size_t row_size() const noexcept { return in(); }

  /// Quantises row r of W: as many blocks at a time as there are lanes.
  void set_row(std::size_t r, std::span<float const> values) noexcept(!core::contracts_checked)
    requires std::same_as<Memory, writable_memory>
  {
    MAMBA_EXPECTS(!borrowed(), "packed_matrix: borrowed blocks are read-only");
    MAMBA_EXPECTS(r < out(), "packed_matrix: no such row", r, out());
    MAMBA_EXPECTS(values.size() == in(), "packed_matrix: a row has in() values", values.size(), in());
    block* const row = storage_.writable() + r / panel * blocks();
    for (std::size_t b = 0; b < blocks(); b += lanes) {
      auto const rest = values.subspan(b * W::block_size);
      set_blocks(row + b, std::min(lanes, blocks() - b), r % panel, rest);
    }
  }

  /// Row r of W, dequantised.
  void get_row(std::size_t r, std::span<float> values) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(r < out(), "packed_matrix: no such row", r, out());
    MAMBA_EXPECTS(values.size() == in(), "packed_matrix: a row has in() values", values.size(), in());
    block const* const row = panel_data(r / panel);
    std::size_t const o = r % panel;
    for (std::size_t k = 0; k < values.size(); ++k) {
      block const& from = row[k / W::block_size];
      auto const scale = static_cast<float>(from.parameters[0][o]);
      float offset = 0;
      if constexpr (W::has_offset) offset = static_cast<float>(from.parameters[1][o]);
      values[k] = simd::fma(scale, static_cast<float>(from.code(o, k % W::block_size)), offset);
    }
  }

 private:
  using V = simd::batch<float>;
  static constexpr std::size_t lanes = simd::lanes<float>;

  /// `count` blocks of output o, from up to W::block_size · count values. Padding repeats the row's own values, so that
  /// it cannot change the scale; activations are zero there.
  static void set_blocks(block* to, std::size_t count, std::size_t o, std::span<float const> values) noexcept {
    alignas(64) float turned[W::block_size][lanes] = {};  // input k of block b at [k][b]
    bool finite[lanes] = {};
    for (std::size_t b = 0; b < count; ++b) {
      std::size_t const first = b * W::block_size;
      std::size_t const n = std::min(W::block_size, values.size() - first);
      finite[b] = true;
      for (std::size_t k = 0; k < n; ++k) {
        float const w = values[first + k];
        bool const number = std::fabs(w) <= 0x1p100F;
        finite[b] = finite[b] && number;
        turned[k][b] = number ? w : 0;
      }
      for (std::size_t k = n; k < W::block_size; ++k) turned[k][b] = turned[k - n][b];
    }
    V w[W::block_size];
    for (std::size_t k = 0; k < W::block_size; ++k) w[k] = simd::load<V>(turned[k]);
    scale_and_offset<V> const fitted = fit<W>(w);
    alignas(64) float scale[lanes];
    alignas(64) float offset[lanes];
    simd::store<V>(scale, fitted.scale);
    simd::store<V>(offset, fitted.offset);
    for (std::size_t k = 0; k < W::block_size; ++k) simd::store<V>(turned[k], code_of<W>(w[k], fitted));
    for (std::size_t b = 0; b < count; ++b) {
      to[b].parameters[0][o] = bfloat16(finite[b] ? scale[b] : std::numeric_limits<float>::quiet_NaN());
      if constexpr (W::has_offset) to[b].parameters[1][o] = bfloat16(offset[b]);
      for (std::size_t k = 0; k < W::block_size; ++k) to[b].set_code(o, k, static_cast<int>(turned[k][b]));
    }
  }

  extents<Out, In> shape_;
  storage_type storage_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
