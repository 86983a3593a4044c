// SPDX-License-Identifier: MIT
// mamba/nn/state_storage.hpp — the numbers of a state as rows, whatever layout they are kept in.  [floor 5]
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::nn {

/// A two-dimensional part of a state, element by element, with the interface of parameters: rows(), row_size(),
/// get_row(i, values), and set_row(i, values) where the part may be written.
template <class Part>
class state_rows {
 public:
  using value_type = typename Part::value_type;
  explicit state_rows(Part& part) noexcept : part_(part) {}

  [[nodiscard]] std::size_t rows() const noexcept { return part_.extent(0); }
  [[nodiscard]] std::size_t row_size() const noexcept { return part_.extent(1); }
  void get_row(std::size_t i, std::span<value_type> values) const noexcept {
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = part_(i, k);
  }
  void set_row(std::size_t i, std::span<value_type const> values) const noexcept requires(!std::is_const_v<Part>) {
    for (std::size_t k = 0; k < values.size(); ++k) part_(i, k) = values[k];
  }

 private:
  Part& part_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
