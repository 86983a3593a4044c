// SPDX-License-Identifier: MIT
// tests/support/parameters.hpp — random numbers into a layer's parameters, and what is in them out again.
#pragma once

#include <mamba/nn/parameter.hpp>
#include <support/random.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace test {

/// Every row of a storage, uniform in [low, high). T is the arithmetic type of the storage.
template <class T, class Storage>
void fill_rows(Storage& storage, random& rng, double low, double high) {
  std::vector<T> row(storage.row_size());
  for (std::size_t i = 0; i < storage.rows(); ++i) {
    rng.fill(std::span(row), low, high);
    storage.set_row(i, std::span<T const>(row));
  }
}

/// All rows of a storage, one after the other.
template <class T, class Storage>
[[nodiscard]] std::vector<T> rows_of(Storage const& storage) {
  std::vector<T> all(storage.rows() * storage.row_size());
  for (std::size_t i = 0; i < storage.rows(); ++i) {
    storage.get_row(i, std::span<T>(all).subspan(i * storage.row_size(), storage.row_size()));
  }
  return all;
}

}  // namespace test
