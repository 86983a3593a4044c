// SPDX-License-Identifier: MIT
// mamba/model/sampling.hpp — from logits to the next token: penalty, temperature, filters, one draw.  [floor 6]
//
//     logits → repetition penalty → ÷ temperature → top-k → softmax → min-p → top-p → draw
//
// In this order; each filter is applied to what the one before it left, and at least one token is left.
// Candidates stay in ascending order of their ids until the draw, so that one random number picks the same token on
// every standard library. The caller passes the logits of real tokens only: the padding of a vocabulary (50277 → 50280
// in mamba-130m) is not among them, so that it is never drawn.
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/core/contracts.hpp>
#include <mamba/core/error.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace mamba::inline MAMBA_ABI::model {

using token = std::int32_t;  ///< the position of a token in the vocabulary

/// xoshiro256** (Blackman and Vigna 2018), seeded through splitmix64: the same numbers on every platform, in 32 bytes.
class generator {
 public:
  explicit constexpr generator(std::uint64_t seed) noexcept {
    for (std::uint64_t& s : state_) {
      std::uint64_t z = (seed += 0x9e3779b97f4a7c15U);
      z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
      z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
      s = z ^ (z >> 31U);
    }
  }

  /// The generator that state() was taken from.
  ///
  /// Domain:  not all zero.
  explicit constexpr generator(std::array<std::uint64_t, 4> const& state) noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS((state[0] | state[1] | state[2] | state[3]) != 0, "generator: all zeros give zeros for ever");
    std::copy(state.begin(), state.end(), state_);
  }

  /// All that decides the numbers to come: to be saved, and to continue from.
  [[nodiscard]] constexpr std::array<std::uint64_t, 4> state() const noexcept {
    return {state_[0], state_[1], state_[2], state_[3]};
  }

  /// The next 64 bits.
  constexpr std::uint64_t operator()() noexcept {
    std::uint64_t const result = std::rotl(state_[1] * 5, 7) * 9;
    std::uint64_t const t = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  /// Uniform in [0, 1), in steps of 2⁻⁵³.
  constexpr double uniform() noexcept { return static_cast<double>((*this)() >> 11U) * 0x1p-53; }

  friend constexpr bool operator==(generator const&, generator const&) = default;

 private:
  std::uint64_t state_[4]{};
};

/// Options of sampling. The defaults draw from the model's own distribution, unfiltered.
struct sampling_options {
  double temperature = 1;         ///< logits are divided by it; 0 takes the most probable token (greedy)
  std::size_t top_k = 0;          ///< keep the k most probable tokens; 0 keeps all, 1 is greedy
  double top_p = 1;               ///< keep the smallest set of most probable tokens that together have this share
  double min_p = 0;               ///< keep tokens with at least this share of the highest probability
  double repetition_penalty = 1;  ///< r: a token of the history has its logit ÷ r where positive, × r otherwise
};

/// Checks that options are in range.
///
/// Throws:  mamba::error, one sentence that names the option, what was found and what was expected.
inline void check(sampling_options const& o) {
  auto const refuse = [](char const* name, double found, char const* expected) {
    core::fail(std::string(name) + " must be " + expected + ", not " + std::to_string(found));
  };
  // Written so that NaN fails each comparison.
  if (!(o.temperature >= 0 && std::isfinite(o.temperature)))
    refuse("temperature", o.temperature, "a finite number of at least 0");
  if (!(o.top_p >= 0 && o.top_p <= 1)) refuse("top-p", o.top_p, "between 0 and 1");
  if (!(o.min_p >= 0 && o.min_p <= 1)) refuse("min-p", o.min_p, "between 0 and 1");
  if (!(o.repetition_penalty > 0 && std::isfinite(o.repetition_penalty)))
    refuse("repetition penalty", o.repetition_penalty, "a finite number above 0");
}

/// Draws tokens. It owns its buffers: after the first call for a vocabulary, a call allocates nothing.
///
/// Why:     min-p is a share of the highest probability, after temperature. (mamba_ssm 2.2 compares with the logit of
///          token 0 instead; that is not copied.)
/// Domain:  NaN and −∞ logits are never drawn while a token has any probability; if none has, token 0 is drawn.
///          Where logits are +∞, those tokens have equal probabilities and all others 0. Ties are broken by the lowest
///          id.
/// Cost:    one exp for each token that top-k leaves; linear in the vocabulary, plus k log k for the tokens of top-p.
class sampler {
 public:
  explicit sampler(sampling_options const& options) : options_(options) { check(options); }

  [[nodiscard]] sampling_options const& options() const noexcept { return options_; }

