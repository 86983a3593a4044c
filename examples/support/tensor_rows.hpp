// SPDX-License-Identifier: MIT
// support/tensor_rows.hpp — a tensor's rows as numbers, on all threads.
#pragma once

#include <mamba/parallel/parallel_for.hpp>
#include <safetensors/safetensors.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace examples {

/// Calls f(i, values) for `count` rows of a tensor from row `first` on; i counts from 0. A row is shape[0]'s: the product
/// of the other extents long.
///
/// Domain:  a tensor of rank 1 or more whose type has values and which has these rows; f must not throw, and its rows
///          must not touch one another's results.
template <class T, class F>
void for_each_row(safetensors::tensor const& from, std::size_t first, std::size_t count, F&& f) {
  std::size_t const size = from.elements() / from.shape[0];
  auto const threads = static_cast<std::size_t>(mamba::parallel::thread_count());
  std::vector<T> room(threads * size);  // a row for each
  mamba::parallel::cost const cost{2.0 * static_cast<double>(count * size)};
  mamba::parallel::parallel_for(threads, cost, [&](std::size_t begin, std::size_t end) {
    for (std::size_t thread = begin; thread < end; ++thread) {
      auto const row = std::span(room).subspan(thread * size, size);
      for (std::size_t i = count * thread / threads; i < count * (thread + 1) / threads; ++i) {
        safetensors::read<T>(from, (first + i) * size, row);
        f(i, std::span<T const>(row));
      }
    }
  });
}

}  // namespace examples
