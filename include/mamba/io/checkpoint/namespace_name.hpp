// SPDX-License-Identifier: MIT
// mamba/io/checkpoint/namespace_name.hpp — the names that a namespace in written C++ source may have.  [floor 7]
#pragma once

#include <mamba/core/abi.hpp>

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

namespace detail {

/// Keywords and alternative operators of C++20, sorted.
inline constexpr std::string_view cpp_keywords[] = {
    "alignas",     "alignof",  "and",        "and_eq",    "asm",       "auto",         "bitand",
    "bitor",       "bool",     "break",      "case",      "catch",     "char",         "char16_t",
    "char32_t",    "char8_t",  "class",      "co_await",  "co_return", "co_yield",     "compl",
    "concept",     "const",    "const_cast", "consteval", "constexpr", "constinit",    "continue",
    "decltype",    "default",  "delete",     "do",        "double",    "dynamic_cast", "else",
    "enum",        "explicit", "export",     "extern",    "false",     "float",        "for",
    "friend",      "goto",     "if",         "inline",    "int",       "long",         "mutable",
    "namespace",   "new",      "noexcept",   "not",       "not_eq",    "nullptr",      "operator",
    "or",          "or_eq",    "private",    "protected", "public",    "register",     "reinterpret_cast",
    "requires",    "return",   "short",      "signed",    "sizeof",    "static",       "static_assert",
    "static_cast", "struct",   "switch",     "template",  "this",      "thread_local", "throw",
    "true",        "try",      "typedef",    "typeid",    "typename",  "union",        "unsigned",
    "using",       "virtual",  "void",       "volatile",  "wchar_t",   "while",        "xor",
    "xor_eq",
};

[[nodiscard]] constexpr bool is_identifier(std::string_view name) noexcept {
  auto const letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto const digit = [](char c) { return c >= '0' && c <= '9'; };
  return !name.empty() && letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || digit(c); });
}

/// The fault of one part of a name, `outermost` or inside others; empty if it is valid.
[[nodiscard]] inline std::string fault_of_part(std::string_view part, bool outermost) {
  auto const quoted = "'" + std::string(part) + "'";
  auto const upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (!is_identifier(part)) return quoted + " is not a C++ identifier";
  if (std::binary_search(std::begin(cpp_keywords), std::end(cpp_keywords), part)) return quoted + " is a C++ keyword";
  bool const reserved = part.find("__") != part.npos || (part[0] == '_' && part.size() > 1 && upper(part[1]));
  bool const standard = outermost && part.starts_with("std") && part.find_first_not_of("0123456789", 3) == part.npos;
  if (reserved || standard || (outermost && (part[0] == '_' || part == "posix")))
    return quoted + " is reserved for C++ and its compilers";
  if (part == "std" || part == "mamba") return quoted + " is the namespace of a library that the source uses";
  if (outermost && part == "main") return "'main' is the name of a function";
  if (part == "linux" || part == "unix" || part == "i386") return quoted + " is a macro of some compilers";
  return {};
}

}  // namespace detail

/// The fault of a name for a namespace, as the beginning of a sentence ("'class' is a C++ keyword"); empty if it is
/// valid. Namespaces inside others are joined by ::. Names of the C library (time, exp) are not checked: the
/// compiler rejects a header that has one of them outermost.
[[nodiscard]] inline std::string fault_of_namespace(std::string_view name) {
  for (bool outermost = true;; outermost = false) {
    auto const end = name.find("::");
    auto fault = detail::fault_of_part(name.substr(0, end), outermost);
    if (!fault.empty() || end == name.npos) return fault;
    name.remove_prefix(end + 2);
  }
}

}  // namespace mamba::inline MAMBA_ABI::io
