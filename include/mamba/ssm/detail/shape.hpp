// SPDX-License-Identifier: MIT
// mamba/ssm/detail/shape.hpp — the contract of a matrix's shape, from extent(axis).  [floor 3]
#pragma once

#include <mamba/core/contracts.hpp>

#include <cstddef>
#include <string>

namespace mamba::inline MAMBA_ABI::ssm::detail {

/// rows × columns, as a message has it.
[[nodiscard]] inline std::string printed_shape(std::size_t rows, std::size_t columns) {
  return std::to_string(rows) + " x " + std::to_string(columns);
}

/// The caller's duty: m has this shape.
template <class M>
void expect_shape([[maybe_unused]] M const& m, [[maybe_unused]] std::size_t rows, [[maybe_unused]] std::size_t columns,
                  [[maybe_unused]] char const* sentence) {
  MAMBA_EXPECTS(m.extent(0) == rows && m.extent(1) == columns, sentence, printed_shape(m.extent(0), m.extent(1)),
                printed_shape(rows, columns));
}

}  // namespace mamba::inline MAMBA_ABI::ssm::detail
