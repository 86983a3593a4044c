// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/detail/pool_writer.hpp — the pools of a model in constant storage, as C++ source.  [floor 7]
#pragma once

#include <mamba/io/formats.hpp>
#include <mamba/kernels/gemm/blocking.hpp>
#include <mamba/nn/constant_pools.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io::detail {

/// A text with each key replaced by its value.
[[nodiscard]] inline std::string filled(std::string text,
                                        std::initializer_list<std::pair<std::string_view, std::string>> values) {
  for (auto const& [key, value] : values) {
    for (std::size_t at = text.find(key); at != text.npos; at = text.find(key, at + value.size())) {
      text.replace(at, key.size(), value);
    }
  }
  return text;
}

/// One pool of a header: 64-bit words, little-endian, as text.
class pool_text {
 public:
  pool_text(std::string type, std::string name, std::size_t element) noexcept
      : type_(std::move(type)), name_(std::move(name)), element_(element) {}

  [[nodiscard]] std::string const& name() const noexcept { return name_; }
  [[nodiscard]] std::size_t bytes() const noexcept { return 8 * words_; }

  /// A parameter from a cache line on, and zeros up to the next.
  void add(std::string const& comment, std::span<std::byte const> bytes) {
    text_ += "    // " + comment;
    for (std::size_t at = 0; at < bytes.size() || words_ % 8 != 0; at += 8, ++words_) {
      std::uint64_t word = 0;
      if (at < bytes.size()) std::memcpy(&word, bytes.data() + at, std::min<std::size_t>(8, bytes.size() - at));
      char digits[24];
      std::snprintf(digits, sizeof digits, "0x%llx,", static_cast<unsigned long long>(word));
      (text_ += words_ % 8 == 0 ? "\n    " : " ") += digits;
    }
    text_ += '\n';
  }

  /// Its definition.
  [[nodiscard]] std::string definition() const {
    return filled(
        "alignas(64) inline constexpr auto {name} = std::bit_cast<std::array<{type}, {elements}>>(\n"
        "    std::array<std::uint64_t, {words}>{\n{text}});\n\n",
        {{"{name}", name_},
         {"{type}", type_},
         {"{elements}", std::to_string(bytes() / element_)},
         {"{words}", std::to_string(words_)},
         {"{text}", text_}});
  }

 private:
  std::string type_, name_, text_;
  std::size_t element_, words_ = 0;
};

/// The pools of packed parameters, with the layout of a target that has so many lanes.
class pool_writer {
 public:
  explicit pool_writer(std::size_t lanes) noexcept : lanes_(lanes) {}

  template <class Storage>
  void operator()(std::string const& name, std::span<std::size_t const> shape, Storage const& parameter) {
    using format = typename Storage::storage_format;
    std::string comment = name + " [";
    for (std::size_t const extent : shape) comment += (comment.back() == '[' ? "" : ", ") + std::to_string(extent);
    comment += ']';
    if constexpr (block_format<format>) {
      auto const& blocks = parameter.storage();
      pool_of<format>().add(comment, std::as_bytes(std::span(blocks.data(), blocks.size())));
    } else {
      std::vector<format> const numbers = laid_out(parameter);
      pool_of<format>().add(comment, std::as_bytes(std::span(numbers)));
    }
  }

  /// The C++ name of a format.
  template <class Format>
  [[nodiscard]] static std::string type_name() {
    if constexpr (std::is_floating_point_v<Format>) return sizeof(Format) == 4 ? "float" : "double";
    if constexpr (std::is_same_v<Format, float16>) return "mamba::float16";
    if constexpr (std::is_same_v<Format, bfloat16>) return "mamba::bfloat16";
    return "mamba::" + std::string(format_name<Format>);
  }

  [[nodiscard]] std::vector<pool_text> const& pools() const noexcept { return pools_; }

 private:
  template <class Format>
  pool_text& pool_of() {
    std::string const name = std::string(format_name<Format>) + (block_format<Format> ? "_blocks" : "_numbers");
    for (pool_text& pool : pools_) {
      if (pool.name() == name) return pool;
    }
    if constexpr (block_format<Format>) {
      return pools_.emplace_back("mamba::kernels::weight_block<" + type_name<Format>() + ">", name,
                                 sizeof(kernels::weight_block<Format>));
    } else {
      return pools_.emplace_back(type_name<Format>(), name, sizeof(Format));
    }
  }

  // rows [count, size] of `from(row, column)` as [⌈count / side⌉][size][side]
  template <class T, class From>
  static std::vector<T> side_by_side(std::size_t count, std::size_t size, std::size_t side, From const& from) {
    std::vector<T> out((count + side - 1) / side * size * side);
    for (std::size_t row = 0; row < count; ++row) {
      for (std::size_t k = 0; k < size; ++k) out[(row / side * size + k) * side + row % side] = from(row, k);
    }
    return out;
  }

  template <class Storage, class T = typename Storage::storage_format>
  std::vector<T> laid_out(Storage const& p) const {
    if constexpr (requires { p.panel_data(0); }) {
      using scalar = typename Storage::scalar;
      std::vector<scalar> rows(p.rows() * p.row_size());
      for (std::size_t r = 0; r < p.rows(); ++r) p.get_row(r, std::span(rows).subspan(r * p.row_size(), p.row_size()));
      return side_by_side<T>(p.rows(), p.row_size(), kernels::blocking::nr_vectors * lanes_of<scalar>(),
                             [&](std::size_t r, std::size_t k) { return T(rows[r * p.row_size() + k]); });
    } else if constexpr (requires { p.a(); }) {
      return side_by_side<T>(p.rows(), p.row_size(), lanes_of<T>(),
                             [&](std::size_t d, std::size_t n) { return p.a()(d, n); });
    } else if constexpr (requires { p.for_each_plane([](auto const&) {}); }) {
      std::vector<T> all;
      p.for_each_plane([&](auto const& plane) {
        auto const numbers = side_by_side<T>(plane.channels(), plane.depth(), lanes_of<T>(),
                                             [&](std::size_t d, std::size_t n) { return plane(d, n); });
        all.insert(all.end(), numbers.begin(), numbers.end());
      });
      return all;
    } else if constexpr (requires { p.taps(); }) {
      return {p.taps().data(), p.taps().data() + p.rows() * p.row_size()};
    } else {
      return {p.span().begin(), p.span().end()};
    }
  }

  template <class T>
  [[nodiscard]] std::size_t lanes_of() const noexcept {
    return std::max<std::size_t>(1, lanes_ * sizeof(float) / sizeof(T));
  }

  std::size_t lanes_;
  std::vector<pool_text> pools_;
};

}  // namespace mamba::inline MAMBA_ABI::io::detail
