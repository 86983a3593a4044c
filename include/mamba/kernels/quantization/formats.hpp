// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/formats.hpp — the names of the block formats that matrices may be stored in.  [floor 4]
//
// A format is a type, so that everything made for it is compiled for it. float, double, float16 and bfloat16 store one
// number after the other and are their own names. The three below store blocks of 32 numbers of one row, which share a
// scale; these types are names only, kernels/quantization/quantized_matrix.hpp holds the numbers.
//
//     format    one number                     per block beside it       bits per number
//     q8        w ≈ s·c,      c = −127 … 127   s (bfloat16)              8.5
//     q4        w ≈ s·c + m,  c = 0 … 15       s and m (bfloat16)        5
//     ternary   w ≈ s·c,      c = −1, 0, 1     s (bfloat16)              2.5
#pragma once

#include <mamba/core/abi.hpp>

#include <concepts>
#include <cstddef>

namespace mamba::inline MAMBA_ABI {

/// 8 bits and a scale.
struct q8 {
  static constexpr std::size_t bits = 8;
  static constexpr int lowest = -127, highest = 127;
  static constexpr bool has_offset = false;
};

/// 4 bits, a scale and an offset.
struct q4 {
  static constexpr std::size_t bits = 4;
  static constexpr int lowest = 0, highest = 15;
  static constexpr bool has_offset = true;
};

/// −1, 0 or 1, and a scale.
struct ternary {
  static constexpr std::size_t bits = 2;
  static constexpr int lowest = -1, highest = 1;
  static constexpr bool has_offset = false;
};

/// A format whose numbers share scales block by block.
template <class W>
concept block_format = std::same_as<W, q8> || std::same_as<W, q4> || std::same_as<W, ternary>;

/// Numbers of a row that share a scale, of weights and of the activations they are multiplied with.
inline constexpr std::size_t block_size = 32;

}  // namespace mamba::inline MAMBA_ABI
