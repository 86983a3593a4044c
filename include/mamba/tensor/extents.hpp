// SPDX-License-Identifier: MIT
// mamba/tensor/extents.hpp — static and dynamic sizes in one type.  [floor 1]
//
//     extents<768, dynamic>      768 rows, columns given to the constructor
//
// The vocabulary of this floor (dynamic, extents, view, tensor) is in namespace mamba itself.
#pragma once

#include <mamba/core/contracts.hpp>

#include <array>
#include <cstddef>
#include <limits>

namespace mamba::inline MAMBA_ABI {

/// An extent that is known at run time only.
inline constexpr std::size_t dynamic = std::numeric_limits<std::size_t>::max();

/// An extent that is known at compile time.
template <std::size_t E>
concept static_extent = (E != dynamic);

/// One value for each of Rank axes.
template <std::size_t Rank, class... Value>
concept one_per_axis = (Rank > 0 && sizeof...(Value) == Rank);

/// a·b where both are known to the compiler, dynamic otherwise.
[[nodiscard]] constexpr std::size_t static_product(std::size_t a, std::size_t b) noexcept {
  return a == dynamic || b == dynamic ? dynamic : a * b;
}

/// a+b where both are known to the compiler, dynamic otherwise.
[[nodiscard]] constexpr std::size_t static_sum(std::size_t a, std::size_t b) noexcept {
  return a == dynamic || b == dynamic ? dynamic : a + b;
}

/// a·b, saturated to SIZE_MAX on overflow, so that an allocation of that size fails cleanly.
[[nodiscard]] constexpr std::size_t saturated_product(std::size_t a, std::size_t b) noexcept {
  std::size_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::size_t>::max() : product;
}

/// a+b, saturated to SIZE_MAX on overflow.
[[nodiscard]] constexpr std::size_t saturated_sum(std::size_t a, std::size_t b) noexcept {
  std::size_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::size_t>::max() : sum;
}

/// The shape of a tensor or a view: rank sizeof...(E), each extent static or dynamic.
///
/// Why:     one type for both means that every layer is written once, and that a static and a dynamic model run the
///          same instructions on the same values (the partition contract covers both).
template <std::size_t... E>
class extents {
 public:
  static constexpr std::size_t rank = sizeof...(E);
  static constexpr std::array<std::size_t, rank> declared{E...};
  /// True if every extent is static.
  static constexpr bool all_static = ((E != dynamic) && ...);

  /// The static extents, and zero for each dynamic one.
  constexpr extents() noexcept {
    for (std::size_t i = 0; i < rank; ++i) values_[i] = declared[i] == dynamic ? 0 : declared[i];
  }

  /// All extents by value; a static one must be given its own value.
  ///
  /// Throws:  contract_violation where contracts are checked.
  template <class... Size>
    requires one_per_axis<rank, Size...>
  constexpr explicit extents(Size... sizes) noexcept(!core::contracts_checked)
      : values_{static_cast<std::size_t>(sizes)...} {
    for (std::size_t i = 0; i < rank; ++i) {
      MAMBA_EXPECTS(declared[i] == dynamic || declared[i] == values_[i],
                    "extents: a static extent must be given its own value", values_[i], declared[i]);
    }
  }

  /// The size along one axis; a constant where the axis is static.
  [[nodiscard]] constexpr std::size_t extent(std::size_t axis) const noexcept { return values_[axis]; }

  template <std::size_t Axis>
  [[nodiscard]] constexpr std::size_t get() const noexcept {
    if constexpr (declared[Axis] != dynamic) {
      return declared[Axis];
    } else {
      return values_[Axis];
    }
  }

  /// How many elements: the product of the extents (1 for rank 0), saturated.
  [[nodiscard]] constexpr std::size_t size() const noexcept {
    std::size_t product = 1;
    for (std::size_t const value : values_) product = saturated_product(product, value);
    return product;
  }

  [[nodiscard]] constexpr std::array<std::size_t, rank> const& values() const noexcept { return values_; }

  friend constexpr bool operator==(extents const&, extents const&) noexcept = default;

 private:
  std::array<std::size_t, rank> values_{};
};

}  // namespace mamba::inline MAMBA_ABI
