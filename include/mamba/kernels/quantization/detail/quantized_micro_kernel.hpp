// SPDX-License-Identifier: MIT
// mamba/kernels/quantization/detail/quantized_micro_kernel.hpp — a tile of R tokens in 8 bits.  [floor 4]
#pragma once

#include <mamba/kernels/gemm/blocking.hpp>
#include <mamba/kernels/quantization/activations.hpp>
#include <mamba/kernels/quantization/quantized_matrix.hpp>
#include <mamba/simd/dot4.hpp>

#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::kernels::detail {

/// R tokens × `width` outputs of one panel. Indices of accumulators are constants of folds, as in the tile of floats.
template <std::size_t R, block_format W>
struct quantized_tile {
  using V = simd::batch<float>;
  using block = weight_block<W>;
  static constexpr std::size_t lanes = simd::lanes<float>;
  static constexpr std::size_t vectors = blocking::int8_vectors<R>;
  static constexpr std::size_t width = vectors * lanes;
  static_assert(block::outputs % width == 0);
  alignas(64) float sum[R * width];

  /// Weight blocks that one block of activations covers.
  static constexpr std::size_t per_x = activation_block_size / W::block_size;

  /// x: the first block of R rows, x_blocks apart; w: the first block of a panel, of whose outputs `o` is the first.
  void multiply(quantized_block const* x, std::size_t x_blocks, block const* w, std::size_t blocks,
                std::size_t o) noexcept {
    auto const unroll_a = [&]<std::size_t... A>(std::index_sequence<A...>) __attribute__((always_inline)) {
      V acc[R * vectors];
      ((acc[A] = V(0.0F)), ...);
      for (std::size_t b = 0; b < blocks; ++b, x += b % per_x == 0 ? 1 : 0, ++w) {
        std::size_t const first = b % per_x * W::block_size;  // in x's block
        block_sums dot[R * vectors];
        if constexpr (R == 1) {
          for (std::size_t i = 0; i < sizeof(block); i += 64) simd::prefetch(w, blocking::int8_prefetch_distance + i);
        }
        ((dot[A] = start(x[A / vectors * x_blocks], first)), ...);
        for (std::size_t i = 0; i < block::words; ++i) {
          simd::bytes4 packed[vectors];
          auto const unroll_j = [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
            ((packed[J] = simd::load_bytes(w->codes[i][o + J * lanes])), ...);
          };
          unroll_j(std::make_index_sequence<vectors>{});
          auto const unroll_p = [&]<std::size_t... P>(std::index_sequence<P...>) __attribute__((always_inline)) {
            (add_part<P>(dot, packed, x, x_blocks, first + P * 4 * block::words + 4 * i, std::index_sequence<A...>{}),
             ...);
          };
          unroll_p(std::make_index_sequence<block::parts>{});
        }
        V scale[vectors];
        V offset[vectors];
        auto const unroll_j = [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
          ((scale[J] = simd::load<V>(w->parameters[0] + o + J * lanes)), ...);
          if constexpr (W::has_offset) ((offset[J] = simd::load<V>(w->parameters[1] + o + J * lanes)), ...);
        };
        unroll_j(std::make_index_sequence<vectors>{});
        V with;
        if constexpr (W::has_offset) {
          ((with = A % vectors == 0 ? scaled_sum(x[A / vectors * x_blocks], first) : with,
            acc[A] = simd::fma(offset[A % vectors], with, acc[A])),
           ...);
        }
        ((with = A % vectors == 0 ? V(x[A / vectors * x_blocks].scale) : with,
          acc[A] = simd::fma(in_float(dot[A], x[A / vectors * x_blocks], first),
                             simd::mul_unfused(scale[A % vectors], with), acc[A])),
         ...);
      }
      (simd::store<V>(sum + A * lanes, acc[A]), ...);
    };
    unroll_a(std::make_index_sequence<R * vectors>{});
  }

 private:
  /// Codes below 8 bits are small weights: one block of them, 32 / 4 terms, can be added in 16 bits.
  static constexpr bool small = W::bits < 8;
  static_assert(!small || (block::mask <= 15 && W::block_size / 4 <= simd::small_sums_terms));
  using block_sums = std::conditional_t<small, simd::small_sums, simd::sums32>;

  /// Σ c_x over the inputs of a weight block, of which the first is input `first` of x.
  [[gnu::always_inline]] static std::int32_t sum_of(quantized_block const& x,
                                                    [[maybe_unused]] std::size_t first) noexcept {
    if constexpr (per_x == 1) {
      return x.sum;
    } else {
      std::int32_t sum = 0;
      for (std::size_t k = 0; k < W::block_size; ++k) sum += x.c[first + k];
      return sum;
    }
  }

  /// Codes are stored with `zero` added, which adds zero·Σx to the sums.
  [[gnu::always_inline]] static std::int32_t excess(quantized_block const& x, std::size_t first) noexcept {
    return block::zero * sum_of(x, first);
  }

  [[gnu::always_inline]] static block_sums start(quantized_block const& x, std::size_t first) noexcept {
    if constexpr (small) {
      return simd::small_start(excess(x, first));
    } else {
      return simd::dot4_start(sum_of(x, first));
    }
  }

  /// Σ c_w c_x, exactly.
  [[gnu::always_inline]] static V in_float(block_sums const& v, [[maybe_unused]] quantized_block const& x,
                                           [[maybe_unused]] std::size_t first) noexcept {
    if constexpr (small) {
      return simd::to_float(simd::total(v, excess(x, first)));
    } else {
      return simd::dot4_float(v);
    }
  }

  /// s_x·Σ c_x in every lane.
  [[gnu::always_inline]] static V scaled_sum(quantized_block const& x, std::size_t first) noexcept {
    return simd::mul_unfused(V(x.scale), simd::to_float(simd::sums32(sum_of(x, first))));
  }

  template <std::size_t P, std::size_t... A>
  [[gnu::always_inline]] static void add_part(block_sums (&dot)[R * vectors], simd::bytes4 const (&packed)[vectors],
                                              quantized_block const* x, std::size_t x_blocks, std::size_t k,
                                              std::index_sequence<A...>) noexcept {
    simd::bytes4 w[vectors];
    auto const unroll_j = [&]<std::size_t... J>(std::index_sequence<J...>) __attribute__((always_inline)) {
      ((w[J] = part<P>(packed[J])), ...);
    };
    unroll_j(std::make_index_sequence<vectors>{});
    simd::bytes4 four;
    ((four = A % vectors == 0 ? simd::broadcast4(x[A / vectors * x_blocks].c + k) : four,
      dot[A] = simd::in_order(add(dot[A], w[A % vectors], four))),
     ...);
  }

  template <std::size_t P>
  [[gnu::always_inline]] static simd::bytes4 part(simd::bytes4 packed) noexcept {
    if constexpr (W::bits == 8) return packed;
    constexpr std::uint32_t mask = block::mask * 0x01010101U;
    return (packed >> static_cast<int>(P * W::bits)) & simd::bytes4(mask);
  }

  [[gnu::always_inline]] static block_sums add(block_sums const& dot, simd::bytes4 w, simd::bytes4 x) noexcept {
    if constexpr (small) {
      return simd::dot4_small(dot, w, x);
    } else {
      return simd::dot4_signed(dot, w, x);
    }
  }
};

}  // namespace mamba::inline MAMBA_ABI::kernels::detail
