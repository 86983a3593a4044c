// SPDX-License-Identifier: MIT
// mamba/io/formats.hpp — weight formats by name, and from a name to its type.  [floor 7]
//
//     io::visit_format("q4", [&]<class W>(std::type_identity<W>) { run(io::load_weights<W>(files)); });
#pragma once

#include <mamba/core/bfloat16.hpp>
#include <mamba/core/error.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/kernels/quantization/formats.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::io {

/// A format's name on command lines and in files.
template <class W>
inline constexpr std::string_view format_name;
template <>
inline constexpr std::string_view format_name<double> = "f64";
template <>
inline constexpr std::string_view format_name<float> = "f32";
template <>
inline constexpr std::string_view format_name<float16> = "f16";
template <>
inline constexpr std::string_view format_name<bfloat16> = "bf16";
template <>
inline constexpr std::string_view format_name<q8> = "q8";
template <>
inline constexpr std::string_view format_name<q4> = "q4";
template <>
inline constexpr std::string_view format_name<ternary> = "ternary";

/// Some formats; a list may be extended by a caller's own type that has a format_name.
template <class... W>
struct format_list {};

using block_formats = format_list<q8, q4, ternary>;
using file_formats = format_list<float, float16, bfloat16, q8, q4, ternary>;  ///< what a checkpoint may be written in
using all_formats = format_list<float, float16, bfloat16, q8, q4, ternary, double>;

namespace detail {

template <class First, class... Rest>
[[nodiscard]] std::string names_of(format_list<First, Rest...>) {
  std::string names(format_name<First>);
  ((names += ", " + std::string(format_name<Rest>)), ...);
  return names;
}

template <class F, class First, class... Rest>
decltype(auto) visit_listed(std::string_view name, F&& f, format_list<First, Rest...>, std::string const& known) {
  if (name == format_name<First>) return std::forward<F>(f)(std::type_identity<First>());
  if constexpr (sizeof...(Rest) != 0) {
    return visit_listed(name, std::forward<F>(f), format_list<Rest...>(), known);
  } else {
    core::fail("'" + std::string(name) + "' is no weight format, expected one of " + known);
  }
}

template <class... W>
[[nodiscard]] constexpr bool is_listed(std::string_view name, format_list<W...>) noexcept {
  return ((name == format_name<W>) || ...);
}

}  // namespace detail

/// Calls f(std::type_identity<W>()) for the format W of that name and returns what f returns. Each format of the list
/// instantiates f once.
///
/// Throws:  mamba::error when no format of the list has that name.
template <class List = all_formats, class F>
decltype(auto) visit_format(std::string_view name, F&& f) {
  return detail::visit_listed(name, std::forward<F>(f), List(), detail::names_of(List()));
}

/// Whether a format of the list has that name.
template <class List = all_formats>
[[nodiscard]] constexpr bool has_format(std::string_view name) noexcept {
  return detail::is_listed(name, List());
}

}  // namespace mamba::inline MAMBA_ABI::io
