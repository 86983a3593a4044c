// SPDX-License-Identifier: MIT
// mamba/core/abi.hpp — the inline namespace that keeps differently compiled copies of one template apart.  [floor 0]
//
// A header-only library is compiled anew in every translation unit. When two of them use different flags, the linker
// keeps one copy of each function under one name, and half of the program runs code that was compiled for another
// machine. So everything is in
//
//     namespace mamba::inline MAMBA_ABI::<floor>
//
// whose name spells what changes code or layout: version, instruction set, FMA, products of bytes (VNNI) and
// half-precision numbers (F16C), contracts on or off, Eigen's static alignment, OpenMP or serial, and the bound below
// which static tensors lie in place. Functions whose flags differ are then different functions: each translation unit
// runs its own, and passing a type between them fails at link time instead of at run time.
#pragma once

#include <mamba/core/version.hpp>

// g++ has macros for parts of it, clang 14 for the whole and for finite math only, so that code that rounds by adding
// and subtracting a large number stands behind a barrier (simd/compat.hpp). On bare ARM g++ 12 has 0 in __GCC_IEC_559
// always.
#if defined(__FAST_MATH__)
#error "mamba: -ffast-math breaks NaN propagation, log1p and the partition contract; compile without it"
#elif defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ != 0) ||    \
    (defined(__GCC_IEC_559) && !defined(__arm__) && __GCC_IEC_559 == 0)
#error \
    "mamba: parts of -ffast-math (-funsafe-math-optimizations, -ffinite-math-only) give wrong results; compile without"
#endif

#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ < 0 || __FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "mamba: floats are computed in a wider type here (x87) and rounded by chance; use -msse2 -mfpmath=sse"
#endif

// Batches of one lane, in plain C++, and no xsimd: where xsimd has no batch for the machine, or with
// -DMAMBA_SIMD_PORTABLE=1. No multiply-add is fused then, so all such builds have the same bits.
#if !defined(MAMBA_SIMD_PORTABLE)
#if defined(__SSE2__) || defined(__aarch64__) || defined(__ARM_NEON) || defined(_M_X64) || defined(_M_ARM64)
#define MAMBA_SIMD_PORTABLE 0
#else
#define MAMBA_SIMD_PORTABLE 1
#endif
#endif

// Instruction set, as finely as it changes the code that xsimd selects.
#if MAMBA_SIMD_PORTABLE
#define MAMBA_ABI_ISA portable
#elif defined(__AVX512BW__)
#define MAMBA_ABI_ISA avx512bw
#elif defined(__AVX512DQ__)
#define MAMBA_ABI_ISA avx512dq
#elif defined(__AVX512CD__)
#define MAMBA_ABI_ISA avx512cd
#elif defined(__AVX512F__)
#define MAMBA_ABI_ISA avx512f
#elif defined(__AVX2__)
#define MAMBA_ABI_ISA avx2
#elif defined(__AVX__)
#define MAMBA_ABI_ISA avx
#elif defined(__SSE4_2__)
#define MAMBA_ABI_ISA sse4_2
#elif defined(__SSE4_1__)
#define MAMBA_ABI_ISA sse4_1
#elif defined(__SSSE3__)
#define MAMBA_ABI_ISA ssse3
#elif defined(__SSE3__)
#define MAMBA_ABI_ISA sse3
#elif defined(__SSE2__)
#define MAMBA_ABI_ISA sse2
#elif defined(__ARM_FEATURE_SVE)
#define MAMBA_ABI_ISA sve
#elif defined(__aarch64__)
#define MAMBA_ABI_ISA neon64
#elif defined(__ARM_NEON)
#define MAMBA_ABI_ISA neon
#else
#define MAMBA_ABI_ISA portable
#endif

#if MAMBA_SIMD_PORTABLE
#define MAMBA_ABI_FMA nofma
#elif defined(__FMA__)
#define MAMBA_ABI_FMA fma
#elif defined(__FMA4__)
#define MAMBA_ABI_FMA fma4
#else
#define MAMBA_ABI_FMA nofma
#endif

#if !MAMBA_SIMD_PORTABLE && (defined(__AVX512VNNI__) || defined(__AVXVNNI__))
#define MAMBA_ABI_VNNI vnni
#else
#define MAMBA_ABI_VNNI novnni
#endif
#if !MAMBA_SIMD_PORTABLE && defined(__F16C__)
#define MAMBA_ABI_F16C f16c
#else
#define MAMBA_ABI_F16C nof16c
#endif

