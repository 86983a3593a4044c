// SPDX-License-Identifier: MIT
// Compiled several times with different flags into one program; each copy must run its own code.
#include "mixed.hpp"

#include <mamba/mamba.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#define MIXED_JOIN_(a, b) a##b
#define MIXED_JOIN(a, b) MIXED_JOIN_(a, b)

mixed_report MIXED_JOIN(report_, MIXED_UNIT)();

namespace {

/// The same small numbers in every unit, whatever the floating-point flags: multiples of 1/64 in (−½, ½).
float small_number(std::uint32_t& seed) {
  seed = seed * 1664525U + 1013904223U;
  return static_cast<float>(static_cast<int>(seed >> 26U) - 32) / 64.0F;
}

bool finds_a_broken_contract() {
  float in[2] = {0, 0};
  float out[1] = {0};
  try {
    mamba::simd::transform(
        std::span<float>(out), [](auto v) { return v; }, std::span<float const>(in));
  } catch (mamba::contract_violation const&) {
    return true;
  }
  return false;
}

}  // namespace

mixed_report MIXED_JOIN(report_, MIXED_UNIT)() {
  mixed_report r{};
  r.abi = mamba::core::abi_name;
#if defined(__AVX512F__)
  r.compiled_lanes = 16;
#elif defined(__AVX__)
  r.compiled_lanes = 8;
#else
  r.compiled_lanes = 4;
#endif
  r.lanes = static_cast<int>(mamba::simd::lanes<float>);
#if defined(_OPENMP)
  r.compiled_openmp = true;
#endif
  r.checks_contracts = finds_a_broken_contract();
  r.expects_checks = MAMBA_CONTRACTS != 0;
  r.function = reinterpret_cast<void const*>(&mamba::parallel::thread_count);
  r.model_memory = reinterpret_cast<void const*>(
      static_cast<void (*)(mamba::model::weights<>::network_type const&, std::span<mamba::model::token const>,
                           mamba::model::state<>&, mamba::model::workspace&, mamba::matrix_view<float>&&,
                           mamba::model::rollback_log<mamba::model::weights<>::network_type>*)>(
          &mamba::model::forward));

  float in[64];
  for (int i = 0; i < 64; ++i) in[i] = static_cast<float>(i) - 31.5F;
  mamba::simd::transform(
      std::span<float>(r.exps), [](auto v) { return mamba::math::exp(v); }, std::span<float const>(in));

  mamba::model::config const sizes{.d_model = 24, .n_layer = 2, .vocab_size = 40};
  mamba::model::weights<> weights(sizes);
  std::uint32_t seed = 1;
  mamba::model::for_each_tensor(weights, [&](std::string const&, std::span<std::size_t const>, auto& storage) {
    std::vector<float> row(storage.row_size());
    for (std::size_t i = 0; i < storage.rows(); ++i) {
      for (float& v : row) v = small_number(seed);
      storage.set_row(i, std::span<float const>(row));
    }
  });
  mamba::model::state<> state(sizes);
  mamba::model::workspace workspace(weights);
  std::vector<mamba::model::token> const tokens{3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
  mamba::model::forward(weights, std::span<mamba::model::token const>(tokens), state, workspace,
                        mamba::view<float, mamba::dynamic, mamba::dynamic>(r.logits, std::size_t{1}, std::size_t{40}));
  return r;
}
