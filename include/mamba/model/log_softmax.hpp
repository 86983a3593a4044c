// SPDX-License-Identifier: MIT
// mamba/model/log_softmax.hpp — logits as log-probabilities.  [floor 6]
#pragma once

#include <mamba/core/contracts.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>

namespace mamba::inline MAMBA_ABI::model {

/// ln Σ exp x_i, shifted by the largest so that nothing overflows.
///
/// Domain:  −∞ logits add nothing; of +∞, or NaN, the result is +∞, or NaN. Of no logits, or of −∞ alone, −∞.
/// Error:   of n logits, (n + 3) 2⁻⁵³ and half a unit in the last place of the result, in double.
template <std::floating_point T>
[[nodiscard]] double log_sum_exp(std::span<T const> logits) noexcept {
  double most = -std::numeric_limits<double>::infinity();
  for (T const x : logits) {
    if (std::isnan(x)) return std::numeric_limits<double>::quiet_NaN();
    most = std::max(most, static_cast<double>(x));
  }
  if (std::isinf(most)) return most;
  double sum = 0;
  for (T const x : logits) sum += std::exp(static_cast<double>(x) - most);
  return most + std::log(sum);
}

/// Log-probabilities: out_i = x_i − ln Σ exp x_j. `out` may be the logits.
///
///     model::log_softmax<float>(session.outputs(), log_p);     // log_p[token] is ln p(token)
///
/// Shapes:  logits, out [vocab_size]; the logits of real tokens only, as for a sampler.
/// Domain:  as log_sum_exp(): finite logits, or −∞ for a token that is excluded.
/// Error:   log_sum_exp()'s, and a rounding of the result to T.
/// Cost:    an exponential in double for each logit.
template <std::floating_point T>
void log_softmax(std::span<T const> logits, std::span<T> out) noexcept(!core::contracts_checked) {
  MAMBA_EXPECTS(out.size() == logits.size(), "log_softmax: out has a number for each logit", out.size(), logits.size());
  double const whole = log_sum_exp(logits);
  for (std::size_t i = 0; i < logits.size(); ++i) out[i] = static_cast<T>(static_cast<double>(logits[i]) - whole);
}

}  // namespace mamba::inline MAMBA_ABI::model
