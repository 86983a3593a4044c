// SPDX-License-Identifier: MIT
// A config.json of any bytes is read or refused by mamba::error; nothing else may happen.
#include <mamba/io/checkpoint/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  try {
    auto const c = mamba::io::parse_config({reinterpret_cast<char const*>(data), size}, "fuzz");
    // What the checks promise: every size can be computed with, and padding is less than its multiple.
    for (std::size_t const n : {c.d_model, c.n_layer, c.vocab_size, c.d_state, c.d_conv, c.expand, c.rank()}) {
      if (n < 1 || n > mamba::io::largest_extent) std::abort();
    }
    if (c.d_inner() / c.expand != c.d_model) std::abort();
    if (c.padded_vocab() < c.vocab_size || c.padded_vocab() - c.vocab_size >= c.pad_vocab_size_multiple) std::abort();
    if (!(c.norm_epsilon > 0)) std::abort();
  } catch (mamba::error const&) {
  }
  return 0;
}
