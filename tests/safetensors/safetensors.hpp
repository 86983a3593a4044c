// SPDX-License-Identifier: MIT
// tests/safetensors/safetensors.hpp — golden files by the short names that tests of ssm/ use.
#pragma once

#include <mamba/io/safetensors/archive.hpp>

namespace safetensors {

using namespace mamba::io::safetensors;
using mamba::io::dtype;
using tensor = mamba::io::stored_tensor;

template <class T>
void read(tensor const& from, std::size_t first, std::span<T> out) {
  mamba::io::read_values(from, first, out);
}

}  // namespace safetensors
