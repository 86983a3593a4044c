// SPDX-License-Identifier: MIT
// mamba/kernels/gemm/blocking.hpp — every tuning number of the matrix products, in BLIS's names.  [floor 4]
//
//     y [MC tokens, NR outputs]  +=  x [MC, KC] · panel [KC, NR]        in tiles of MR tokens
//
// MR and NR fill the registers, KC and MC the second-level cache. No number here changes a result: each output is
// summed over k in ascending order, whatever the blocks (kernels/gemm/matmul.hpp). Measured on 28 November 2026 on a
// Sapphire Rapids (48 kB and 2 MB of cache), AVX-512 and AVX2; benchmarks/README.md has the tables.
#pragma once

#include <mamba/simd/compat.hpp>

#include <cstddef>

namespace mamba::inline MAMBA_ABI::kernels::blocking {

/// What depends on the instruction set.
struct tile_sizes {
  std::size_t mr;               ///< tokens of a float tile: MR · nr_vectors sums, a panel's vectors and one broadcast
  std::size_t small_m;          ///< up to so many tokens 16-bit weights are converted in the tile, at every use
  std::size_t int8_mr;          ///< tokens of a tile of bytes
  std::size_t int8_vectors[3];  ///< its vectors of outputs: with 1 or 2 tokens, with 3 or 4, with more
};

//                                                MR  small M  int8 MR  vectors
inline constexpr tile_sizes avx512{.mr = 12, .small_m = 36, .int8_mr = 7, .int8_vectors = {2, 2, 2}};
inline constexpr tile_sizes aarch64{.mr = 12, .small_m = 0, .int8_mr = 7, .int8_vectors = {2, 2, 2}};
inline constexpr tile_sizes sixteen_registers{.mr = 6, .small_m = 0, .int8_mr = 8, .int8_vectors = {4, 2, 1}};

/// The row of the target machine. AVX-512 and AArch64 have 32 vector registers; all others count as
/// having 16 (AVX2, AVX, SSE, and one lane).
#if defined(__AVX512F__)
inline constexpr tile_sizes host = avx512;
#elif defined(__aarch64__)
inline constexpr tile_sizes host = aarch64;
#else
inline constexpr tile_sizes host = sixteen_registers;
#endif

/// NR in vectors: outputs of a panel, and so the layout of packed floats.
inline constexpr std::size_t nr_vectors = 2;

/// MR: tokens of a float tile.
inline constexpr std::size_t mr = host.mr;

/// Panels that one token is multiplied by at a time: enough independent sums to hide the latency of multiply-add.
inline constexpr std::size_t panels_per_tile = 4;

/// Small M: tokens up to which every tile converts 16-bit weights for itself, where that is one instruction.
///
/// Why:     no converted copy is written, and loads overlap with arithmetic. With more tokens, converting once is
///          faster.
inline constexpr std::size_t small_m = host.small_m;

/// KC: columns that all tokens of a block are multiplied by before the next ones, so that a part of a panel stays in
/// the second-level cache. 16-bit weights are converted once for all tokens, into a buffer on the stack.
///
/// Why:     blocks for the first-level cache (128) are slower: x is then read in runs too short to be prefetched.
template <bool Narrow>
inline constexpr std::size_t kc = Narrow ? 768 : 2048;

/// MC: tokens whose accumulators stay on the stack between blocks of columns; more of them where weights are converted,
/// to amortise the conversion.
template <bool Narrow>
inline constexpr std::size_t mc = Narrow ? 264 : 144;

/// Bytes of a panel that a tile prefetches ahead, where weights are narrower than their arithmetic: the hardware
/// prefetcher stays too close to such a loop.
inline constexpr std::size_t prefetch_distance = 1024;

/// Columns between two prefetches of the next block, and tiles that a block must have to share its cache lines; one is
/// enough where the matrix is larger than most second-level caches, for then it comes from memory each time.
inline constexpr std::size_t prefetch_step = 64;
inline constexpr std::size_t prefetch_tiles = 8;
inline constexpr std::size_t cached_bytes = std::size_t{1} << 20U;

/// MR for bytes: with eight sums of a block, a token's bytes, a weight and its magnitude 16 registers are full; the
/// sums of the row stay in memory.
inline constexpr std::size_t int8_mr = host.int8_mr;

/// Vectors of outputs that a tile of R tokens of bytes has.
///
/// Why:     many tokens share the unpacking of a weight; few tokens take more vectors, so that a panel is read once
///          from front to back.
template <std::size_t R>
inline constexpr std::size_t int8_vectors = host.int8_vectors[R <= 2   ? 0
                                                              : R <= 4 ? 1
                                                                       : 2];

/// Bytes of a panel that one token prefetches ahead.
inline constexpr std::size_t int8_prefetch_distance = 4096;

/// Bytes of stack that a product takes: for one token, for many in the arithmetic type T, for many where weights are
/// converted to T, and for any number of tokens in bytes.
///
/// Why:     a thread that computes one token at a time can have a small stack; prompts need more.
/// Units:   bytes, of which `frames` are for registers that are saved and for calls (measured: 1.1 kB with g++, 2.9 kB
///          with clang, which aligns a frame to its vectors and inlines more into it).
inline constexpr std::size_t frames = 4096;
inline constexpr std::size_t stack_of_bytes = 2 * frames;
template <class T>
inline constexpr std::size_t panel_bytes = sizeof(T) * (nr_vectors * simd::lanes<T>);
template <class T>
inline constexpr std::size_t stack_of_one = frames + (panels_per_tile * panel_bytes<T>);
template <class T, bool Narrow>
inline constexpr std::size_t stack_of_many = (mc<Narrow> + (Narrow ? kc<Narrow> : 0)) * panel_bytes<T> + frames;

}  // namespace mamba::inline MAMBA_ABI::kernels::blocking
