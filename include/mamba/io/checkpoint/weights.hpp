// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/weights.hpp — checks, loads and saves a network's tensors, from and to any container.  [floor 7]
//
// The one header that walks over a network: names, shapes and formats come from model::for_each_tensor, spelling from a
// name_table, bytes from a tensor_source. A Mamba language model is one network among others here.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/checkpoint/names.hpp>
#include <mamba/io/checkpoint/stored_blocks.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/safetensors/writer.hpp>
#include <mamba/io/tensors/rows.hpp>
#include <mamba/io/tensors/values.hpp>
#include <mamba/model/network.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// Options of load_weights and load_network.
struct load_options {
  bool allow_non_finite = false;  ///< NaN and infinite weights load, instead of being an error
};

/// How a network's tensors are stored in a file.
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

// A program that rewrites a file may drop its metadata, without which the bytes have no format.
inline void check_described(std::string const& source, stored_blocks const& said, stored_tensor const& found) {
  if (!said.empty() || found.type != dtype::u8 || found.shape.size() != 3) return;
  core::fail(source + ": tensor " + in_quotes(found.name) + " has U8 as matrices in blocks have it, but __metadata__ " +
             "has no " + metadata_key::weights);
}

/// Checks one tensor: blocks where the file and the format have them, else numbers of the right shape.
template <class Format, tensor_source Source>
void check_tensor(Source const& from, tensor_layout const& layout, stored_tensor const& found,
                  std::span<std::size_t const> shape) {
  auto const described = layout.blocks->matrices.find(found.name);
  bool const in_blocks = described != layout.blocks->matrices.end();
  if constexpr (block_format<Format>) {
    if (in_blocks || (found.type == dtype::u8 && !layout.blocks->empty()))
      return check_blocks<Format>(from, *layout.blocks, found, shape, layout.described_by);
  }
  auto const source = from.where();
  if (in_blocks) {
    core::fail(source + ": __metadata__ describes " + in_quotes(found.name) + " as " + in_quotes(described->second) +
               ", expected nothing of a tensor of numbers");
  }
  check_described(source, *layout.blocks, found);
  check_shape(source, found, shape, layout.described_by);
  check_type(source, found);
}

/// A tensor that a file holds twice, such as a tied head: a copy that differs would be ignored silently.
inline void check_copy(std::string const& source, stored_tensor const& copy, stored_tensor const& original,
                       std::string const& by) {
  bool const same = copy.type == original.type && copy.shape == original.shape &&
                    std::equal(copy.data.begin(), copy.data.end(), original.data.begin(), original.data.end());
  if (!same) {
    core::fail(source + ": tensor " + in_quotes(copy.name) + " differs from " + in_quotes(original.name) +
               ", expected none or an equal one, because " + by + " ties the head to the embedding");
  }
}

template <class T, class Storage>
struct format_of {
  using type = T;
};
template <class T, class Storage>
  requires requires { typename std::remove_cvref_t<Storage>::storage_format; }
struct format_of<T, Storage> {
  using type = typename std::remove_cvref_t<Storage>::storage_format;
};

/// The shapes and formats of a network's tensors, without numbers.
template <class Network>
using shapes_of = typename Network::template with_storage<nn::meta>;

/// Checks that a container has the tensors of a network, and no others.
///
/// Throws:  mamba::error that names the file, the tensor, what was found and what was expected.
template <class Shapes, tensor_source Source>
void check_tensors(Source const& from, tensor_layout const& layout, Shapes const& shapes) {
  using scalar = typename Shapes::scalar;
  auto const source = from.where();
  std::set<std::string_view> expected;
  auto const check = [&](std::string const& library, std::span<std::size_t const> shape, auto& storage) {
    auto const name = name_in_file(*layout.names, library).name;
    stored_tensor const* const found = from.find(name);
    if (found == nullptr) {
      core::fail(source + ": tensor " + in_quotes(name) + " is missing, expected one of shape " + to_string(shape) +
                 " by " + layout.described_by + instead_of(from, name));
    }
    check_tensor<typename format_of<scalar, decltype(storage)>::type>(from, layout, *found, shape);
    expected.insert(found->name);
  };
  model::for_each_tensor(shapes, check);
  for (auto const& [name, description] : layout.blocks->matrices) {
    if (expected.contains(name)) continue;
    core::fail(source + ": __metadata__ describes a matrix " + in_quotes(name) +
               ", which is not part of the model that " + layout.described_by + " describes");
  }
  auto const is_copy = [&](stored_tensor const& t) {
    for (tensor_copy const& c : layout.names->copies) {
      auto const original = name_in_file(*layout.names, c.original).name;
      if (t.name != name_in_file(*layout.names, c.copy).name || !expected.contains(original)) continue;
      check_copy(source, t, *from.find(original), layout.described_by);
      return true;
    }
    return false;
  };
  for (stored_tensor const& t : from.tensors()) {
    if (expected.contains(t.name) || is_copy(t)) continue;
    core::fail(source + ": tensor " + in_quotes(t.name) + " is not part of the model that " + layout.described_by +
               " describes");
  }
}

/// Checks that a network has the file's format for each matrix that is in blocks: blocks are not converted.
///
/// Throws:  mamba::error that names the file, the tensor and how it is stored.
template <class Shapes, tensor_source Source>
void check_formats(Source const& from, tensor_layout const& layout, Shapes const& shapes) {
  using scalar = typename Shapes::scalar;
  auto const check = [&](std::string const& library, std::span<std::size_t const>, auto& storage) {
    auto const name = name_in_file(*layout.names, library).name;
    auto const found = layout.blocks->matrices.find(name);
    if (found == layout.blocks->matrices.end()) return;
    using format = typename format_of<scalar, decltype(storage)>::type;
    if constexpr (block_format<format>) {
      if (found->second.starts_with(std::string(format_name<format>) + " ")) return;
    }
    core::fail(from.where() + ": tensor " + in_quotes(name) + " is stored as " + in_quotes(found->second) +
               ", and cannot be loaded in another format");
  };
  if (!layout.blocks->empty()) model::for_each_tensor(shapes, check);
}

