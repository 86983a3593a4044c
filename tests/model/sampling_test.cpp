// SPDX-License-Identifier: MIT
#include <mamba/model/sampling.hpp>
#include <support/allocations.hpp>
#include <support/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <new>
#include <set>
#include <string>
#include <vector>

namespace {

using mamba::model::generator;
using mamba::model::sampler;
using mamba::model::sampling_options;
using mamba::model::token;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

// The reference: the definitions of the options, each as one plain loop over everything. It returns the probabilities.
std::vector<double> distribution(std::vector<double> logits, sampling_options const& o,
                                 std::vector<token> const& history) {
  std::size_t const n = logits.size();
  for (double& l : logits)
    if (std::isnan(l)) l = -infinity;
  for (token const id : std::set<token>(history.begin(), history.end()))
    if (id >= 0 && static_cast<std::size_t>(id) < n) {
      double& l = logits[static_cast<std::size_t>(id)];
      l = l > 0 ? l / o.repetition_penalty : l * o.repetition_penalty;
    }
  auto const rank = [&](std::size_t i) {  // how many tokens are preferred to i
    std::size_t better = 0;
    for (std::size_t j = 0; j < n; ++j) better += logits[j] > logits[i] || (logits[j] == logits[i] && j < i) ? 1U : 0U;
    return better;
  };
  std::vector<std::size_t> by_rank(n);
  for (std::size_t i = 0; i < n; ++i) by_rank[rank(i)] = i;
  double const best = logits[by_rank[0]];

  std::vector<double> p(n, 0);
  if (best == -infinity || o.temperature == 0 || o.top_k == 1) {
    p[by_rank[0]] = 1;
    return p;
  }
  for (std::size_t i = 0; i < n; ++i) p[i] = logits[i] == best ? 1 : std::exp((logits[i] - best) / o.temperature);
  for (std::size_t r = 0; r < n; ++r)
    if (o.top_k > 0 && r >= o.top_k) p[by_rank[r]] = 0;
  for (double& v : p)
    if (v < o.min_p) v = 0;
  double total = 0;
  for (double const v : p) total += v;
  double above = 0;  // the share of all that are preferred to this one
  for (std::size_t r = 0; r < n; ++r) {
    double const here = p[by_rank[r]];
    if (r > 0 && above >= o.top_p * total) p[by_rank[r]] = 0;
    above += here;
  }
  total = 0;
  for (double const v : p) total += v;
  for (double& v : p) v /= total;
  return p;
}

std::vector<double> random_logits(test::random& rng, std::size_t n) {
  std::vector<double> logits(n);
  for (double& l : logits) l = 3 * rng.normal();
  return logits;
}

// Pearson's statistic of many draws against the reference's probabilities, divided by its degrees of freedom.
double chi_square_per_freedom(std::vector<double> const& logits, sampling_options const& o,
                              std::vector<token> const& history, std::uint64_t seed) {
  constexpr std::size_t draws = 20000;
  std::vector<double> const p = distribution(logits, o, history);
  std::vector<std::size_t> counts(p.size(), 0);
  sampler draw(o);
  generator random(seed);
  for (std::size_t i = 0; i < draws; ++i) ++counts[static_cast<std::size_t>(draw(logits, history, random))];
  double statistic = 0, rare = 0, rare_found = 0;
  std::size_t freedom = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    auto const found = static_cast<double>(counts[i]);
    double const expected = p[i] * static_cast<double>(draws);
    if (p[i] == 0) CHECK_MESSAGE(counts[i] == 0, "token ", i, " has no probability");
    if (expected < 10) {  // the statistic needs filled classes, so the rare ones form one
      rare += expected;
      rare_found += found;
      continue;
    }
    statistic += (found - expected) * (found - expected) / expected;
    ++freedom;
  }
  if (rare >= 10) {
    statistic += (rare_found - rare) * (rare_found - rare) / rare;
    ++freedom;
  }
  return freedom < 2 ? 0 : statistic / static_cast<double>(freedom - 1);
}

}  // namespace

TEST_CASE("sampling: a generator made from another's state draws what that one draws next") {
  generator original(42);
  original();
  generator copy(original.state());
  CHECK(copy == original);
  CHECK(copy() == original());
  CHECK(copy.state() == original.state());
}

