// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/constant_header.hpp — a model as a C++ header, with its weights in flash.  [floor 7]
//
//     std::string const text = io::constant_header(io::load_weights<q8>(from), {.name = "net", .lanes = 1});
//
//     #include "net.hpp"                                              // in the program of the target
//     mamba::model::state<net::sizes> state;
//     mamba::model::static_workspace<net::weights_type> workspace;
//     mamba::model::step(net::weights, next, state, workspace, logits);
//
// Any other network is named by C++ source, in a header that the writing program and the target's both include:
//
//     template <class W, class Storage = mamba::nn::packed>           // sensor.hpp: static sizes, layers of one kind
//     using sensor = model::network<…>;
//     constexpr sensor<float>::config sensor_sizes{…};
//
//     auto const network = io::load_network<sensor<q8>>("sensor.safetensors", sensor_sizes);
//     std::string const text = io::constant_header(
//         network, {.file = "sensor.hpp", .type = "sensor<mamba::q8, mamba::nn::constant>", .sizes = "sensor_sizes"},
//         {.name = "net", .lanes = 1});
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/core/version.hpp>
#include <mamba/io/checkpoint/detail/pool_writer.hpp>
#include <mamba/io/checkpoint/namespace_name.hpp>
#include <mamba/io/text/printable.hpp>
#include <mamba/model/weights.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <string>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

/// Options of a header of constants.
struct constant_header_options {
  std::string name;                        ///< the namespace of its constants, see namespace_name.hpp
  std::size_t lanes = simd::lanes<float>;  ///< floats in a register of the target: 1 without vectors, 4, 8, 16
  std::string source = {};                 ///< where the weights come from, for its first line
};

/// The C++ source that names a network: three texts that are copied into the header.
struct network_source {
  std::string file = {};  ///< an include file for the next two, without quotes; may be empty
  std::string type;       ///< the network's type in constant storage
  std::string sizes;      ///< the name of a constant, its configuration
};

/// The first words of every header of constants.
inline constexpr std::string_view constant_header_start = "// Constants written by mamba";

namespace detail {

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
{include}
#include <array>
#include <bit>
#include <cstdint>

namespace {name} {

inline constexpr bool same_layout = mamba::nn::constant_layout == {layout};
inline constexpr bool same_lanes =
    mamba::simd::lanes<{scalar}> == {lanes} && mamba::kernels::packed_matrix<{scalar}>::panel == {panel};
static_assert(same_layout, "{name}: written for another version of mamba; write it again");
static_assert(same_lanes || !same_layout,
              "{name}: written for {floats} float(s) in a register of the target; "
              "write it again with this one's lanes");
static_assert(std::endian::native == std::endian::little, "{name}: its words are little-endian");

{declarations}{pools}/// The model: it reads its numbers above, where they lie.
inline constexpr weights_type weights =
    same_layout && same_lanes ? mamba::nn::borrowed<weights_type>(mamba::nn::constant_pools({names}), {sizes})
                              : weights_type({sizes});

}  // namespace {name}
)text";

/// The header of a network that `declarations` names weights_type, and its configuration `sizes`.
template <class Network>
[[nodiscard]] std::string constant_header(Network const& network, std::string const& file,
                                          std::string const& declarations, std::string const& sizes,
                                          constant_header_options const& options) {
  if (auto const fault = fault_of_namespace(options.name); !fault.empty())
    core::fail("constant_header: " + fault + ", expected a namespace such as net or app::net");
  if (!std::has_single_bit(options.lanes) || options.lanes > 16)
    core::fail("constant_header: " + std::to_string(options.lanes) + " lanes, expected 1, 2, 4, 8 or 16");
  static_assert(std::endian::native == std::endian::little,
                "constant_header: words are written in this machine's byte order");
  pool_writer writer(options.lanes);
  model::for_each_tensor(network, writer);
  using scalar = typename Network::scalar;
  std::size_t const lanes = std::max<std::size_t>(1, options.lanes * sizeof(float) / sizeof(scalar));
  std::size_t bytes = 0;
  std::string pools, names;
  for (pool_text const& pool : writer.pools()) {
    bytes += pool.bytes();
    pools += pool.definition();
    names += (names.empty() ? "" : ", ") + pool.name();
  }
  std::string const text =
      filled(constant_header_text, {{"{layout}", std::to_string(nn::constant_layout)},
                                    {"{include}", file.empty() ? "" : "#include \"" + file + "\"\n"},
                                    {"{scalar}", pool_writer::type_name<scalar>()},
                                    {"{lanes}", std::to_string(lanes)},
                                    {"{panel}", std::to_string(lanes * kernels::blocking::nr_vectors)},
                                    {"{floats}", std::to_string(options.lanes)},
                                    {"{names}", names},
                                    {"{name}", options.name},
                                    {"{sizes}", sizes},
                                    {"{declarations}", declarations},
                                    {"{pools}", pools}});
  std::string const from = options.source.empty() ? "" : " from " + printable(options.source);
  return std::string(constant_header_start) + " " MAMBA_VERSION_STRING + from + ": " + std::to_string(bytes) +
         " bytes, not to be edited\n" + text;
}

}  // namespace detail

/// A network as C++ source: its parameters in pools (nn/constant_pools.hpp), and a constant `weights`, of weights_type,
/// that reads them there.
///
/// Why:     the panels of f32, f16 and bf16 and the layouts of A and of S4D's modes depend on the target's registers,
///          so a build with others does not compile; blocks are the same everywhere.
/// Domain:  a network in packed storage whose formats are the library's.
///          source.type: the same network in nn::constant, every size static, the stack of one kind of layer.
/// Throws:  mamba::error where options.name is not a valid namespace, or options.lanes is not a power of two up to 16;
///          std::bad_alloc.
template <class Network>
[[nodiscard]] std::string constant_header(Network const& network, network_source const& source,
                                          constant_header_options const& options) {
  return detail::constant_header(network, source.file, "using weights_type = " + source.type + ";\n\n", source.sizes,
                                 options);
}

/// The same for a language model: its configuration is the constant `sizes`.
template <class W>
[[nodiscard]] std::string constant_header(model::weights<model::any, W> const& weights,
                                          constant_header_options const& options) {
  return detail::constant_header(weights, {},
                                 detail::config_text(weights.sizes()) +
                                     "using weights_type = mamba::model::weights<sizes, " +
                                     detail::pool_writer::type_name<W>() + ", mamba::nn::constant>;\n\n",
                                 "sizes", options);
}

}  // namespace mamba::inline MAMBA_ABI::io
