// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/weights.hpp — checks, loads and saves a model's tensors, from and to any container.  [floor 7]
//
// The one header that walks over a model: names and shapes come from model::for_each_tensor, spelling from a name_table,
// bytes from a tensor_source.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/checkpoint/names.hpp>
#include <mamba/io/checkpoint/stored_blocks.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/safetensors/writer.hpp>
#include <mamba/io/tensors/rows.hpp>
#include <mamba/io/tensors/values.hpp>
#include <mamba/model/weights.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// What load_weights may be told.
struct load_options {
  bool allow_non_finite = false;  ///< NaN and infinite weights load, instead of being an error
};

/// What a model's tensors are checked and loaded with.
struct tensor_layout {
  name_table const* names;
  stored_blocks const* blocks;  ///< which matrices are in blocks
  std::string described_by;     ///< what states the shapes, for messages
};

namespace detail {

inline void check_shape(std::string const& source, stored_tensor const& found, std::span<std::size_t const> expected,
                        std::string const& by) {
  if (std::equal(found.shape.begin(), found.shape.end(), expected.begin(), expected.end())) return;
  core::fail(source + ": tensor " + in_quotes(found.name) + " has shape " + to_string(found.shape) + ", expected " +
             to_string(expected) + " by " + by);
}

inline void check_type(std::string const& source, stored_tensor const& found) {
  for (dtype const t : {dtype::f64, dtype::f32, dtype::f16, dtype::bf16}) {
    if (found.type == t) return;
  }
  core::fail(source + ": tensor " + in_quotes(found.name) + " has dtype " + std::string(name_of(found.type)) +
             ", expected F64, F32, F16 or BF16");
}

// A program that rewrites a file may drop its metadata, and nothing else says what the bytes mean.
inline void check_described(std::string const& source, stored_blocks const& said, stored_tensor const& found) {
  if (!said.empty() || found.type != dtype::u8 || found.shape.size() != 3) return;
  core::fail(source + ": tensor " + in_quotes(found.name) + " has U8 as matrices in blocks have it, but __metadata__ " +
             "has no " + metadata_key::weights);
}

// Everything that one tensor of the model must be: blocks where the format has them, numbers of the right shape else.
template <class Format, tensor_source Source>
void check_tensor(Source const& from, tensor_layout const& layout, stored_tensor const& found,
                  std::span<std::size_t const> shape) {
  if constexpr (block_format<Format>) {
    check_blocks<Format>(from, *layout.blocks, found, shape, layout.described_by);
  } else {
    auto const source = from.where();
    auto const& matrices = layout.blocks->matrices;
    if (auto const said = matrices.find(found.name); said != matrices.end()) {
      core::fail(source + ": __metadata__ describes " + in_quotes(found.name) + " as " + in_quotes(said->second) +
                 ", expected nothing of a tensor of numbers");
    }
    check_described(source, *layout.blocks, found);
    check_shape(source, found, shape, layout.described_by);
    check_type(source, found);
  }
}

// A tied head is the embedding. Some writers store it again; a head that differs would be silently ignored.
inline void check_stored_head(std::string const& source, stored_tensor const& head, stored_tensor const& embedding,
                              std::string const& by) {
  bool const same = head.type == embedding.type && head.shape == embedding.shape &&
                    std::equal(head.data.begin(), head.data.end(), embedding.data.begin(), embedding.data.end());
  if (!same) {
    core::fail(source + ": tensor " + in_quotes(head.name) + " differs from " + in_quotes(embedding.name) +
               ", expected none or an equal one, because " + by + " ties the head to the embedding");
  }
}

/// Checks that a container has the tensors of a model with weights of format W, and no others.
///
/// Throws:  mamba::error that names the file, the tensor, what was found and what was expected.
template <class W, tensor_source Source>
void check_tensors(Source const& from, tensor_layout const& layout, model::config const& sizes) {
  auto const source = from.where();
  std::set<std::string_view> expected;
  auto const check = [&](std::string const& library, std::span<std::size_t const> shape, auto& storage) {
    auto const name = name_in_file(*layout.names, library).name;
    stored_tensor const* const found = from.find(name);
    if (found == nullptr) {
      core::fail(source + ": tensor " + in_quotes(name) + " is missing, expected one of shape " + to_string(shape) +
                 " by " + layout.described_by + instead_of(from, name));
    }
    check_tensor<typename std::remove_cvref_t<decltype(storage)>::storage_format>(from, layout, *found, shape);
    expected.insert(found->name);
  };
  model::for_each_tensor(model::manifest<W>(sizes), check);
  for (auto const& [name, description] : layout.blocks->matrices) {
    if (expected.contains(name)) continue;
    core::fail(source + ": __metadata__ describes a matrix " + in_quotes(name) +
               ", which is not part of the model that " + layout.described_by + " describes");
  }
  auto const head = name_in_file(*layout.names, "lm_head.weight").name;
  auto const embedding = name_in_file(*layout.names, "backbone.embedding.weight").name;
  for (stored_tensor const& t : from.tensors()) {
    if (expected.contains(t.name)) continue;
    if (t.name == head) {
      check_stored_head(source, t, *from.find(embedding), layout.described_by);
      continue;
    }
    core::fail(source + ": tensor " + in_quotes(t.name) + " is not part of the model that " + layout.described_by +
               " describes");
  }
}

// Whether the storage takes the blocks of a tensor that is described as such.
template <tensor_source Source, class Storage>
bool take_blocks(Source const& from, tensor_layout const& layout, stored_tensor const& stored,
                 std::span<std::size_t const> shape, Storage& storage) {
  if constexpr (requires { typename Storage::block; }) {
    using format = typename Storage::storage_format;
    if (!layout.blocks->matrices.at(stored.name).starts_with(std::string(format_name<format>) + " ")) return false;
    check_blocks<format>(from, *layout.blocks, stored, shape, layout.described_by);
    use_blocks(stored, storage);
    return true;
  } else {
    return false;
  }
}

template <class Scalar, class Storage>
struct format_of {
  using type = Scalar;
};
template <class Scalar, class Storage>
requires requires { typename Storage::storage_format; }
struct format_of<Scalar, Storage> {
  using type = typename Storage::storage_format;
};

template <class W>
using arithmetic_of = std::conditional_t<std::same_as<nn::arithmetic<W>, double>, double, float>;

/// The weights that a container holds, which check_tensors has accepted.
template <class W, tensor_source Source>
[[nodiscard]] model::weights<model::any, W> load_tensors(Source const& from, tensor_layout const& layout,
                                                         model::config const& sizes, load_options const& options) {
  using scalar = arithmetic_of<W>;
  model::weights<model::any, W> out(sizes);
  auto const load = [&](std::string const& library, std::span<std::size_t const> shape, auto& storage) {
    auto const [name, values_are] = name_in_file(*layout.names, library);
    stored_tensor const& stored = *from.find(name);
    auto const& matrices = layout.blocks->matrices;
    if (auto const found = matrices.find(name); found != matrices.end()) {
      if (take_blocks(from, layout, stored, shape, storage)) return;
      core::fail(from.where() + ": tensor " + in_quotes(name) + " is stored as " + in_quotes(found->second) +
                 ", and cannot be loaded in another format");
    }
    check_tensor<float>(from, layout, stored, shape);
    using format = typename format_of<scalar, std::remove_cvref_t<decltype(storage)>>::type;
    value_check<format> check(options.allow_non_finite);
    std::size_t const size = storage.row_size();
    stored_as const how = values_are;
    for_each_row<scalar>(stored, 0, storage.rows(), [&](std::size_t row, std::span<scalar const> values) {
      check.row(row * size, values);
      if (how == stored_as::value) return storage.set_row(row, values);
      std::vector<scalar> converted(values.begin(), values.end());
      for (scalar& v : converted) v = library_value(how, v);
      storage.set_row(row, std::span<scalar const>(converted));
    });
    check.report(from.where(stored), stored);
  };
  model::for_each_tensor(out, load);
  return out;
}

template <class T>
inline constexpr dtype dtype_of = dtype::f32;
template <>
inline constexpr dtype dtype_of<double> = dtype::f64;
template <>
inline constexpr dtype dtype_of<float16> = dtype::f16;
template <>
inline constexpr dtype dtype_of<bfloat16> = dtype::bf16;

/// A tensor of a model as it is written, and what writes its data.
struct saved_tensor {
  stored_tensor info;
  std::function<void(safetensors::writer&)> write;
};

/// The tensors of some weights in the spelling of a table, and what the file says about matrices in blocks.
template <class Weights>
[[nodiscard]] std::vector<saved_tensor> saved_tensors(Weights const& weights, name_table const& names,
                                                      safetensors::metadata_map& metadata) {
  using scalar = typename Weights::scalar;
  std::vector<saved_tensor> out;
  auto const save = [&](std::string const& library, std::span<std::size_t const> shape, auto const& storage) {
    using storage_type = std::remove_cvref_t<decltype(storage)>;
    using format = typename format_of<scalar, storage_type>::type;
    auto const name = name_in_file(names, library).name;
    if constexpr (block_format<format>) {
      auto const blocks = blocks_shape<format>(shape);
      metadata[std::string(metadata_key::matrix) + name] = description_of<format>(shape);
      auto const data = std::as_bytes(std::span(storage.panel_data(0), storage.panels() * storage.blocks()));
      out.push_back(
          {{name, dtype::u8, {blocks.begin(), blocks.end()}}, [data](safetensors::writer& to) { to.append(data); }});
    } else {
      out.push_back({{name, dtype_of<format>, {shape.begin(), shape.end()}}, [&storage](safetensors::writer& to) {
                       std::vector<scalar> row(storage.row_size());
                       std::vector<format> stored(row.size());
                       for (std::size_t r = 0; r < storage.rows(); ++r) {
                         storage.get_row(r, std::span<scalar>(row));
                         std::transform(row.begin(), row.end(), stored.begin(), [](scalar v) { return format(v); });
                         to.append(std::as_bytes(std::span<format const>(stored)));
                       }
                     }});
    }
  };
  model::for_each_tensor(weights, save);
  std::stable_partition(out.begin(), out.end(), [](saved_tensor const& t) { return t.info.type == dtype::u8; });
  return out;
}

}  // namespace detail
}  // namespace mamba::inline MAMBA_ABI::io