TEST_CASE("sampling: the generator is xoshiro256** seeded by splitmix64, bit for bit") {
  // Known answers of the published algorithms (computed with their C reference code).
  generator zero(0);
  CHECK(zero() == 0x99ec5f36cb75f2b4U);
  CHECK(zero() == 0xbf6e1f784956452aU);
  CHECK(zero() == 0x1a5f849d4933e6e0U);
  generator a(42), b(42), c(43);
  for (int i = 0; i < 100; ++i) {
    auto const x = a();
    CHECK(x == b());
    CHECK(x != c());
  }
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    double const u = a.uniform();
    REQUIRE((u >= 0 && u < 1));
    sum += u;
  }
  // The mean of 10000 uniforms has standard deviation sqrt(1/12/10000) = 0.0029; five of them are allowed.
  CHECK(std::fabs(sum / 10000 - 0.5) < 0.0145);
}

TEST_CASE("sampling: draws follow the distribution that the options define") {
  test::random rng(7);
  // A χ² with f degrees of freedom has mean f and standard deviation sqrt(2 f). With f ≥ 1, one draw in a million lies
  // above 24 f; the seeds are fixed, so a pass stays a pass, and a wrong distribution of 20000 draws lies far above.
  auto const judge = [&](sampling_options const& o, char const* name) {
    CAPTURE(name);
    for (std::size_t const n : {2U, 5U, 33U, 200U}) {
      CAPTURE(n);
      auto const logits = random_logits(rng, n);
      std::vector<token> history;
      for (std::size_t i = 0; i < n / 2; ++i) history.push_back(static_cast<token>(rng.below(n)));
      double const limit = n == 2 ? 24 : n == 5 ? 10 : 3;
      CHECK(chi_square_per_freedom(logits, o, history, rng.bits()) < limit);
    }
  };
  judge({}, "plain");
  judge({.temperature = 0.5}, "cold");
  judge({.temperature = 3}, "hot");
  judge({.top_k = 3}, "top-k");
  judge({.top_p = 0.7}, "top-p");
  judge({.min_p = 0.2}, "min-p");
  judge({.repetition_penalty = 1.7}, "repetition penalty");
  judge({.temperature = 1.3, .top_k = 20, .top_p = 0.9, .min_p = 0.02, .repetition_penalty = 1.2}, "all");
}

TEST_CASE("sampling: the statistic detects a wrong distribution") {
  test::random rng(8);
  auto const logits = random_logits(rng, 33);
  std::vector<double> warmer = logits;
  for (double& l : warmer) l /= 1.1;
  sampler draw{sampling_options{}};
  generator random(3);
  std::vector<double> const p = distribution(logits, {}, {});
  std::vector<double> counts(33, 0);
  for (int i = 0; i < 20000; ++i) ++counts[static_cast<std::size_t>(draw(warmer, {}, random))];
  double statistic = 0;
  int freedom = 0;
  for (std::size_t i = 0; i < 33; ++i)
    if (p[i] * 20000 >= 10) {
      statistic += (counts[i] - 20000 * p[i]) * (counts[i] - 20000 * p[i]) / (20000 * p[i]);
      ++freedom;
    }
  CHECK(statistic / freedom > 3);
}

TEST_CASE("sampling: the set that can be drawn is the reference's, over random options") {
  test::random rng(11);
  for (int round = 0; round < 400; ++round) {
    CAPTURE(round);
    std::size_t const n = 1 + rng.below(40);
    auto logits = random_logits(rng, n);
    if (round % 3 == 0)  // ties, at every border of a filter
      for (double& l : logits) l = std::round(l);
    if (round % 5 == 0) logits[rng.below(n)] = -infinity;
    if (round % 7 == 0) logits[rng.below(n)] = not_a_number;
    std::vector<token> history;
    for (std::size_t i = rng.below(6); i > 0; --i) history.push_back(static_cast<token>(rng.below(n + 4)) - 2);
    sampling_options const o{.temperature = rng.uniform(0.2, 2),
                             .top_k = rng.below(n + 3),
                             .top_p = rng.below(2) == 0 ? 1 : rng.uniform(0, 1),
                             .min_p = rng.below(2) == 0 ? 0 : rng.uniform(0, 1),
                             .repetition_penalty = rng.uniform(0.5, 2)};
    auto const p = distribution(logits, o, history);
    // A flat copy of the reference's probabilities: every token that can be drawn is drawn soon.
    sampler draw(o);
    generator random(rng.bits());
    std::vector<char> drawn(n, 0);
    for (int i = 0; i < 3000; ++i) drawn[static_cast<std::size_t>(draw(logits, history, random))] = 1;
    for (std::size_t i = 0; i < n; ++i) {
      CAPTURE(i);
      if (p[i] == 0) CHECK(drawn[i] == 0);
      if (p[i] > 0.01) CHECK(drawn[i] == 1);  // missed with probability 0.99^3000 = 8e-14
    }
  }
}

