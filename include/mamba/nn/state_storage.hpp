// SPDX-License-Identifier: MIT
// mamba/nn/state_storage.hpp — the numbers of a state as rows, independent of their layout.  [floor 5]
#pragma once

#include <mamba/core/contracts.hpp>

#include <cstddef>
#include <span>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::nn {

namespace detail {

/// The preconditions of set_row(i, values) and get_row(i, values).
template <class Rows>
constexpr void expect_row([[maybe_unused]] Rows const& of, [[maybe_unused]] std::size_t i,
                          [[maybe_unused]] std::size_t size) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(i < of.rows(), "set_row, get_row: no such row", i, of.rows());
  MAMBA_EXPECTS(size == of.row_size(), "set_row, get_row: a row has row_size() values", size, of.row_size());
}

}  // namespace detail

/// A two-dimensional part of a state, element by element, with the interface of parameters: rows(), row_size(),
/// get_row(i, values), and set_row(i, values) where the part may be written.
template <class Part>
class state_rows {
 public:
  using value_type = typename Part::value_type;
  explicit state_rows(Part& part) noexcept : part_(part) {}

  [[nodiscard]] std::size_t rows() const noexcept { return part_.extent(0); }
  [[nodiscard]] std::size_t row_size() const noexcept { return part_.extent(1); }
  void get_row(std::size_t i, std::span<value_type> values) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, i, values.size());
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = part_(i, k);
  }
  void set_row(std::size_t i, std::span<value_type const> values) const noexcept(!core::contracts_checked)
    requires(!std::is_const_v<Part>)
  {
    detail::expect_row(*this, i, values.size());
    for (std::size_t k = 0; k < values.size(); ++k) part_(i, k) = values[k];
  }

 private:
  Part& part_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
