// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/constant_header.hpp — a model as a C++ header, with its weights in flash.  [floor 7]
//
//     std::string const text = io::constant_header(io::load_weights<q8>(from), {.name = "net", .lanes = 1});
//
//     #include "net.hpp"                                              // in the program of the target
//     mamba::model::state<net::sizes> state;
//     mamba::model::static_workspace<net::weights_type> workspace;
//     mamba::model::step(net::weights, next, state, workspace, logits);
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/core/version.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/constant_pools.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
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

namespace mamba::inline MAMBA_ABI::io {

/// What a header of constants is called and written for.
struct constant_header_options {
  std::string name;                        ///< the namespace of its constants
  std::size_t lanes = simd::lanes<float>;  ///< floats in a register of the target: 1 without vectors, 4, 8, 16
  std::string source;                      ///< where the weights come from, for its first line
};

/// How every header of constants begins.
inline constexpr std::string_view constant_header_start = "// Constants written by mamba";

/// Whether a header of constants can have that namespace: a C++ name, or several joined by ::.
[[nodiscard]] inline bool is_namespace(std::string_view name) noexcept {
  auto const letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  bool begins = true;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (letter(name[i]) || (!begins && name[i] >= '0' && name[i] <= '9')) {
      begins = false;
    } else if (!begins && name.substr(i, 2) == "::") {
      begins = true;
      ++i;
    } else {
      return false;
    }
  }
  return !begins && name != "mamba" && name != "std";
}

namespace detail {

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

[[nodiscard]] inline std::string config_text(model::config const& c) {
  auto const flag = [](bool b) { return std::string(b ? "true" : "false"); };
  char epsilon[40];
  *std::to_chars(epsilon, epsilon + sizeof epsilon - 1, c.norm_epsilon).ptr = '\0';
  return filled(
      "inline constexpr mamba::model::config sizes{.d_model = {d_model},\n"
      "                                            .n_layer = {n_layer},\n"
      "                                            .vocab_size = {vocab},\n"
      "                                            .d_state = {d_state},\n"
      "                                            .d_conv = {d_conv},\n"
      "                                            .expand = {expand},\n"
      "                                            .dt_rank = {rank},\n"
      "                                            .pad_vocab_size_multiple = {multiple},\n"
      "                                            .tie_embeddings = {tied},\n"
      "                                            .bias = {bias},\n"
      "                                            .conv_bias = {conv_bias},\n"
      "                                            .norm_epsilon = {epsilon}};\n\n",
      {{"{d_model}", std::to_string(c.d_model)},
       {"{n_layer}", std::to_string(c.n_layer)},
       {"{vocab}", std::to_string(c.vocab_size)},
       {"{d_state}", std::to_string(c.d_state)},
       {"{d_conv}", std::to_string(c.d_conv)},
       {"{expand}", std::to_string(c.expand)},
       {"{rank}", std::to_string(c.dt_rank)},
       {"{multiple}", std::to_string(c.pad_vocab_size_multiple)},
       {"{tied}", flag(c.tie_embeddings)},
       {"{bias}", flag(c.bias)},
       {"{conv_bias}", flag(c.conv_bias)},
       {"{epsilon}", epsilon}});
}

inline constexpr char const* constant_header_text =
    R"text(#pragma once

#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/constant_pools.hpp>

#include <array>
#include <bit>
#include <cstdint>

namespace {name} {

static_assert(mamba::nn::constant_layout == {layout}, "{name}: written for another version of mamba; write it again");
static_assert(mamba::simd::lanes<{scalar}> == {lanes} && mamba::kernels::packed_matrix<{scalar}>::panel == {panel},
              "{name}: written for {floats} float(s) in a register of the target; write it again (quantize --lanes)");
static_assert(std::endian::native == std::endian::little, "{name}: its words are little-endian");

{declarations}{pools}/// The model: it reads its numbers above, where they lie.
inline constexpr weights_type weights = mamba::nn::borrowed<weights_type>(mamba::nn::constant_pools({names}));

}  // namespace {name}
)text";

}  // namespace detail

/// A network as C++ source: its parameters in pools (nn/constant_pools.hpp), and a constant `weights` that reads them
/// there. `declarations` is source that comes first and names the network's type in constant storage weights_type.
///
/// Why:     the panels of f32, f16 and bf16 and the layout of A depend on the target's registers, so the header refuses
///          a build with others; blocks are the same everywhere.
/// Domain:  a network in packed storage whose formats are the library's; options.lanes a power of two up to 16.
/// Throws:  std::bad_alloc.
template <class Network>
[[nodiscard]] std::string constant_header(Network const& network, std::string const& declarations,
                                          constant_header_options const& options) {
  static_assert(std::endian::native == std::endian::little, "constant_header: words are written as they lie here");
  detail::pool_writer writer(options.lanes);
  model::for_each_tensor(network, writer);
  using scalar = typename Network::scalar;
  std::size_t const lanes = std::max<std::size_t>(1, options.lanes * sizeof(float) / sizeof(scalar));
  std::size_t bytes = 0;
  std::string pools, names;
  for (detail::pool_text const& pool : writer.pools()) {
    bytes += pool.bytes();
    pools += pool.definition();
    names += (names.empty() ? "" : ", ") + pool.name();
  }
  std::string const text =
      detail::filled(detail::constant_header_text, {{"{layout}", std::to_string(nn::constant_layout)},
                                                    {"{scalar}", detail::pool_writer::type_name<scalar>()},
                                                    {"{lanes}", std::to_string(lanes)},
                                                    {"{panel}", std::to_string(lanes * kernels::blocking::nr_vectors)},
                                                    {"{floats}", std::to_string(options.lanes)},
                                                    {"{names}", names},
                                                    {"{name}", options.name},
                                                    {"{declarations}", declarations},
                                                    {"{pools}", pools}});
  std::string const from = options.source.empty() ? "" : " from " + options.source;
  return std::string(constant_header_start) + " " MAMBA_VERSION_STRING + from + ": " + std::to_string(bytes) +
         " bytes, not to be edited\n" + text;
}

/// The same for a language model: its configuration is the constant `sizes`.
template <class W>
[[nodiscard]] std::string constant_header(model::weights<model::any, W> const& weights,
                                          constant_header_options const& options) {
  return constant_header(weights,
                         detail::config_text(weights.sizes()) + "using weights_type = mamba::model::weights<sizes, " +
                             detail::pool_writer::type_name<W>() + ", mamba::nn::constant>;\n\n",
                         options);
}

}  // namespace mamba::inline MAMBA_ABI::io
