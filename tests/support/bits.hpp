// SPDX-License-Identifier: MIT
// tests/support/bits.hpp — equality of bits, for what promises the same bits and not merely the same values.
#pragma once

#include <mamba/tensor/view.hpp>

#include <cstddef>
#include <cstring>
#include <span>

namespace test {

/// True if two runs of plain numbers have the same length and the same bytes: −0 is not 0, and a NaN is itself.
template <class A, class B>
[[nodiscard]] bool same_bits(A const& a, B const& b) {
  auto const x = std::as_bytes(std::span(std::data(a), std::size(a)));
  auto const y = std::as_bytes(std::span(std::data(b), std::size(b)));
  return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size()) == 0);
}

/// The same of two matrices, row by row, whatever their pitch.
template <class T, class U>
[[nodiscard]] bool same_rows(mamba::matrix_view<T> a, mamba::matrix_view<U> b) {
  if (a.extent(0) != b.extent(0) || a.extent(1) != b.extent(1)) return false;
  for (std::size_t i = 0; i < a.extent(0); ++i) {
    if (!same_bits(a.row(i), b.row(i))) return false;
  }
  return true;
}

}  // namespace test
