// SPDX-License-Identifier: MIT
// mamba/simd/portable_batch.hpp — a batch one lane wide, in plain C++, for machines without vectors.  [floor 1]
//
// It has the part of xsimd::batch that this library uses. Where MAMBA_SIMD_PORTABLE is 1 (see core/abi.hpp),
// simd::batch is this class and xsimd is not included. Products are rounded by themselves, so no multiply-add is ever
// formed of them, and a microcontroller, a RISC-V board and a PC compute the same bits.
#pragma once

#include <mamba/simd/scalar.hpp>

#include <cstddef>

namespace mamba::inline MAMBA_ABI::simd {

template <class T>
class portable_batch;

/// The result of a comparison between two batches of one lane.
template <class T>
class portable_batch_bool {
 public:
  using value_type = bool;
  static constexpr std::size_t size = 1;

  portable_batch_bool() = default;
  constexpr portable_batch_bool(bool value) noexcept : value_(value) {}

  [[nodiscard]] constexpr bool get(std::size_t) const noexcept { return value_; }

  friend constexpr portable_batch_bool operator!(portable_batch_bool a) noexcept { return !a.value_; }
  friend constexpr portable_batch_bool operator~(portable_batch_bool a) noexcept { return !a.value_; }
  friend constexpr portable_batch_bool operator&(portable_batch_bool a, portable_batch_bool b) noexcept {
    return a.value_ && b.value_;
  }
  friend constexpr portable_batch_bool operator|(portable_batch_bool a, portable_batch_bool b) noexcept {
    return a.value_ || b.value_;
  }
  friend constexpr portable_batch_bool operator^(portable_batch_bool a, portable_batch_bool b) noexcept {
    return a.value_ != b.value_;
  }
  friend constexpr portable_batch_bool operator&&(portable_batch_bool a, portable_batch_bool b) noexcept {
    return a & b;
  }
  friend constexpr portable_batch_bool operator||(portable_batch_bool a, portable_batch_bool b) noexcept {
    return a | b;
  }

 private:
  bool value_;
};

/// One number with the operators of a register of them.
///
/// Domain:  T is float, double, or an integer of 32 or 64 bits. Integers wrap, shifts by less than their width.
/// Error:   each operation is rounded once, by itself; no product is merged with a sum.
template <class T>
class portable_batch {
 public:
  using value_type = T;
  using register_type = T;
  using batch_bool_type = portable_batch_bool<T>;
  static constexpr std::size_t size = 1;

  portable_batch() = default;
  constexpr portable_batch(T value) noexcept : value_(value) {}

  [[nodiscard]] static portable_batch load_unaligned(T const* p) noexcept { return *p; }
  [[nodiscard]] static portable_batch load_aligned(T const* p) noexcept { return *p; }
  void store_unaligned(T* p) const noexcept { *p = value_; }
  void store_aligned(T* p) const noexcept { *p = value_; }
  [[nodiscard]] constexpr T get(std::size_t) const noexcept { return value_; }

  friend portable_batch operator-(portable_batch a) noexcept {
    if constexpr (number) return -a.value_;
    return wrapped(word{0} - bits(a));
  }
  friend portable_batch operator+(portable_batch a, portable_batch b) noexcept {
    if constexpr (number) return a.value_ + b.value_;
    return wrapped(bits(a) + bits(b));
  }
  friend portable_batch operator-(portable_batch a, portable_batch b) noexcept {
    if constexpr (number) return a.value_ - b.value_;
    return wrapped(bits(a) - bits(b));
  }
  friend portable_batch operator*(portable_batch a, portable_batch b) noexcept {
    if constexpr (number) return simd::mul_unfused(a.value_, b.value_);
    return wrapped(bits(a) * bits(b));
  }
  friend portable_batch operator/(portable_batch a, portable_batch b) noexcept { return a.value_ / b.value_; }

  friend portable_batch operator&(portable_batch a, portable_batch b) noexcept { return wrapped(bits(a) & bits(b)); }
  friend portable_batch operator|(portable_batch a, portable_batch b) noexcept { return wrapped(bits(a) | bits(b)); }
  friend portable_batch operator^(portable_batch a, portable_batch b) noexcept { return wrapped(bits(a) ^ bits(b)); }
  friend portable_batch operator~(portable_batch a) noexcept { return wrapped(~bits(a)); }
  friend portable_batch operator<<(portable_batch a, int by) noexcept { return wrapped(bits(a) << by); }
  friend portable_batch operator>>(portable_batch a, int by) noexcept { return static_cast<T>(a.value_ >> by); }

