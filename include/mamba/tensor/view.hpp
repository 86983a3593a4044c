// SPDX-License-Identifier: MIT
// mamba/tensor/view.hpp — a non-owning row-major array.  [floor 1]
#pragma once

#include <mamba/core/contracts.hpp>
#include <mamba/tensor/extents.hpp>

#include <concepts>
#include <iterator>
#include <span>
#include <type_traits>

namespace mamba::inline MAMBA_ABI {

namespace detail {

/// U may become T by qualification only, as in an array.
template <class U, class T>
concept elements_convert = std::convertible_to<U (*)[], T (*)[]>;

template <class From, class To>
[[nodiscard]] constexpr bool shapes_agree() noexcept {
  if constexpr (From::rank == To::rank) {
    for (std::size_t axis = 0; axis < To::rank; ++axis) {
      std::size_t const from = From::declared[axis], to = To::declared[axis];
      if (from != to && from != dynamic && to != dynamic) return false;
    }
    return true;
  } else {
    return false;
  }
}

/// Of one rank, and no axis has two different static extents.
template <class From, class To>
concept shape_converts = shapes_agree<From, To>();

template <class Range>
concept has_begin = requires(Range& r) { std::begin(r); };

/// std::vector, std::array, std::span: for views with one axis.
template <class Range, class T, std::size_t Rank>
concept row_of = (Rank == 1 && has_begin<Range> && std::convertible_to<Range&&, std::span<T>>);

}  // namespace detail

/// A non-owning row-major array: a pointer, a shape, and the distance between rows.
///
///     v(i, j, k) = data[i·pitch + j·extent(2) + k]
///
/// Why:     layers exchange time-major sequences [L, D] only, and a slice of channels is a view without a copy.
/// Shapes:  rank 1 or more. Everything within one row (one index of axis 0) is contiguous; rows may lie apart, so that
///          a block of columns of a matrix is a view too.
template <class T, std::size_t... E>
class view {
 public:
  using value_type = std::remove_cv_t<T>;
  using extents_type = extents<E...>;
  static constexpr std::size_t rank = sizeof...(E);
  static_assert(rank > 0, "view: a view has at least one axis");

  constexpr view() noexcept = default;

  /// Contiguous numbers with the given shape; one size for every axis.
  template <std::convertible_to<std::size_t>... Size>
    requires one_per_axis<rank, Size...>
  constexpr view(T* data, Size... sizes) noexcept(!core::contracts_checked)
      : view(data, extents_type(static_cast<std::size_t>(sizes)...)) {}

  constexpr view(T* data, extents_type shape) noexcept : view(data, shape, row_size(shape)) {}

  /// The same with rows `pitch` elements apart.
  constexpr view(T* data, extents_type shape, std::size_t pitch) noexcept : data_(data), shape_(shape), pitch_(pitch) {}

  /// Static extents become dynamic ones and T becomes T const where the target has them so.
  template <class U, std::size_t... F>
    requires detail::elements_convert<U, T> && detail::shape_converts<extents<F...>, extents<E...>>
  constexpr view(view<U, F...> const& other) noexcept(!core::contracts_checked)
      : data_(other.data()), shape_(converted(other.shape().values())), pitch_(other.pitch()) {}

  /// From what converts to a span: std::vector, std::array, std::span.
  // NOLINTBEGIN(bugprone-forwarding-reference-overload): constrained, a view is copied as before
  template <detail::row_of<T, rank> Range>
  constexpr view(Range&& numbers) noexcept(!core::contracts_checked)
      : view(std::span<T>(numbers).data(), std::span<T>(numbers).size()) {}
  // NOLINTEND(bugprone-forwarding-reference-overload)

  [[nodiscard]] constexpr T* data() const noexcept { return data_; }
  [[nodiscard]] constexpr extents_type const& shape() const noexcept { return shape_; }
  [[nodiscard]] constexpr std::size_t extent(std::size_t axis) const noexcept { return shape_.extent(axis); }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return shape_.size(); }
  [[nodiscard]] constexpr bool empty() const noexcept { return size() == 0; }
  /// Elements from one row to the next.
  [[nodiscard]] constexpr std::size_t pitch() const noexcept { return pitch_; }

  template <std::convertible_to<std::size_t>... Index>
    requires one_per_axis<rank, Index...>
  [[nodiscard]] constexpr T& operator()(Index... index) const noexcept {
    std::size_t const at[] = {static_cast<std::size_t>(index)...};
    std::size_t within = 0;
    for (std::size_t axis = 1; axis < rank; ++axis) within = within * shape_.extent(axis) + at[axis];
    return data_[at[0] * pitch_ + within];
  }

  /// One index of axis 0 and everything behind it: row i of a matrix, contiguous.
  [[nodiscard]] constexpr std::span<T> row(std::size_t i) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(i < extent(0), "view: no such row", i, extent(0));
    return {data_ + i * pitch_, row_size(shape_)};
  }

  /// Rows first … first+count−1.
  [[nodiscard]] constexpr auto rows(std::size_t first, std::size_t count) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(first <= extent(0) && count <= extent(0) - first, "view: rows beyond the last", count, extent(0));
    return sliced(data_ + first * pitch_, count, std::make_index_sequence<rank - 1>{});
  }

  /// Columns first … first+count−1 of a matrix, as a view with this one's pitch.
  [[nodiscard]] constexpr view<T, extents_type::declared[0], dynamic> columns(std::size_t first,
                                                                              std::size_t count) const
      noexcept(!core::contracts_checked)
    requires(rank == 2)
  {
    MAMBA_EXPECTS(first <= extent(1) && count <= extent(1) - first, "view: columns beyond the last", count, extent(1));
    using sub = view<T, extents_type::declared[0], dynamic>;
    return sub(data_ == nullptr ? nullptr : data_ + first, typename sub::extents_type(extent(0), count), pitch_);
  }

 private:
  static constexpr std::size_t row_size(extents_type const& shape) noexcept {
    std::size_t product = 1;
    for (std::size_t axis = 1; axis < rank; ++axis) product *= shape.extent(axis);
    return product;
  }

  template <std::size_t N>
  static constexpr extents_type converted(std::array<std::size_t, N> const& sizes) noexcept(!core::contracts_checked) {
    auto const unroll_i = [&]<std::size_t... I>(std::index_sequence<I...>) { return extents_type(sizes[I]...); };
    return unroll_i(std::make_index_sequence<N>{});
  }

  template <std::size_t... I>
  constexpr auto sliced(T* data, std::size_t count, std::index_sequence<I...>) const noexcept {
    using sub = view<T, dynamic, extents_type::declared[I + 1]...>;
    return sub(data, typename sub::extents_type(count, shape_.extent(I + 1)...), pitch_);
  }

  T* data_ = nullptr;
  extents_type shape_{};
  std::size_t pitch_ = row_size(extents_type{});
};

/// A matrix of any size, the type that most layers take.
template <class T>
using matrix_view = view<T, dynamic, dynamic>;

}  // namespace mamba::inline MAMBA_ABI