// Contracts (MAMBA_EXPECTS): on in Debug, off with NDEBUG, unless the user decides with -DMAMBA_CONTRACTS=0 or 1.
#if !defined(MAMBA_CONTRACTS)
#if defined(NDEBUG)
#define MAMBA_CONTRACTS 0
#else
#define MAMBA_CONTRACTS 1
#endif
#endif
#if MAMBA_CONTRACTS
#define MAMBA_ABI_CONTRACTS checked
#else
#define MAMBA_ABI_CONTRACTS unchecked
#endif

// Eigen's static alignment, by Eigen's own rules, so that the value is the same before and after Eigen is included
// (tensor/eigen.hpp asserts that the two agree).
#if defined(EIGEN_MAX_STATIC_ALIGN_BYTES)
#define MAMBA_EIGEN_ALIGN EIGEN_MAX_STATIC_ALIGN_BYTES
#elif defined(EIGEN_DONT_ALIGN) || defined(EIGEN_DONT_ALIGN_STATICALLY)
#define MAMBA_EIGEN_ALIGN 0
#elif defined(EIGEN_MAX_ALIGN_BYTES)
#define MAMBA_EIGEN_ALIGN EIGEN_MAX_ALIGN_BYTES
#elif defined(EIGEN_DONT_VECTORIZE)
#define MAMBA_EIGEN_ALIGN 16
#elif defined(__AVX512F__)
#define MAMBA_EIGEN_ALIGN 64
#elif defined(__AVX__)
#define MAMBA_EIGEN_ALIGN 32
#else
#define MAMBA_EIGEN_ALIGN 16
#endif
#if MAMBA_EIGEN_ALIGN == 0
#define MAMBA_ABI_ALIGN align0
#elif MAMBA_EIGEN_ALIGN == 16
#define MAMBA_ABI_ALIGN align16
#elif MAMBA_EIGEN_ALIGN == 32
#define MAMBA_ABI_ALIGN align32
#elif MAMBA_EIGEN_ALIGN == 64
#define MAMBA_ABI_ALIGN align64
#else
#define MAMBA_ABI_ALIGN align_other
#endif

#if defined(_OPENMP)
#define MAMBA_ABI_THREADS openmp
#else
#define MAMBA_ABI_THREADS serial
#endif

// Where static tensors lie (tensor/storage.hpp) is layout, too. The bound becomes part of a name: a plain decimal
// literal, as in -DMAMBA_INLINE_BYTES=32768.
#if defined(MAMBA_INLINE_BYTES)
#define MAMBA_ABI_INLINE MAMBA_INLINE_BYTES
#else
#define MAMBA_ABI_INLINE 16384
#endif

#define MAMBA_ABI_JOIN_(major, minor, patch, isa, fma, vnni, f16c, contracts, align, threads, bytes) \
  v##major##_##minor##_##patch##_##isa##_##fma##_##vnni##_##f16c##_##contracts##_##align##_##threads##_##bytes
#define MAMBA_ABI_JOIN(major, minor, patch, isa, fma, vnni, f16c, contracts, align, threads, bytes) \
  MAMBA_ABI_JOIN_(major, minor, patch, isa, fma, vnni, f16c, contracts, align, threads, bytes)

/// The inline namespace of this translation unit, e.g. v0_1_0_avx2_fma_novnni_f16c_unchecked_align32_openmp_16384.
#define MAMBA_ABI                                                                                             \
  MAMBA_ABI_JOIN(MAMBA_VERSION_MAJOR, MAMBA_VERSION_MINOR, MAMBA_VERSION_PATCH, MAMBA_ABI_ISA, MAMBA_ABI_FMA, \
                 MAMBA_ABI_VNNI, MAMBA_ABI_F16C, MAMBA_ABI_CONTRACTS, MAMBA_ABI_ALIGN, MAMBA_ABI_THREADS,     \
                 MAMBA_ABI_INLINE)

#define MAMBA_ABI_QUOTE_(token) #token
#define MAMBA_ABI_QUOTE(token) MAMBA_ABI_QUOTE_(token)

namespace mamba::inline MAMBA_ABI::core {

/// The name of the inline namespace, for logs, benchmark headers and tests.
inline constexpr char const* abi_name = MAMBA_ABI_QUOTE(MAMBA_ABI);

}  // namespace mamba::inline MAMBA_ABI::core
