// SPDX-License-Identifier: MIT
#include <mamba/mamba.hpp>

char const* abi_name_of_the_second_unit();
void const* address_in_the_second_unit();

char const* abi_name_of_the_second_unit() { return mamba::core::abi_name; }
void const* address_in_the_second_unit() { return reinterpret_cast<void const*>(&mamba::parallel::thread_count); }
