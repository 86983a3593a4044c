// SPDX-License-Identifier: MIT
// mamba/io/tensors/rows.hpp — a tensor's rows as numbers, on all threads.  [floor 7]
#pragma once

#include <mamba/io/safetensors/archive.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// Calls f(i, values) for `count` rows of a tensor from row `first` on; i counts from 0. A row is shape[0]'s: the
/// product of the other extents long.
///
/// Domain:  a tensor of rank 1 or more whose type has values and which has these rows; f must not throw, and its rows
///          must not touch one another's results.
template <class T, class F>
void for_each_row(stored_tensor const& from, std::size_t first, std::size_t count, F&& f) {
  std::size_t const size = from.elements() / from.shape[0];
  auto const threads = static_cast<std::size_t>(parallel::thread_count());
  std::vector<T> buffers(threads * size);  // a row for each
  auto const cost = parallel::cost::scalar_operations(2 * count * size);
  parallel::parallel_for(threads, cost, [&](std::size_t begin, std::size_t end) {
    for (std::size_t thread = begin; thread < end; ++thread) {
      auto const row = std::span(buffers).subspan(thread * size, size);
      for (std::size_t i = count * thread / threads; i < count * (thread + 1) / threads; ++i) {
        read_values<T>(from, (first + i) * size, row);
        f(i, std::span<T const>(row));
      }
    }
  });
}

}  // namespace mamba::inline MAMBA_ABI::io
