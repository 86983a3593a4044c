// SPDX-License-Identifier: MIT
// A safetensors file of any bytes is read or refused by mamba::error; nothing else may happen.
#include <mamba/io/safetensors/header.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = std::as_bytes(std::span(data, size));
  try {
    auto const found = mamba::io::safetensors::parse(bytes, "fuzz");
    std::size_t covered = 0;
    for (auto const& t : found.tensors) {
      // What the checks promise: the tensors fill the data without overlap, and their size is that of their bytes.
      if (t.elements() * mamba::io::bits_of(t.type) != t.data.size() * 8) std::abort();
      covered += t.data.size();
      std::vector<float> values(std::min<std::size_t>(t.elements(), 1000));
      if (!mamba::io::convert<float>(t.type, t.data.data(), std::span<float>(values))) continue;
      mamba::io::read_values<float>(t, t.elements() - values.size(), values);
    }
    if (covered > size) std::abort();
  } catch (mamba::error const&) {
  }
  return 0;
}
