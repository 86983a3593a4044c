// SPDX-License-Identifier: MIT
// A tokenizer.json of any bytes is read or refused by mamba::error, and one that is read takes any text.
#include <mamba/io/tokenizer/tokenizer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const bytes = std::as_bytes(std::span(data, size));
  try {
    auto const words = mamba::io::tokenizer::parse(bytes, "fuzz");
    std::string_view const text{reinterpret_cast<char const*>(data), std::min<std::size_t>(size, 1000)};
    auto const ids = words.encode(text);
    for (auto const id : ids) {
      if (id < 0 || static_cast<std::size_t>(id) >= words.size()) std::abort();
    }
    // What comes in pieces is what comes at once.
    mamba::io::stream_decoder decoder(words);
    std::string streamed;
    for (auto const id : ids) streamed += decoder.push(id);
    streamed += decoder.finish();
    if (streamed != words.decode(ids)) std::abort();
    // Ids that are no tokens count as nothing.
    mamba::model::token const none[] = {-1, static_cast<mamba::model::token>(words.size())};
    if (!words.decode(none).empty()) std::abort();
  } catch (mamba::error const&) {
  }
  return 0;
}
