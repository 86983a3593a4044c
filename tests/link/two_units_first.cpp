// SPDX-License-Identifier: MIT
// Half of a program whose both halves include the whole library: everything in it must be inline or a template.
#include <mamba/mamba.hpp>

#include <cstdio>
#include <string_view>

char const* abi_name_of_the_second_unit();
void const* address_in_the_second_unit();

int main() {
  // Same flags, so one library: one ABI name and, of each inline function, one copy.
  auto const here = reinterpret_cast<void const*>(&mamba::parallel::thread_count);
  bool const same =
      std::string_view(mamba::core::abi_name) == abi_name_of_the_second_unit() && here == address_in_the_second_unit();
  std::printf("%s and %s\n", mamba::core::abi_name, abi_name_of_the_second_unit());
  return same ? 0 : 1;
}