/// One tensor of numbers, row by row on all threads, each number checked.
template <class T, tensor_source Source, class Storage>
void load_numbers(Source const& from, stored_tensor const& stored, stored_as how, load_options const& options,
                  Storage& storage) {
  value_check<typename format_of<T, Storage>::type> check(options.allow_non_finite);
  std::size_t const size = storage.row_size();
  if (storage.rows() == 0 || size == 0) return;
  for_each_row<T>(stored, 0, storage.rows(), [&](std::size_t row, std::span<T const> values) {
    check.row(row * size, values);
    if (how == stored_as::value) return storage.set_row(row, values);
    std::vector<T> converted(values.begin(), values.end());
    for (T& v : converted) v = library_value(how, v);
    storage.set_row(row, std::span<T const>(converted));
  });
  check.report(from.where(stored), stored);
}

/// Fills a network from a container that check_tensors and check_formats have accepted for it.
template <class Network, tensor_source Source>
void load_tensors(Source const& from, tensor_layout const& layout, Network& to, load_options const& options) {
  using scalar = typename Network::scalar;
  auto const load = [&](std::string const& library, std::span<std::size_t const>, auto& storage) {
    auto const [name, values_are] = name_in_file(*layout.names, library);
    stored_tensor const& stored = *from.find(name);
    if constexpr (block_format<typename format_of<scalar, decltype(storage)>::type>) {
      if (layout.blocks->matrices.contains(name)) {
        using format = typename format_of<scalar, decltype(storage)>::type;
        if (!options.allow_non_finite) check_scales<format>(from, stored, storage.rows());
        return use_blocks(stored, storage);
      }
    }
    load_numbers<scalar>(from, stored, values_are, options, storage);
  };
  model::for_each_tensor(to, load);
}

template <class T>
inline constexpr dtype dtype_of = dtype::f32;
template <>
inline constexpr dtype dtype_of<double> = dtype::f64;
template <>
inline constexpr dtype dtype_of<float16> = dtype::f16;
template <>
inline constexpr dtype dtype_of<bfloat16> = dtype::bf16;

/// A tensor of a network as it is written, and what writes its data.
struct saved_tensor {
  stored_tensor info;
  std::function<void(safetensors::writer&)> write;
};

/// The tensors of a network as a file has them, matrices in blocks first, and the file's metadata.
struct saved_network {
  std::vector<saved_tensor> tensors;
  safetensors::metadata_map metadata;
};

/// A network with the names of a table. It must outlive the result.
template <class Network>
[[nodiscard]] saved_network saved_tensors(Network const& network, name_table const& names) {
  using scalar = typename Network::scalar;
  saved_network out;
  std::size_t fewest_bits = static_cast<std::size_t>(-1);
  auto const save = [&](std::string const& library, std::span<std::size_t const> shape, auto const& storage) {
    using format = typename format_of<scalar, decltype(storage)>::type;
    auto const [name, values_are] = name_in_file(names, library);
    if (values_are != stored_as::value)
      core::fail("tensor " + in_quotes(name) + " of " + std::string(names.name) + " files cannot be written here");
    if constexpr (block_format<format>) {
      auto const blocks = blocks_shape<format>(shape);
      out.metadata[std::string(metadata_key::matrix) + name] = description_of<format>(shape);
      if (format::bits < fewest_bits) {
        fewest_bits = format::bits;
        out.metadata[metadata_key::weights] = format_name<format>;
      }
      auto const data = std::as_bytes(std::span(storage.panel_data(0), storage.panels() * storage.blocks()));
      out.tensors.push_back(
          {{name, dtype::u8, {blocks.begin(), blocks.end()}}, [data](safetensors::writer& to) { to.append(data); }});
    } else {
      auto const write = [&storage](safetensors::writer& to) {
        std::vector<scalar> row(storage.row_size());
        std::vector<format> stored(row.size());
        for (std::size_t r = 0; r < storage.rows(); ++r) {
          storage.get_row(r, std::span<scalar>(row));
          std::transform(row.begin(), row.end(), stored.begin(), [](scalar v) { return format(v); });
          to.append(std::as_bytes(std::span<format const>(stored)));
        }
      };
      out.tensors.push_back({{name, dtype_of<format>, {shape.begin(), shape.end()}}, write});
    }
  };
  model::for_each_tensor(network, save);
  auto& all = out.tensors;
  std::stable_partition(all.begin(), all.end(), [](saved_tensor const& t) { return t.info.type == dtype::u8; });
  if (out.metadata.empty()) {
    out.metadata["format"] = "pt";
  } else {
    out.metadata[metadata_key::version] = stored_blocks_version;
  }
  return out;
}

/// A complete file; finish() gives it its name.
[[nodiscard]] inline std::unique_ptr<safetensors::writer> write_tensors(std::filesystem::path const& file,
                                                                        saved_network const& from) {
  std::vector<stored_tensor> infos;
  for (saved_tensor const& t : from.tensors) infos.push_back(t.info);
  bool const blocks = !infos.empty() && infos.front().type == dtype::u8;  // on cache lines, to be read in place
  auto const order = blocks ? safetensors::order::as_given : safetensors::order::by_alignment;
  auto out = std::make_unique<safetensors::writer>(file, infos, from.metadata, order);
  for (std::size_t const i : out->sequence()) from.tensors[i].write(*out);
  return out;
}

}  // namespace detail
}  // namespace mamba::inline MAMBA_ABI::io
