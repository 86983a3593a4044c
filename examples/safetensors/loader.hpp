// SPDX-License-Identifier: MIT
// safetensors/loader.hpp — the safetensors format in one header of the standard library, written to be read.
//
//     8 bytes          n, the length of the header, little-endian
//     n bytes          JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …}
//     what remains     the data: tensor after tensor, row-major, little-endian; offsets count from here
//
//     auto const file = small::load("model.safetensors");
//     std::vector<double> const values = small::numbers(file, file.tensors.at("lm_head.weight"));
//
// A file is untrusted input, so nothing in it is used before it is checked: every length against what is there,
// every product for overflow; and the tensors must cover the data without hole or overlap.
#pragma once

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace small {

struct tensor {
  std::string dtype;                 // F64, F32, F16 or BF16
  std::vector<std::uint64_t> shape;  // empty: a single number
  std::uint64_t begin = 0, end = 0;  // in the data
};

struct contents {
  std::map<std::string, tensor> tensors;
  std::string data;
};
[[noreturn]] inline void fail(std::string const& what) { throw std::runtime_error("safetensors: " + what); }

inline std::uint64_t size_of(std::string const& dtype) {
  if (dtype == "F64") return 8;
  if (dtype == "F32") return 4;
  if (dtype == "F16" || dtype == "BF16") return 2;
  fail("dtype \"" + dtype.substr(0, 20) + "\" is not read here, expected F64, F32, F16 or BF16");
}

class header_reader {
 public:
  explicit header_reader(std::string_view text) : text_(text) {}
  std::map<std::string, tensor> read() {
    std::map<std::string, tensor> tensors;
    for_each_member([&](std::string const& name) {
      if (name == "__metadata__") {
        for_each_member([&](std::string const&) { string(); });
      } else {
        tensors.emplace(name, entry());
      }
    });
    if (!rest().empty()) fail("there is text behind the object of the header");
    return tensors;
  }

 private:
  tensor entry() {
    tensor t;
    std::vector<std::uint64_t> offsets;
    std::size_t members = 0;
    for_each_member([&](std::string const& key) {
      ++members;
      if (key == "dtype") return void(t.dtype = string());
      if (key != "shape" && key != "data_offsets") fail("a tensor has a member \"" + key + "\"");
      (key == "shape" ? t.shape : offsets) = integers();
    });
    if (members != 3 || offsets.size() != 2) fail("a tensor has not one dtype, one shape and two data_offsets");
    t.begin = offsets[0];
    t.end = offsets[1];
    return t;
  }

  template <class F>
  void for_each_member(F f) {  // {"key": value, …}, each key once; f reads the value
    std::set<std::string> seen;
    expect('{');
    if (take('}')) return;
    do {
      std::string const key = string();
      if (!seen.insert(key).second) fail("\"" + key + "\" comes twice");
      expect(':');
      f(key);
    } while (take(','));
    expect('}');
  }

  std::vector<std::uint64_t> integers() {
    std::vector<std::uint64_t> out;
    expect('[');
    if (take(']')) return out;
    do {
      std::string_view const text = rest();
      std::size_t const digits = std::min(text.find_first_not_of("0123456789"), text.size());
      if (digits == 0 || (digits > 1 && text[0] == '0')) fail("expected a whole number");
      auto const result = std::from_chars(text.data(), text.data() + digits, out.emplace_back());
      if (result.ec != std::errc()) fail("a number does not fit 64 bits");
      at_ += digits;
    } while (take(','));
    expect(']');
    return out;
  }

  std::string string() {  // of the escapes only \" and \\, which are all that writers of tensor names use
    expect('"');
    std::string out;
    for (; at_ < text_.size() && text_[at_] != '"'; out += text_[at_++]) {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) fail("a control character in a string");
      if (text_[at_] != '\\') continue;
      if (++at_ == text_.size() || (text_[at_] != '"' && text_[at_] != '\\')) fail("an escape that is not read here");
    }
    expect('"');
    return out;
  }

  std::string_view rest() {  // from the next character that is no white space
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    return text_.substr(at_);
  }
  bool take(char c) {
    bool const is_next = rest().starts_with(c);
    at_ += is_next ? 1 : 0;
    return is_next;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("the header is not as expected: no '") + c + "' at its byte " + std::to_string(at_));
  }
  std::string_view text_;
  std::size_t at_ = 0;
};

inline contents parse(std::string_view bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < 8) fail("the file has fewer than 8 bytes");
  for (std::size_t i = 8; i-- > 0;) length = (length << 8U) | static_cast<unsigned char>(bytes[i]);
  if (length > 100'000'000 || length > bytes.size() - 8) fail("the header claims more bytes than there are");

  contents out{header_reader(bytes.substr(8, length)).read(), std::string(bytes.substr(8 + length))};
  std::map<std::pair<std::uint64_t, std::uint64_t>, int> ranges;  // sorted by where they begin; empty ones may coincide
  for (auto const& [name, t] : out.tensors) {
    std::uint64_t size = size_of(t.dtype);
    for (std::uint64_t const extent : t.shape) {
      if (extent != 0 && size > UINT64_MAX / extent) fail("the size of \"" + name + "\" overflows");
      size *= extent;
    }
    if (t.end < t.begin || t.end - t.begin != size) fail("\"" + name + "\" has another size than its shape says");
    if (++ranges[{t.begin, t.end}] > 1 && size != 0) fail("\"" + name + "\" shares its bytes with another tensor");
  }
  std::uint64_t covered = 0;
  for (auto const& [range, count] : ranges) {
    if (range.first != covered) fail("the tensors leave a hole in the data, or overlap");
    covered = range.second;
  }
  if (covered != out.data.size()) fail("the tensors do not end where the data end");
  return out;
}

inline contents load(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path + " cannot be opened");
  return parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

inline double half(std::uint32_t h) {  // 1 sign, 5 exponent and 10 fraction bits
  auto const exponent = static_cast<int>((h >> 10U) & 31U);
  auto const fraction = static_cast<double>(h & 1023U);
  double const magnitude = exponent == 0    ? std::ldexp(fraction, -24)
                           : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                            : std::ldexp(1024 + fraction, exponent - 25);
  return (h & 0x8000U) != 0 ? -magnitude : magnitude;
}

inline std::vector<double> numbers(contents const& file, tensor const& t) {
  std::uint64_t const size = size_of(t.dtype);
  std::vector<double> out;
  for (std::uint64_t at = t.begin; at < t.end; at += size) {
    std::uint64_t bits = 0;
    for (std::uint64_t i = size; i-- > 0;) bits = (bits << 8U) | static_cast<unsigned char>(file.data[at + i]);
    auto const low = static_cast<std::uint32_t>(bits);
    out.push_back(t.dtype == "F64"    ? std::bit_cast<double>(bits)
                  : t.dtype == "F32"  ? static_cast<double>(std::bit_cast<float>(low))
                  : t.dtype == "BF16" ? static_cast<double>(std::bit_cast<float>(low << 16U))
                                      : half(low));
  }
  return out;
}

}  // namespace small
