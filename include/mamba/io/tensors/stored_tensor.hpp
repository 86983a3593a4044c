// SPDX-License-Identifier: MIT
// mamba/io/tensors/stored_tensor.hpp — a named array as a file stores it: type, shape and bytes.  [floor 7]
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/tensors/dtype.hpp>
#include <mamba/io/text/printable.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// a·b, or nothing when it does not fit.
[[nodiscard]] constexpr std::optional<std::size_t> checked_product(std::size_t a, std::size_t b) noexcept {
  if (b != 0 && a > static_cast<std::size_t>(-1) / b) return std::nullopt;
  return a * b;
}

/// The number of elements of a shape (1 for rank 0), or nothing when it does not fit.
[[nodiscard]] constexpr std::optional<std::size_t> element_count(std::span<std::size_t const> shape) noexcept {
  std::optional<std::size_t> count = 1;
  for (std::size_t const extent : shape) {
    count = checked_product(*count, extent);
    if (!count) break;
  }
  return count;
}

/// A shape as text: [3, 4]. A long one is shortened, for error messages.
[[nodiscard]] inline std::string to_string(std::span<std::size_t const> shape) {
  constexpr std::size_t longest = 16;
  std::string out = "[";
  for (std::size_t const extent : shape.first(std::min(shape.size(), longest))) {
    out += (out.size() > 1 ? ", " : "") + std::to_string(extent);
  }
  return out + (shape.size() > longest ? ", …]" : "]");
}

/// A named array whose bytes are owned elsewhere: by an opened archive, or by the caller of a writer.
struct stored_tensor {
  std::string name;
  dtype type = dtype::f32;
  std::vector<std::size_t> shape;          ///< row-major; empty for a single number
  std::span<std::byte const> data = {};    ///< little-endian, not necessarily aligned
  std::shared_ptr<void const> owner = {};  ///< keeps the data where they are; none where the caller does

  /// Domain:  a checked shape, as every tensor of an archive has it.
  [[nodiscard]] std::size_t elements() const noexcept { return element_count(shape).value_or(0); }
};

/// Elements first, first + 1, … of a tensor, as float or double.
///
/// Throws:  mamba::error when the type has no values here, or the tensor ends before `out` does.
template <class T>
void read_values(stored_tensor const& from, std::size_t first, std::span<T> out) {
  std::size_t const size = from.elements();
  if (first > size || out.size() > size - first) {
    core::fail("tensor " + in_quotes(from.name) + " has " + std::to_string(size) + " elements, expected at least " +
               std::to_string(first) + " + " + std::to_string(out.size()));
  }
  if (!convert(from.type, from.data.data() + first * bits_of(from.type) / 8, out)) {
    core::fail("tensor " + in_quotes(from.name) + " has dtype " + std::string(name_of(from.type)) +
               ", whose values cannot be read as numbers here");
  }
}

}  // namespace mamba::inline MAMBA_ABI::io
