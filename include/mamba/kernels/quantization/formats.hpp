// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/formats.hpp — the block formats, and their concept.  [floor 4]
//
// A format is a type, and kernels are compiled for each. float, double, float16 and bfloat16 store one
// number after the other and are their own formats. A block format stores blocks of numbers of one row, which share a
// scale; its type states the block and holds no numbers: kernels/quantization/quantized_matrix.hpp does.
//
//     format    one number                     per block beside it       block    bits per number
//     q8        w ≈ s·c,      c = −127 … 127   s (bfloat16)              32       8.5
//     q4        w ≈ s·c + m,  c = 0 … 15       s and m (bfloat16)        32       5
//     ternary   w ≈ s·c,      c = −1, 0, 1     s (bfloat16)              32       2.5
//
// The list is open: a type with the same members is a format, too.
//
//     struct q8_fine {                        // 9 bits per number
//       static constexpr std::size_t block_size = 16, bits = 8;
//       static constexpr int lowest = -127, highest = 127;
//       static constexpr bool has_offset = false;
//     };
//     nn::linear<q8_fine> layer(out, in, nn::bias::none);
#pragma once

#include <mamba/core/abi.hpp>

#include <concepts>
#include <cstddef>

namespace mamba::inline MAMBA_ABI {

/// 8 bits and a scale.
struct q8 {
  static constexpr std::size_t block_size = 32, bits = 8;
  static constexpr int lowest = -127, highest = 127;
  static constexpr bool has_offset = false;
};

/// 4 bits, a scale and an offset.
struct q4 {
  static constexpr std::size_t block_size = 32, bits = 4;
  static constexpr int lowest = 0, highest = 15;
  static constexpr bool has_offset = true;
};

/// −1, 0 or 1, and a scale.
struct ternary {
  static constexpr std::size_t block_size = 32, bits = 2;
  static constexpr int lowest = -1, highest = 1;
  static constexpr bool has_offset = false;
};

/// Activations that share a scale: block formats multiply bytes by bytes.
inline constexpr std::size_t activation_block_size = 32;

/// A format whose numbers share scales block by block.
///
/// Why:     an open list. Layout (quantized_matrix.hpp), arithmetic (quantized_matmul.hpp) and, unless the format has a
///          quantiser of its own, the choice of scales (least_squares.hpp) follow from these members.
/// Shapes:  block_size numbers of one row, 8, 16 or 32 of them; each stored in 8, 4 or 2 bits as an integer from lowest
///          to highest, with a scale and (has_offset) an offset in bfloat16.
/// Domain:  8 bits hold −127 … 127 or less; fewer bits hold highest − lowest < 2^bits, and 0 is among the numbers. A
///          word of 32 bits belongs to one output: block_size · bits is a multiple of 32.
/// Error:   half a step, (max − min) / (highest − lowest) of the block, and the rounding of scale and offset.
template <class W>
concept block_format = requires {
  { W::block_size } -> std::convertible_to<std::size_t>;
  { W::bits } -> std::convertible_to<std::size_t>;
  { W::lowest } -> std::convertible_to<int>;
  { W::highest } -> std::convertible_to<int>;
  { W::has_offset } -> std::convertible_to<bool>;
};

/// A format that stores each number by itself: float, double, bfloat16, float16.
template <class W>
concept scalar_format = (!block_format<W>);

/// Bits per number, scales and offsets included.
template <block_format W>
inline constexpr double bits_per_weight =
    static_cast<double>(W::bits) + (W::has_offset ? 32.0 : 16.0) / static_cast<double>(W::block_size);

}  // namespace mamba::inline MAMBA_ABI