  portable_batch& operator+=(portable_batch b) noexcept { return *this = *this + b; }
  portable_batch& operator-=(portable_batch b) noexcept { return *this = *this - b; }
  portable_batch& operator*=(portable_batch b) noexcept { return *this = *this * b; }
  portable_batch& operator/=(portable_batch b) noexcept { return *this = *this / b; }

  friend batch_bool_type operator<(portable_batch a, portable_batch b) noexcept { return a.value_ < b.value_; }
  friend batch_bool_type operator<=(portable_batch a, portable_batch b) noexcept { return a.value_ <= b.value_; }
  friend batch_bool_type operator>(portable_batch a, portable_batch b) noexcept { return a.value_ > b.value_; }
  friend batch_bool_type operator>=(portable_batch a, portable_batch b) noexcept { return a.value_ >= b.value_; }
  friend batch_bool_type operator==(portable_batch a, portable_batch b) noexcept { return a.value_ == b.value_; }
  friend batch_bool_type operator!=(portable_batch a, portable_batch b) noexcept { return !(a.value_ == b.value_); }

 private:
  static constexpr bool number = std::is_floating_point_v<T>;
  using word = uint_of<T>;
  [[nodiscard]] static constexpr word bits(portable_batch a) noexcept { return std::bit_cast<word>(a.value_); }
  [[nodiscard]] static constexpr portable_batch wrapped(word w) noexcept { return std::bit_cast<T>(w); }

  T value_;
};

template <class T>
[[nodiscard]] inline portable_batch<T> fma(portable_batch<T> a, portable_batch<T> b, portable_batch<T> c) noexcept {
  return simd::fma(a.get(0), b.get(0), c.get(0));
}

template <class T>
[[nodiscard]] inline portable_batch<T> fms(portable_batch<T> a, portable_batch<T> b, portable_batch<T> c) noexcept {
  return simd::fms(a.get(0), b.get(0), c.get(0));
}

template <class T>
[[nodiscard]] inline portable_batch<T> fnma(portable_batch<T> a, portable_batch<T> b, portable_batch<T> c) noexcept {
  return simd::fnma(a.get(0), b.get(0), c.get(0));
}

template <class T>
[[nodiscard]] inline portable_batch<T> mul_unfused(portable_batch<T> a, portable_batch<T> b) noexcept {
  return a * b;
}

template <class T>
[[nodiscard]] inline portable_batch<T> select(portable_batch_bool<T> mask, portable_batch<T> a,
                                              portable_batch<T> b) noexcept {
  return mask.get(0) ? a : b;
}

/// max(x, low), where a NaN in x stays.
template <class T>
[[nodiscard]] inline portable_batch<T> maximum(portable_batch<T> x, portable_batch<T> low) noexcept {
  return simd::maximum(x.get(0), low.get(0));
}

/// min(x, high), where a NaN in x stays.
template <class T>
[[nodiscard]] inline portable_batch<T> minimum(portable_batch<T> x, portable_batch<T> high) noexcept {
  return simd::minimum(x.get(0), high.get(0));
}

template <class T>
[[nodiscard]] inline portable_batch<T> abs(portable_batch<T> x) noexcept {
  return simd::abs(x.get(0));
}

template <class T>
[[nodiscard]] inline portable_batch<T> sqrt(portable_batch<T> x) noexcept {
  return simd::sqrt(x.get(0));
}

/// The same bits read as another type of the same width.
template <class To, class From>
[[nodiscard]] inline portable_batch<To> bit_cast(portable_batch<From> x) noexcept {
  return std::bit_cast<To>(x.get(0));
}

/// v as an opaque value.
template <class T>
[[nodiscard]] inline portable_batch<T> kept(portable_batch<T> v) noexcept {
  return simd::kept(v.get(0));
}

/// Integers as floats, rounded to nearest.
[[nodiscard]] inline portable_batch<float> to_float(portable_batch<std::int32_t> v) noexcept {
  return static_cast<float>(v.get(0));
}

template <class T>
[[nodiscard]] constexpr bool any(portable_batch_bool<T> mask) noexcept {
  return mask.get(0);
}

}  // namespace mamba::inline MAMBA_ABI::simd
