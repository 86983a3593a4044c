// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/log_softmax.hpp>
#include <support/random.hpp>

#include <vector>

namespace {

namespace model = mamba::model;
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST_CASE("log_softmax: within its bound of long double, for logits of any size") {
  test::random rng(1);
  for (double const range : {1e-3, 1.0, 30.0, 3e4}) {
    std::vector<double> logits(300), found(300);
    rng.fill(std::span(logits), -range, range);
    long double sum = 0;
    auto const most = static_cast<long double>(*std::max_element(logits.begin(), logits.end()));
    for (double const x : logits) sum += std::exp(static_cast<long double>(x) - most);
    model::log_softmax<double>(logits, found);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      long double const exact = static_cast<long double>(logits[i]) - most - std::log(sum);
      // (n + 3) u of log_sum_exp and half an ulp of it, which is at most range + ln n; half an ulp of the difference.
      double const bound = 0x1p-53 * (303 + (range + 6) + static_cast<double>(std::abs(exact)));
      CHECK(static_cast<double>(std::abs(static_cast<long double>(found[i]) - exact)) <= bound);
    }
  }
}

TEST_CASE("log_softmax: probabilities of two, in place, excluded tokens, and what is no distribution") {
  std::vector<float> logits{0, std::log(3.0F), -std::numeric_limits<float>::infinity()};
  model::log_softmax<float>(logits, logits);
  CHECK(static_cast<double>(logits[0]) == doctest::Approx(std::log(0.25)).epsilon(1e-7));
  CHECK(static_cast<double>(logits[1]) == doctest::Approx(std::log(0.75)).epsilon(1e-6));
  CHECK(static_cast<double>(logits[2]) == -infinity);
  CHECK(model::log_sum_exp<double>({}) == -infinity);
  std::vector<double> const all_excluded{-infinity, -infinity}, overflow{infinity, 0}, nan{0, std::nan("")};
  CHECK(model::log_sum_exp<double>(all_excluded) == -infinity);
  CHECK(model::log_sum_exp<double>(overflow) == infinity);
  CHECK(std::isnan(model::log_sum_exp<double>(nan)));
  std::vector<float> shorter(2);
  CHECK_THROWS_AS(model::log_softmax<float>(logits, shorter), mamba::contract_violation);
}

}  // namespace