  /// The next token after `history`, given the logits of the real vocabulary (history counts for the penalty only;
  /// ids in it that lie outside the vocabulary are ignored).
  [[nodiscard]] token operator()(std::span<float const> logits, std::span<token const> history, generator& random) {
    return next(logits, history, random);
  }
  [[nodiscard]] token operator()(std::span<double const> logits, std::span<token const> history, generator& random) {
    return next(logits, history, random);
  }

 private:
  struct candidate {
    double value;  // a logit, then a probability up to a common factor
    token id;
  };

  // The one order of preference: higher value first, and of equals the lower id.
  static bool preferred(candidate const& a, candidate const& b) noexcept {
    return a.value > b.value || (a.value == b.value && a.id < b.id);
  }

  template <class T>
  token next(std::span<T const> logits, std::span<token const> history, generator& random) {
    MAMBA_EXPECTS(!logits.empty(), "sampler: logits must not be empty", logits.size(), "at least 1");
    constexpr double lowest = -std::numeric_limits<double>::infinity();
    candidates_.resize(logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) {
      auto const logit = static_cast<double>(logits[i]);
      candidates_[i] = {std::isnan(logit) ? lowest : logit, static_cast<token>(i)};
    }
    if (options_.repetition_penalty != 1) penalise(history);

    candidate const best = *std::min_element(candidates_.begin(), candidates_.end(), preferred);
    if (best.value == lowest || options_.temperature == 0 || options_.top_k == 1) return best.id;

    if (options_.top_k > 0 && options_.top_k < candidates_.size()) keep_best(options_.top_k);
    weigh(best.value);
    if (options_.min_p > 0) keep_if([&](candidate const& c) { return c.value >= options_.min_p; });
    if (options_.top_p < 1) keep_share(options_.top_p);
    return draw(random);
  }

  // Once for each token, however often it is in the history.
  void penalise(std::span<token const> history) {
    seen_.assign(candidates_.size(), 0);
    double const r = options_.repetition_penalty;
    for (token const id : history) {
      auto const i = static_cast<std::size_t>(id);
      if (id < 0 || i >= candidates_.size() || seen_[i] != 0) continue;
      seen_[i] = 1;
      double& logit = candidates_[i].value;
      logit = logit > 0 ? logit / r : logit * r;
    }
  }

  template <class Keep>
  void keep_if(Keep&& keep) {
    std::erase_if(candidates_, [&](candidate const& c) { return !keep(c); });
  }

  // nth_element may leave any order, so it works on a copy and only the k-th best is taken from it.
  void keep_best(std::size_t k) {
    buffer_ = candidates_;
    auto const kth = buffer_.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(buffer_.begin(), kth, buffer_.end(), preferred);
    candidate const last = *kth;
    keep_if([&](candidate const& c) { return !preferred(last, c); });
  }

  // Softmax without its denominator: exp((logit − best) / T), so that the best token has weight 1.
  void weigh(double best) {
    for (candidate& c : candidates_) c.value = c.value == best ? 1 : std::exp((c.value - best) / options_.temperature);
  }

  // The smallest set of best tokens whose share reaches p: taken off a heap, which sorts no more than needed.
  void keep_share(double p) {
    buffer_ = candidates_;
    double total = 0;
    for (candidate const& c : buffer_) total += c.value;
    auto const worse = [](candidate const& a, candidate const& b) { return preferred(b, a); };
    std::make_heap(buffer_.begin(), buffer_.end(), worse);
    auto end = buffer_.end();
    candidate last{};
    double sum = 0;
    do {
      std::pop_heap(buffer_.begin(), end, worse);
      last = *--end;
      sum += last.value;
    } while (sum < p * total && end != buffer_.begin());
    keep_if([&](candidate const& c) { return !preferred(last, c); });
  }

  token draw(generator& random) const noexcept {
    double total = 0;
    for (candidate const& c : candidates_) total += c.value;
    double const target = random.uniform() * total;
    double sum = 0;
    token chosen = 0;
    for (candidate const& c : candidates_) {
      if (c.value == 0) continue;  // an impossible token is not drawn, even where rounding carries target to the end
      sum += c.value;
      chosen = c.id;
      if (target < sum) break;
    }
    return chosen;
  }

  sampling_options options_;
  std::vector<candidate> candidates_, buffer_;
  std::vector<unsigned char> seen_;
};

/// One draw without a sampler; it allocates its buffers in each call.
[[nodiscard]] inline token sample(std::span<float const> logits, sampling_options const& options,
                                  std::span<token const> history, generator& random) {
  return sampler(options)(logits, history, random);
}
[[nodiscard]] inline token sample(std::span<double const> logits, sampling_options const& options,
                                  std::span<token const> history, generator& random) {
  return sampler(options)(logits, history, random);
}

}  // namespace mamba::inline MAMBA_ABI::model
