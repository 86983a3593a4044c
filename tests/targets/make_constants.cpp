// SPDX-License-Identifier: MIT
// Writes the header that targets/model.cpp is compiled with: the weights in 8 bits as they lie in constant storage, and
// the logits' digests in every format. Compiled for the host with MAMBA_SIMD_PORTABLE=1.
#include "model.hpp"

#include <cstdio>

namespace {

/// Whether every prefill had the bits of its steps.
bool contract_held = true;

template <class W>
void write_digest(char const* name) {
  using namespace targets;
  using T = typename model::weights<sizes, W>::scalar;
  model::weights<sizes, W> w;
  fill(w);
  static all_logits<T> logits;
  contract_held = run(w, logits) && contract_held;
  std::printf("inline constexpr std::uint32_t digest_%s = 0x%08xU;\n", name, static_cast<unsigned>(digest(logits)));
  std::printf("inline constexpr %s last_%s[] = {", sizeof(T) == 4 ? "float" : "double", name);
  for (std::size_t i = logits.size() - vocabulary; i < logits.size(); ++i) {
    std::printf("%s%a%s,", i % 8 == 0 ? "\n    " : " ", static_cast<double>(logits[i]), sizeof(T) == 4 ? "F" : "");
  }
  std::printf("\n};\n");
}

}  // namespace

int main(int argc, char** argv) {
  using namespace targets;
  if (argc == 2 && std::freopen(argv[1], "w", stdout) == nullptr) return 1;
  std::printf(
      "#pragma once\n#include <mamba/kernels/quantization/quantized_matrix.hpp>\n#include <array>\n#include <bit>\n"
      "#include <cstdint>\nnamespace targets {\n");
  model::weights<sizes, mamba::q8> w;
  fill(w);
  std::size_t count = 0;
  model::for_each_tensor(w, [&](std::string const&, std::span<std::size_t const>, auto& tensor) {
    if constexpr (requires { tensor.panel_data(0); }) {
      std::size_t const n = tensor.bytes();
      auto const* const byte = reinterpret_cast<unsigned char const*>(tensor.panel_data(0));
      std::printf("alignas(64) inline constexpr auto blocks_%zu =\n", count++);
      std::printf(
          "    std::bit_cast<std::array<mamba::kernels::weight_block<mamba::q8>, %zu>>(std::array<std::uint8_t, %zu>{",
          tensor.panels() * tensor.blocks(), n);
      for (std::size_t i = 0; i < n; ++i) std::printf("%s%u,", i % 32 == 0 ? "\n" : "", byte[i]);
      std::printf("});\n");
    }
  });
  write_digest<double>("f64");
  write_digest<float>("f32");
  write_digest<mamba::float16>("f16");
  write_digest<mamba::bfloat16>("bf16");
  write_digest<mamba::q8>("q8");
  write_digest<mamba::q4>("q4");
  write_digest<mamba::ternary>("ternary");
  std::printf("}  // namespace targets\n");
  if (!contract_held) std::fprintf(stderr, "prefill and steps differ\n");
  return contract_held && std::fflush(stdout) == 0 ? 0 : 1;
}
