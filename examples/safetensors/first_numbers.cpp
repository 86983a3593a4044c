// SPDX-License-Identifier: MIT
// first_numbers FILE — the tensors of a safetensors file with their first numbers, by the small loader beside it.
#include <safetensors/loader.hpp>

#include <cstdio>
#include <exception>
#include <stdexcept>

int main(int argc, char** argv) {
  if (argc != 2 || argv[1][0] == '-') {
    std::fprintf(argc == 2 ? stdout : stderr,
                 "first_numbers FILE prints each tensor of a safetensors file with its first numbers\n");
    return argc == 2 ? 0 : 1;
  }
  try {
    auto const file = small::load(argv[1]);
    for (auto const& [name, t] : file.tensors) {
      std::printf("%s %s [", name.c_str(), t.dtype.c_str());
      for (auto const extent : t.shape) std::printf(" %llu", static_cast<unsigned long long>(extent));
      std::printf(" ]:");
      auto const values = small::numbers(file, t);
      for (std::size_t i = 0; i < values.size() && i < 4; ++i) std::printf(" %g", values[i]);
      std::printf("%s\n", values.size() > 4 ? " …" : "");
    }
    if (std::fflush(stdout) != 0) throw std::runtime_error("cannot write to standard output");
    return 0;
  } catch (std::exception const& e) {
    std::fprintf(stderr, "first_numbers: %s\n", e.what());
    return 1;
  }
}
