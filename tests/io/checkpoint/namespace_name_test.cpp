// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/namespace_name.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <string>

namespace io = mamba::io;

TEST_CASE("namespace_name: identifiers, alone or inside others") {
  for (char const* const good : {"a", "spotter_2", "app::models::spotter", "app::_net", "A", "classes", "stdx", "std2x",
                                 "app::std2", "app::main", "mamba_net", "s_"})
    CHECK_MESSAGE(io::fault_of_namespace(good).empty(), good);
}

TEST_CASE("namespace_name: what is refused, and why") {
  auto const refused = [](char const* name, std::string const& why) {
    auto const fault = io::fault_of_namespace(name);
    CHECK_MESSAGE(fault == why, name, ": ", fault);
  };
  refused("", "'' is not a C++ identifier");
  for (std::string const name : {"2a", "a-b", "a:b", "a b", "a.b", "\xc3\xa4"})
    refused(name.c_str(), "'" + name + "' is not a C++ identifier");
  for (char const* const name : {"a::", "::a", "a::::b"}) refused(name, "'' is not a C++ identifier");
  refused("a:::b", "':b' is not a C++ identifier");
  for (std::string const name : {"class", "co_await", "xor_eq", "alignas", "while", "reinterpret_cast", "char8_t"})
    refused(name.c_str(), "'" + name + "' is a C++ keyword");
  refused("app::new::net", "'new' is a C++ keyword");
  for (std::string const name : {"_x", "_", "__x", "x__y", "_X", "std", "std2", "std2026", "posix"})
    refused(name.c_str(), "'" + name + "' is reserved for C++ and its compilers");
  refused("app::_Net", "'_Net' is reserved for C++ and its compilers");
  refused("app::a__b", "'a__b' is reserved for C++ and its compilers");
  refused("mamba", "'mamba' is the namespace of a library that the source uses");
  refused("mamba::net", "'mamba' is the namespace of a library that the source uses");
  refused("app::std", "'std' is the namespace of a library that the source uses");
  refused("main", "'main' is the name of a function");
  refused("app::linux", "'linux' is a macro of some compilers");
}

TEST_CASE("namespace_name: the table of keywords is sorted") {
  CHECK(std::is_sorted(std::begin(io::detail::cpp_keywords), std::end(io::detail::cpp_keywords)));
  CHECK(std::size(io::detail::cpp_keywords) == 92);
}
