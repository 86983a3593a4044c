// SPDX-License-Identifier: MIT
// The small loader reads any bytes, or refuses them by std::runtime_error; nothing else may happen.
#include <safetensors/loader.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  try {
    auto const file = small::parse({reinterpret_cast<char const*>(data), size});
    std::size_t covered = 0;
    for (auto const& entry : file.tensors) {
      auto const& t = entry.second;
      covered += t.end - t.begin;
      if (small::numbers(file, t).size() * small::size_of(t.dtype) != t.end - t.begin) std::abort();
    }
    if (covered != file.data.size()) std::abort();
  } catch (std::runtime_error const&) {
    return 0;
  }
  return 0;
}