TEST_CASE("sampling: greedy takes the highest logit, and of equals the lowest id") {
  generator random(1);
  std::vector<float> const logits{1, 5, 3, 5, 5};
  CHECK(sampler({.temperature = 0})(logits, {}, random) == 1);
  CHECK(sampler({.temperature = 5, .top_k = 1})(logits, {}, random) == 1);
  CHECK(random == generator(1));  // no random number was drawn
  CHECK(sampler({.top_p = 0})(logits, {}, random) == 1);
}

TEST_CASE("sampling: the repetition penalty counts a token once, and turns with the logit's sign") {
  generator random(1);
  sampler greedy({.temperature = 0, .repetition_penalty = 2});
  std::vector<token> const often{0, 0, 0, 0};
  CHECK(greedy(std::vector<double>{4, 1.9}, often, random) == 0);  // 4 / 2, not 4 / 16
  CHECK(greedy(std::vector<double>{4, 2.1}, often, random) == 1);
  CHECK(greedy(std::vector<double>{-1, -1.9}, often, random) == 1);  // −1 · 2
  CHECK(greedy(std::vector<double>{-1, -2.1}, often, random) == 0);
  CHECK(greedy(std::vector<double>{4, 2.1}, std::vector<token>{-1, 2, 1 << 30}, random) ==
        0);  // not of this vocabulary
}

TEST_CASE("sampling: min-p is a share of the highest probability, whatever token 0 has") {
  // Probabilities 0.5 : 1 : 0.4 : 0.6 in units of the best. A threshold taken from token 0 would be another one.
  std::vector<double> const logits{std::log(0.5), 0, std::log(0.4), std::log(0.6)};
  CHECK(distribution(logits, {.min_p = 0.55}, {})[0] == 0);
  sampler draw({.min_p = 0.55});
  generator random(5);
  std::set<token> drawn;
  for (int i = 0; i < 1000; ++i) drawn.insert(draw(logits, {}, random));
  CHECK(drawn == std::set<token>{1, 3});
}

TEST_CASE("sampling: top-p keeps the smallest set that reaches p") {
  std::vector<double> const logits{std::log(0.125), std::log(0.5), std::log(0.25), std::log(0.125)};
  auto const kept = [&](double p) {
    sampler draw({.top_p = p});
    generator random(6);
    std::set<token> drawn;
    for (int i = 0; i < 2000; ++i) drawn.insert(draw(logits, {}, random));
    return drawn;
  };
  CHECK(kept(0.0) == std::set<token>{1});
  CHECK(kept(0.49) == std::set<token>{1});
  CHECK(kept(0.51) == std::set<token>{1, 2});
  CHECK(kept(0.76) == std::set<token>{0, 1, 2});  // of equals the lower id
  CHECK(kept(0.99) == std::set<token>{0, 1, 2, 3});
  CHECK(kept(1.0) == std::set<token>{0, 1, 2, 3});
}

TEST_CASE("sampling: logits that are not numbers, and infinite ones") {
  generator random(2);
  std::vector<double> const none{not_a_number, -infinity, not_a_number};
  for (sampling_options const& o :
       {sampling_options{}, sampling_options{.temperature = 0}, sampling_options{.top_p = 0.5}})
    CHECK(sampler(o)(none, {}, random) == 0);
  sampler draw({.top_k = 3, .top_p = 0.999, .repetition_penalty = 1.5});
  std::vector<token> const history{0, 1, 2, 3};
  for (int i = 0; i < 200; ++i)
    CHECK(draw(std::vector<double>{not_a_number, 1, -infinity, 2}, history, random) % 2 == 1);
  std::set<token> drawn;
  for (int i = 0; i < 200; ++i) drawn.insert(draw(std::vector<double>{5, infinity, 7, infinity}, history, random));
  CHECK(drawn == std::set<token>{1, 3});
  CHECK(sampler({.temperature = 1e-300})(std::vector<float>{1, 1.0001F, 0.9F}, {}, random) == 1);
  CHECK(sampler({.temperature = 1e300})(std::vector<float>{1}, {}, random) == 0);
  CHECK(sampler({.top_k = 1000, .min_p = 1})(std::vector<float>{1, 3, 2}, {}, random) == 2 - 1);
}

