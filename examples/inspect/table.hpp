// SPDX-License-Identifier: MIT
// inspect/table.hpp — the contents of an archive as a table.
#pragma once

#include <mamba/io/safetensors/archive.hpp>

#include <algorithm>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>

namespace examples {

/// 3125560 as 3,125,560.
[[nodiscard]] inline std::string grouped(std::size_t number) {
  std::string out = std::to_string(number);
  for (std::size_t end = out.size(); end > 3; end -= 3) out.insert(end - 3, ",");
  return out;
}

/// A text of several lines on one: a line break and the blanks around it become one blank.
[[nodiscard]] inline std::string on_one_line(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t const end = std::min(text.find_first_not_of(blanks, at), text.size());
    auto const gap = text.substr(at, end - at);
    bool const breaks = gap.find('\n') != gap.npos;
    bool const inside = !out.empty() && end < text.size();
    out += breaks ? std::string_view(inside ? " " : "") : gap;
    at = std::min(text.find_first_of(blanks, end), text.size());
    out += text.substr(end, at - end);
  }
  return out;
}

/// Prints each file with its metadata, then name · dtype · shape · bytes of every tensor in the order of the data, then
/// the totals.
inline void print_table(std::ostream& out, mamba::io::safetensors::archive const& from) {
  constexpr std::size_t widest_name = 72;  // a longer name pushes its own row, not all of them
  auto const pad = [](std::string_view text, std::size_t width) {
    // Bytes that continue a UTF-8 sequence take no column.
    auto const used = std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; });
    auto const columns = static_cast<std::size_t>(used);
    return std::string(columns < width ? width - columns : 0, ' ');
  };
  for (mamba::io::safetensors::part const& p : from.parts()) {
    out << p.file->path().string() << " · " << grouped(p.file->bytes().size()) << " bytes\n";
    for (auto const& [key, value] : p.metadata)
      out << "  " << mamba::io::printable(key) << ": " << mamba::io::printable(on_one_line(value)) << '\n';
  }

  std::size_t name_width = 4, type_width = 5, shape_width = 5, bytes_width = 5;
  std::size_t elements = 0, bytes = 0;
  for (mamba::io::stored_tensor const& t : from.tensors()) {
    elements += t.elements();
    bytes += t.data.size();
    name_width = std::max(name_width, std::min(t.name.size(), widest_name));
    type_width = std::max(type_width, mamba::io::name_of(t.type).size());
    shape_width = std::max(shape_width, mamba::io::to_string(t.shape).size());
    bytes_width = std::max(bytes_width, grouped(t.data.size()).size());
  }
  auto const row = [&](std::string const& name, std::string_view type, std::string const& shape,
                       std::string const& size) {
    out << name << pad(name, name_width) << "  " << type << pad(type, type_width) << "  " << shape
        << pad(shape, shape_width) << "  " << pad(size, bytes_width) << size << '\n';
  };
  out << '\n';
  row("name", "dtype", "shape", "bytes");
  for (mamba::io::stored_tensor const& t : from.tensors()) {
    row(mamba::io::printable(t.name), mamba::io::name_of(t.type), mamba::io::to_string(t.shape),
        grouped(t.data.size()));
  }
  out << "\ntotal: " << grouped(from.tensors().size()) << " tensors, " << grouped(elements) << " elements, "
      << grouped(bytes) << " bytes\n";
}

}  // namespace examples
