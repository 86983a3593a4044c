// SPDX-License-Identifier: MIT
// mamba/io/tensors/dtype.hpp — element types, and their values as float or double.  [floor 7]
//
// Every type of the reference implementation is recognised, so that its tensors can be listed, checked and copied.
// Values come out of BOOL, the integers, F16, BF16, F32, F64 and the two common 8-bit floats.
#pragma once

#include <mamba/core/abi.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

static_assert(std::endian::native == std::endian::little,
              "safetensors: the format is little-endian, and so is this code");
static_assert(sizeof(std::size_t) == 8, "safetensors: sizes in the format have 64 bits");

/// In the reference's order: by alignment, which is also the order in which a writer lays tensors out (last first).
enum class dtype : std::uint8_t {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64
};

struct dtype_facts {
  std::string_view name;  ///< as the header spells it
  std::size_t bits;       ///< of one element
};

inline constexpr std::array<dtype_facts, 22> dtypes{{
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
}};

[[nodiscard]] constexpr std::string_view name_of(dtype t) noexcept { return dtypes[static_cast<std::size_t>(t)].name; }
[[nodiscard]] constexpr std::size_t bits_of(dtype t) noexcept { return dtypes[static_cast<std::size_t>(t)].bits; }
static_assert(name_of(dtype::boolean) == "BOOL" && name_of(dtype::f8_e8m0) == "F8_E8M0" &&
              name_of(dtype::u64) == "U64");

[[nodiscard]] constexpr std::optional<dtype> dtype_named(std::string_view name) noexcept {
  for (std::size_t i = 0; i < dtypes.size(); ++i) {
    if (dtypes[i].name == name) return static_cast<dtype>(i);
  }
  return std::nullopt;
}

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. Exact; a NaN keeps its payload.
///
/// Why:     without branches, so that compilers take several at a time: 2¹¹² moves the exponent to float's, and makes
///          normal numbers of subnormal ones.
[[nodiscard]] constexpr float half_to_float(std::uint16_t h) noexcept {
  std::uint32_t const sign = (h & 0x8000U) << 16U;
  std::uint32_t const shifted = (h & 0x7fffU) << 13U;
  std::uint32_t const number = std::bit_cast<std::uint32_t>(std::bit_cast<float>(shifted) * 0x1p112F);
  bool const is_number = shifted < (31U << 23U);  // else infinity or NaN
  return std::bit_cast<float>(sign | (is_number ? number : shifted | 0x7f800000U));
}

/// bfloat16: the upper half of a float. Exact.
[[nodiscard]] constexpr float brain_to_float(std::uint16_t b) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16U);
}

/// F8_E4M3 (the FN variant: no infinities, S.1111.111 is NaN). Exact.
[[nodiscard]] constexpr float e4m3_to_float(std::uint8_t v) noexcept {
  std::uint32_t const sign = (v & 0x80U) << 24U;
  std::uint32_t const exponent = (v >> 3U) & 15U;
  std::uint32_t const fraction = v & 7U;
  if ((v & 0x7fU) == 0x7fU) return std::bit_cast<float>(sign | 0x7fc00000U);
  if (exponent == 0) {
    float const magnitude = static_cast<float>(fraction) * 0x1p-9F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 120U) << 23U) | (fraction << 20U));
}

namespace detail {

// memcpy, because nothing in the format aligns an element to its own size.
template <class Stored, class T, class F>
void widen_each(std::byte const* from, std::span<T> to, F value) noexcept {
  for (std::size_t i = 0; i < to.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, from + i * sizeof(Stored), sizeof(Stored));
    to[i] = static_cast<T>(value(stored));
  }
}

}  // namespace detail

/// The next to.size() elements at `from`, as T (float or double), rounded to nearest where T has fewer digits.
/// Returns false, and does nothing, for types without a conversion here.
template <class T>
[[nodiscard]] bool convert(dtype type, std::byte const* from, std::span<T> to) noexcept {
  auto const same = [](auto v) { return v; };
  switch (type) {
    case dtype::f64:
      detail::widen_each<double>(from, to, same);
      return true;
    case dtype::f32:
      detail::widen_each<float>(from, to, same);
      return true;
    case dtype::f16:
      detail::widen_each<std::uint16_t>(from, to, half_to_float);
      return true;
    case dtype::bf16:
      detail::widen_each<std::uint16_t>(from, to, brain_to_float);
      return true;
    case dtype::f8_e4m3:
      detail::widen_each<std::uint8_t>(from, to, e4m3_to_float);
      return true;
    case dtype::f8_e5m2:  // the upper half of a binary16
      detail::widen_each<std::uint8_t>(
          from, to, [](std::uint8_t v) { return half_to_float(static_cast<std::uint16_t>(v << 8U)); });
      return true;
    case dtype::boolean:
      detail::widen_each<std::uint8_t>(from, to, [](std::uint8_t v) { return v != 0 ? 1 : 0; });
      return true;
    case dtype::i8:
      detail::widen_each<std::int8_t>(from, to, same);
      return true;
    case dtype::u8:
      detail::widen_each<std::uint8_t>(from, to, same);
      return true;
    case dtype::i16:
      detail::widen_each<std::int16_t>(from, to, same);
      return true;
    case dtype::u16:
      detail::widen_each<std::uint16_t>(from, to, same);
      return true;
    case dtype::i32:
      detail::widen_each<std::int32_t>(from, to, same);
      return true;
    case dtype::u32:
      detail::widen_each<std::uint32_t>(from, to, same);
      return true;
    case dtype::i64:
      detail::widen_each<std::int64_t>(from, to, same);
      return true;
    case dtype::u64:
      detail::widen_each<std::uint64_t>(from, to, same);
      return true;
    default:
      return false;
  }
}

}  // namespace mamba::inline MAMBA_ABI::io