TEST_CASE("sampling: a seed decides the draws, and logits after the span are never read") {
  test::random rng(13);
  std::vector<float> padded(60, 1000.0F);  // ids 50 … 59 pad the vocabulary, and would win every draw
  for (std::size_t i = 0; i < 50; ++i) padded[i] = static_cast<float>(rng.normal());
  std::span<float const> const real(padded.data(), 50);
  sampling_options const o{.temperature = 0.9, .top_k = 40, .top_p = 0.95, .min_p = 0.01, .repetition_penalty = 1.1};
  auto const draws = [&](std::uint64_t seed) {
    sampler draw(o);
    generator random(seed);
    std::vector<token> out;
    for (int i = 0; i < 300; ++i) out.push_back(draw(real, out, random));
    return out;
  };
  auto const first = draws(99);
  CHECK(first == draws(99));
  CHECK(first != draws(100));
  CHECK(*std::max_element(first.begin(), first.end()) < 50);
  generator a(4), b(4);
  sampler kept(o);
  for (int i = 0; i < 50; ++i) CHECK(kept(real, first, a) == mamba::model::sample(real, o, first, b));
  CHECK(mamba::model::sample(std::vector<float>{0, 1, 3, 2}, {.temperature = 0}, {}, a) == 2);
  CHECK(mamba::model::sample(std::vector<double>{0, 4, 3, 2}, {.temperature = 0}, {}, a) == 1);
}

TEST_CASE("sampling: filters that keep everything leave the draw as it was") {
  test::random rng(17);
  for (int round = 0; round < 200; ++round) {
    auto const logits = random_logits(rng, 30);
    std::uint64_t const seed = rng.bits();
    generator a(seed), b(seed);
    CHECK(sampler(sampling_options{})(logits, {}, a) ==
          sampler({.top_k = 30, .top_p = 1, .min_p = 1e-300, .repetition_penalty = 1})(logits, {}, b));
  }
}

TEST_CASE("sampling: options without a meaning are refused in one sentence") {
  auto const refused = [](sampling_options const& o, char const* name) {
    try {
      sampler const s(o);
      FAIL_CHECK("accepted a wrong ", name);
    } catch (mamba::error const& e) {
      CHECK(std::string(e.what()).find(name) == 0);
    }
  };
  refused({.temperature = -1}, "temperature");
  refused({.temperature = not_a_number}, "temperature");
  refused({.temperature = infinity}, "temperature");
  refused({.top_p = 1.5}, "top-p");
  refused({.top_p = not_a_number}, "top-p");
  refused({.min_p = -0.1}, "min-p");
  refused({.repetition_penalty = 0}, "repetition penalty");
  refused({.repetition_penalty = infinity}, "repetition penalty");
}

TEST_CASE("sampling: nothing is allocated after the first call") {
  test::random rng(19);
  sampler draw({.temperature = 0.9, .top_k = 40, .top_p = 0.95, .min_p = 0.01, .repetition_penalty = 1.1});
  generator random(1);
  auto logits = random_logits(rng, 500);
  std::vector<token> const history{1, 2, 3, 4};
  static_cast<void>(draw(logits, history, random));
  std::size_t const before = test::allocations;
  long sum = 0;
  for (int i = 0; i < 100; ++i) {
    for (double& l : logits) l = rng.uniform(-4, 4);
    sum += draw(logits, history, random);
  }
  CHECK(test::allocations == before);
  CHECK(sum > 0);
#if !defined(MAMBA_SANITIZED)            // clang's AddressSanitizer brings its own operator new
  ::operator delete(::operator new(1));  // the counter does count
  CHECK(test::allocations > before);
#endif
#if defined(MAMBA_TEST_COUNTS_CALLOC)
  std::size_t const then = test::allocations;
  void* volatile const kept = std::calloc(1, 1);
  std::free(kept);
  CHECK(test::allocations > then);
#endif
}
