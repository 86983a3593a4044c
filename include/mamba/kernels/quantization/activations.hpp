// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/activations.hpp — activations in 8 bits, block by block of every token.  [floor 4]
//
//     x ≈ s·c,     s = max |x| / 127 over the block,     c = round(x / s), ties to even
//
// A block format multiplies bytes with bytes. Each token is quantised on its own, so a token's products don't depend on
// which others it is multiplied with.
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/kernels/quantization/formats.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/tensor/storage.hpp>
#include <mamba/tensor/view.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>

namespace mamba::inline MAMBA_ABI::kernels {

/// One block of one token.
struct quantized_block {
  float scale;                           ///< s; not finite if one of the block's numbers is not
  std::int32_t sum;                      ///< Σ c
  std::int8_t c[activation_block_size];  ///< −127 … 127; 0 beyond the end of the row
};

namespace detail {

/// A whole block in 8 bits.
///
/// Why:     loops of constant length, which compilers vectorise.
inline void quantize_block(float const* value, quantized_block& to) noexcept {
  // Read as integers, magnitudes keep their order and every NaN is above infinity: the maximum of a block with either
  // is not finite.
  std::uint32_t largest = 0;
  for (std::size_t k = 0; k < activation_block_size; ++k) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(value[k]) & 0x7fffffffU);
  }
  auto const size = std::bit_cast<float>(largest);
  bool const usable = size >= 0x1p-100F && size <= std::numeric_limits<float>::max();
  if (!usable) {
    to = {size < 1 ? 0 : size / 127, 0, {}};
    return;
  }
  float const inverse = 127 / size;
  std::int32_t codes[activation_block_size];
  for (std::size_t k = 0; k < activation_block_size; ++k) {
    // 1.5·2²³ leaves no bit below 1: the lowest bits of the sum are the nearest integer.
    codes[k] = std::bit_cast<std::int32_t>(simd::fma(value[k], inverse, 0x1.8p23F)) - 0x4b400000;
  }
  std::int32_t sum = 0;
  for (std::int32_t const c : codes) sum += c;
  to.scale = size / 127;
  to.sum = sum;
  for (std::size_t k = 0; k < activation_block_size; ++k) to.c[k] = static_cast<std::int8_t>(codes[k]);
}

}  // namespace detail

/// One block in 8 bits.
///
/// Shapes:  x has at most activation_block_size numbers; missing ones count as 0.
/// Domain:  any numbers. One that is not finite makes the scale so, and with it every product of the block.
/// Error:   |x − s·c| ≤ (1/2 + 2⁻¹⁵)·s; a block whose largest number is below 2⁻¹⁰⁰ becomes 0.
inline void quantize(std::span<float const> x, quantized_block& to) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(x.size() <= activation_block_size, "quantize: more numbers than a block holds", x.size(),
                activation_block_size);
  if (x.size() == activation_block_size) {
    detail::quantize_block(x.data(), to);
  } else {
    float value[activation_block_size] = {};
    std::copy(x.begin(), x.end(), value);
    detail::quantize_block(value, to);
  }
}

/// A matrix of activations in 8 bits, in the caller's memory: rows of ⌈in / 32⌉ blocks.
///
///     quantized_activations q(memory);     // as many blocks as a workspace gave
///     q.reshape(tokens, in);
///     q.round(0, 0, x);                    // x [tokens, in]; or part by part, by several threads
///
/// Error:   that of quantize(), block by block.
class quantized_activations {
 public:
  constexpr quantized_activations() = default;
  constexpr explicit quantized_activations(std::span<quantized_block> blocks) noexcept : blocks_(blocks) {}

  [[nodiscard]] static constexpr std::size_t blocks_of(std::size_t in) noexcept {
    return in / activation_block_size + (in % activation_block_size != 0 ? 1 : 0);
  }

  /// Blocks that the memory holds.
  [[nodiscard]] std::size_t capacity() const noexcept { return blocks_.size(); }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t in() const noexcept { return in_; }

  /// The shape of the matrix whose numbers round() writes next.
  constexpr void reshape(std::size_t rows, std::size_t in) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(rows * blocks_of(in) <= blocks_.size(), "quantized_activations: too many blocks for the memory",
                  rows * blocks_of(in), blocks_.size());
    rows_ = rows;
    in_ = in;
  }

  /// Quantises `part`, which starts at some row and column of the matrix, block by block, on the calling thread.
  ///
  /// Domain:  part begins at the beginning of a block and ends at the end of one, or of the row.
  void round(std::size_t row, std::size_t column, matrix_view<float const> part) const
      noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(row + part.extent(0) <= rows_ && column + part.extent(1) <= in_,
                  "quantized_activations: the part reaches beyond the matrix");
    MAMBA_EXPECTS(column % activation_block_size == 0 &&
                      (part.extent(1) % activation_block_size == 0 || column + part.extent(1) == in_),
                  "quantized_activations: the part must consist of whole blocks", column, part.extent(1));
    for (std::size_t t = 0; t < part.extent(0); ++t) {
      auto const numbers = part.row(t);
      quantized_block* to = blocks_.data() + (row + t) * blocks_of(in_) + column / activation_block_size;
      for (std::size_t k = 0; k < numbers.size(); k += activation_block_size, ++to) {
        quantize(numbers.subspan(k, std::min(activation_block_size, numbers.size() - k)), *to);
      }
    }
  }

  /// Takes x's shape and quantises its rows, divided among the threads.
  void assign(matrix_view<float const> x) noexcept(!core::contracts_checked) {
    reshape(x.extent(0), x.extent(1));
    parallel::parallel_for(x.extent(0), parallel::cost::elementwise(2 * x.size()),
                           [&](std::size_t first, std::size_t last) { round(first, 0, x.rows(first, last - first)); });
  }

  /// The blocks of row t, those of row t + 1 behind them.
  [[nodiscard]] quantized_block const* row(std::size_t t) const noexcept { return blocks_.data() + t * blocks_of(in_); }

 private:
  std::span<quantized_block> blocks_;
  std::size_t rows_ = 0;
  std::size_t in_ = 0;
};

/// Quantised activations that own their memory, where there is no workspace.
///
///     quantized_buffer x(rows, in);     // uninitialised
///     x.assign(values);
class quantized_buffer : public quantized_activations {
 public:
  quantized_buffer() = default;
  quantized_buffer(std::size_t rows, std::size_t in) : memory_(saturated_product(rows, blocks_of(in))) {
    static_cast<quantized_activations&>(*this) = quantized_activations({memory_.data(), memory_.size()});
  }
  quantized_buffer(quantized_buffer&&) noexcept = default;
  quantized_buffer& operator=(quantized_buffer&&) noexcept = default;
  ~quantized_buffer() = default;

 private:
  heap_storage<quantized_block> memory_;
};

}  // namespace mamba::inline MAMBA_ABI::kernels
