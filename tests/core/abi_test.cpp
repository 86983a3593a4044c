// SPDX-License-Identifier: MIT
#include <mamba/core/abi.hpp>

#include <doctest/doctest.h>

#include <string>
#include <typeinfo>

namespace mamba::inline MAMBA_ABI {
struct abi_probe {};
}  // namespace mamba::inline MAMBA_ABI

namespace {

std::string const name = mamba::core::abi_name;

bool has_piece(std::string const& piece) { return ("_" + name + "_").find("_" + piece + "_") != std::string::npos; }

}  // namespace

TEST_CASE("abi: the name begins with the version") {
  std::string const version = "v" + std::to_string(MAMBA_VERSION_MAJOR) + "_" + std::to_string(MAMBA_VERSION_MINOR) +
                              "_" + std::to_string(MAMBA_VERSION_PATCH) + "_";
  CHECK(name.rfind(version, 0) == 0);
}

TEST_CASE("abi: the name has a piece for each thing that changes code or layout") {
#if MAMBA_SIMD_PORTABLE
  CHECK(has_piece("portable"));
#elif defined(__AVX512BW__)
  CHECK(has_piece("avx512bw"));
#elif defined(__AVX2__) && !defined(__AVX512F__)
  CHECK(has_piece("avx2"));
#elif defined(__x86_64__) && !defined(__SSE3__)
  CHECK(has_piece("sse2"));
#endif
#if MAMBA_SIMD_PORTABLE
  CHECK(has_piece("nofma"));
#elif defined(__FMA__)
  CHECK(has_piece("fma"));
#elif !defined(__FMA4__)
  CHECK(has_piece("nofma"));
#endif
#if !MAMBA_SIMD_PORTABLE && (defined(__AVX512VNNI__) || defined(__AVXVNNI__))
  CHECK(has_piece("vnni"));
#else
  CHECK(has_piece("novnni"));
#endif
#if !MAMBA_SIMD_PORTABLE && defined(__F16C__)
  CHECK(has_piece("f16c"));
#else
  CHECK(has_piece("nof16c"));
#endif
  CHECK(has_piece(MAMBA_CONTRACTS ? "checked" : "unchecked"));
  CHECK(has_piece("align" + std::to_string(MAMBA_EIGEN_ALIGN)));
#if defined(_OPENMP)
  CHECK(has_piece("openmp"));
#else
  CHECK(has_piece("serial"));
#endif
}

TEST_CASE("abi: the mangled name of a type carries it, and plain mamba:: finds the type") {
  CHECK(std::string(typeid(mamba::abi_probe).name()).find(name) != std::string::npos);
}
