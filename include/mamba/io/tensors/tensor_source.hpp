// SPDX-License-Identifier: MIT
// mamba/io/tensors/tensor_source.hpp — the concept of a container of tensors.  [floor 7]
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/io/tensors/stored_tensor.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// A file, or several, with named tensors: safetensors::archive is one.
///
///     find(name)       stored_tensor const*: type, shape, bytes and what keeps the bytes; null where there is none
///     tensors()        all of them
///     metadata(key)    std::string const*: a text that the file carries, or null
///     where(tensor)    the name of the file that holds a tensor, and
///     where()          of the whole, for messages
template <class S>
concept tensor_source = requires(S const& source, std::string_view name, stored_tensor const& tensor) {
  { source.find(name) } -> std::same_as<stored_tensor const*>;
  { source.tensors() } -> std::convertible_to<std::vector<stored_tensor> const&>;
  { source.metadata(name) } -> std::same_as<std::string const*>;
  { source.where(tensor) } -> std::convertible_to<std::string>;
  { source.where() } -> std::convertible_to<std::string>;
};

}  // namespace mamba::inline MAMBA_ABI::io
