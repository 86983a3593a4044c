// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/stored_blocks.hpp — matrices in block formats inside a safetensors file.  [floor 7]
//
// Each matrix is a U8 tensor whose bytes are those of packed_matrix, so that a mapped file is read in place:
//
//     tensor NAME           U8 [panels, blocks of a row, bytes of a block]    kernels/quantization/quantized_matrix.hpp
//     __metadata__          mamba.version        1
//                           mamba.weights        q4                            the option --weights of quantize
//                           mamba.matrix.NAME    q4 [3072, 768]                format, rows and columns
//                           mamba.config         {"model_type": "mamba", …}    config.json, if there is none beside it
//
// All other tensors are numbers, and a file without matrices in blocks needs no metadata.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/safetensors/archive.hpp>
#include <mamba/kernels/quantization/quantized_matrix.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace mamba::inline MAMBA_ABI::io {

namespace metadata_key {

inline constexpr char const* version = "mamba.version";
inline constexpr char const* weights = "mamba.weights";
inline constexpr char const* config = "mamba.config";
inline constexpr char const* network = "mamba.network";  ///< save_network's (checkpoint/network.hpp)
inline constexpr std::string_view matrix = "mamba.matrix.";

}  // namespace metadata_key

/// The version of the description above, and of the blocks' layout.
inline constexpr std::string_view stored_blocks_version = "1";

/// The metadata of a checkpoint's files on matrices in blocks.
struct stored_blocks {
  std::string format;                  ///< q8, q4 or ternary; empty where all tensors are numbers
  safetensors::metadata_map matrices;  ///< tensor → "q4 [3072, 768]"

  [[nodiscard]] bool empty() const noexcept { return format.empty(); }
};

/// The description of a matrix of this shape.
template <block_format W>
[[nodiscard]] std::string description_of(std::span<std::size_t const> shape) {
  return std::string(format_name<W>) + " " + to_string(shape);
}

/// The shape of the U8 tensor that holds it: a row is shape[0]'s, the product of the other extents long.
template <block_format W>
[[nodiscard]] std::array<std::size_t, 3> blocks_shape(std::span<std::size_t const> shape) {
  using block = kernels::weight_block<W>;
  auto const pieces = [](std::size_t n, std::size_t size) { return n / size + (n % size != 0 ? 1 : 0); };
  std::size_t row_size = 1;
  for (std::size_t const extent : shape.subspan(1)) row_size = saturated_product(row_size, extent);
  return {pieces(shape[0], block::outputs), pieces(row_size, W::block_size), sizeof(block)};
}

namespace detail {

inline void read_description(safetensors::part const& from, stored_blocks& to) {
  auto const source = from.file->path().string();
  auto const said = [&](char const* key) {
    auto const found = from.metadata.find(key);
    return found == from.metadata.end() ? std::string() : found->second;
  };
  auto const fail = [&](char const* key, std::string const& expected) {
    core::fail(source + ": __metadata__ " +
               (from.metadata.contains(key)
                    ? "says that " + std::string(key) + " is " + in_quotes(said(key)) + ", expected "
                    : "has no " + std::string(key) + ", expected ") +
               expected);
  };
  bool described = from.metadata.contains(metadata_key::version) || from.metadata.contains(metadata_key::weights);
  for (auto const& [key, value] : from.metadata) {
    if (!key.starts_with(metadata_key::matrix)) continue;
    described = true;
    to.matrices.emplace(key.substr(metadata_key::matrix.size()), value);
  }
  if (!described) return;
  if (said(metadata_key::version) != stored_blocks_version) {
    fail(metadata_key::version, "'" + std::string(stored_blocks_version) + "', the only one that this version reads");
  }
  auto const format = said(metadata_key::weights);
  if (!has_format<block_formats>(format)) fail(metadata_key::weights, "q8, q4 or ternary");
  if (!to.format.empty() && to.format != format)
    fail(metadata_key::weights, to.format + " as the shards before have it");
  to.format = format;
}

}  // namespace detail

/// The metadata of all files of an archive.
///
/// Throws:  mamba::error for an unknown version or format, and for shards that differ.
[[nodiscard]] inline stored_blocks read_stored_blocks(safetensors::archive const& from) {
  stored_blocks out;
  for (safetensors::part const& part : from.parts()) detail::read_description(part, out);
  return out;
}

