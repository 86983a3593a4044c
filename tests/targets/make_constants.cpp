// SPDX-License-Identifier: MIT
// Writes the header that targets/model.cpp is compiled with: the logits' digests in every format, of weights in memory
// and of those in constant storage. Compiled for the host with MAMBA_SIMD_PORTABLE=1.
#include "model.hpp"

#include <constant_f32.hpp>
#include <constant_q8.hpp>
#include <constant_ternary.hpp>

#include <cstdio>

namespace {

/// Whether every prefill had the bits of its steps.
bool contract_held = true;

template <class Weights>
void write_digest(char const* name, Weights const& w) {
  using namespace targets;
  using T = typename Weights::scalar;
  static all_logits<T> logits;
  contract_held = run(w, logits) && contract_held;
  std::printf("inline constexpr std::uint32_t digest_%s = 0x%08xU;\n", name, static_cast<unsigned>(digest(logits)));
  std::printf("inline constexpr %s last_%s[] = {", sizeof(T) == 4 ? "float" : "double", name);
  for (std::size_t i = logits.size() - vocabulary; i < logits.size(); ++i) {
    std::printf("%s%a%s,", i % 8 == 0 ? "\n    " : " ", static_cast<double>(logits[i]), sizeof(T) == 4 ? "F" : "");
  }
  std::printf("\n};\n");
}

template <class W>
void write_filled(char const* name) {
  targets::model::weights<targets::sizes, W> w;
  targets::fill(w);
  write_digest(name, w);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::freopen(argv[1], "w", stdout) == nullptr) return 1;
  std::printf("#pragma once\n#include <cstdint>\nnamespace targets {\n");
  write_digest("constant_f32", constant_f32::weights);
  write_digest("constant_q8", constant_q8::weights);
  write_digest("constant_ternary", constant_ternary::weights);
  write_filled<double>("f64");
  write_filled<float>("f32");
  write_filled<mamba::float16>("f16");
  write_filled<mamba::bfloat16>("bf16");
  write_filled<mamba::q8>("q8");
  write_filled<mamba::q4>("q4");
  write_filled<mamba::ternary>("ternary");
  std::printf("}  // namespace targets\n");
  if (!contract_held) std::fprintf(stderr, "prefill and steps differ\n");
  return contract_held && std::fflush(stdout) == 0 ? 0 : 1;
}
