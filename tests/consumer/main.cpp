// SPDX-License-Identifier: MIT
// A first program of another project: it includes headers and prints the library's build.
#include <mamba/core/abi.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <mamba/simd/load_store.hpp>

#include <cstdio>
#include <string>

int main() {
  std::string const name = mamba::core::abi_name;
  bool const openmp = name.find("openmp") != std::string::npos;
  std::printf("%s, %d threads, %d floats in a batch\n", name.c_str(), mamba::parallel::thread_count(),
              static_cast<int>(mamba::simd::lanes<float>));
  return openmp == (EXPECT_OPENMP == 1) ? 0 : 1;
}