/// Checks a matrix in blocks against the expected shape. `by` names what expects it.
///
/// Throws:  mamba::error that names the file, the tensor, what was found and what was expected.
template <block_format W, tensor_source Source>
void check_blocks(Source const& from, stored_blocks const& said, stored_tensor const& found,
                  std::span<std::size_t const> shape, std::string const& by) {
  auto const fail = [&](std::string const& what) {
    core::fail(from.where(found) + ": tensor " + in_quotes(found.name) + " " + what);
  };
  auto const expected = description_of<W>(shape);
  auto const description = said.matrices.find(found.name);
  if (description == said.matrices.end()) {
    fail("is not described in __metadata__, expected " + std::string(metadata_key::matrix) + "… to be '" + expected +
         "'");
  } else if (description->second != expected) {
    fail("is described as " + in_quotes(description->second) + " in __metadata__, expected '" + expected + "' by " +
         by + " and " + metadata_key::weights + " " + said.format);
  }
  auto const blocks = blocks_shape<W>(shape);
  if (found.type != dtype::u8 || !std::ranges::equal(found.shape, blocks)) {
    fail("has " + std::string(name_of(found.type)) + " " + to_string(found.shape) + ", expected U8 " +
         to_string(blocks) + " for " + expected);
  }
}

/// Checks that the scales and offsets of a matrix in blocks are finite: another one would make its row NaN.
///
/// Domain:  a tensor that check_blocks has accepted, of a matrix with so many rows.
/// Determinism: the first wrong one is reported, whatever the number of threads.
/// Throws:  mamba::error that names the file, the tensor, and where the scale belongs.
template <block_format W, tensor_source Source>
void check_scales(Source const& from, stored_tensor const& stored, std::size_t rows) {
  using block = kernels::weight_block<W>;
  std::size_t const columns = stored.shape[1];  // of blocks
  std::size_t const count = stored.shape[0] * columns;
  std::atomic<std::size_t> first_wrong = count * block::outputs;
  auto const parameters_of = [&](std::size_t i) {
    decltype(block::parameters) parameters;
    std::memcpy(&parameters, stored.data.data() + i * sizeof(block) + offsetof(block, parameters), sizeof parameters);
    return std::bit_cast<std::array<bfloat16, sizeof parameters / sizeof(bfloat16)>>(parameters);
  };
  auto const finite = [](bfloat16 v) { return std::isfinite(static_cast<float>(v)); };
  parallel::parallel_for(count, parallel::cost::bytes(64 * count), [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      auto const parameters = parameters_of(i);
      if (std::all_of(parameters.begin(), parameters.end(), finite)) continue;
      for (std::size_t o = 0; o < parameters.size(); ++o) {
        std::size_t const output = o % block::outputs;
        if (finite(parameters[o]) || i / columns * block::outputs + output >= rows)
          continue;  // beyond the matrix: not read
        std::size_t known = first_wrong.load(std::memory_order_relaxed);
        std::size_t const at = i * block::outputs + output;
        while (at < known && !first_wrong.compare_exchange_weak(known, at, std::memory_order_relaxed)) {
        }
      }
    }
  });
  std::size_t const at = first_wrong.load(std::memory_order_relaxed);
  if (at == count * block::outputs) return;
  std::size_t const i = at / block::outputs, output = at % block::outputs;
  core::fail(from.where(stored) + ": tensor " + in_quotes(stored.name) +
             " has a scale that is NaN or infinite, in row " + std::to_string(i / columns * block::outputs + output) +
             " from column " + std::to_string(i % columns * W::block_size) + " on, expected finite ones");
}

/// Gives a matrix the blocks of a tensor: in place if 64-byte aligned, else as a copy.
///
/// Why:     the tensors of a file that another program has rewritten may have any alignment; those of quantize have it.
/// Domain:  a tensor that check_blocks has accepted.
template <block_format W, std::size_t Out, std::size_t In>
void use_blocks(stored_tensor const& stored, kernels::packed_matrix<W, Out, In>& to) {
  using block = kernels::weight_block<W>;
  std::size_t const count = to.panels() * to.blocks();
  std::byte const* const bytes = stored.data.data();
  if (reinterpret_cast<std::uintptr_t>(bytes) % storage_alignment == 0) {
    to.borrow({reinterpret_cast<block const*>(bytes), count}, stored.owner);
    return;
  }
  auto const copy = std::make_shared<heap_storage<block>>(count);
  auto const cost = parallel::cost::bytes(2 * stored.data.size());  // read and written
  parallel::parallel_for(count, cost, [&](std::size_t first, std::size_t last) {
    std::memcpy(static_cast<void*>(copy->data() + first), bytes + first * sizeof(block),
                (last - first) * sizeof(block));
  });
  to.borrow({copy->data(), count}, copy);
}

}  // namespace mamba::inline MAMBA_ABI::io
