// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/reference/plain.hpp>

#include <vector>

namespace {

namespace plain = mamba::nn::reference;
using numbers = std::vector<double>;

TEST_CASE("reference: product, norm and silu by hand") {
  CHECK(plain::product<double>({1, 2, 3, 4}, {10, 20}, numbers{5, 6}) == numbers{27, 59});
  CHECK(plain::product<double>({1, 2, 3, 4}, {}, numbers{5, 6}) == numbers{17, 39});
  CHECK(plain::rms_norm<double>(numbers{3, 4}, {1, 2}, 0)[1] == doctest::Approx(8 / std::sqrt(12.5)));
  CHECK(plain::silu(1.0) == doctest::Approx(0.7310585786300049));
  CHECK(plain::silu(0.0) == 0);
}

TEST_CASE("reference: parameters by name, none where there is none of that name") {
  mamba::nn::mamba1<> mixer({.d_model = 4, .d_state = 2});
  mixer.a_log.set_row(3, std::vector<float>{1, 2});
  plain::parameters<double> const p(mixer);
  CHECK(p["A_log"].size() == 16);
  CHECK(p["A_log"][7] == 2);
  CHECK(p["in_proj.weight"].size() == 64);
  CHECK(p["in_proj.bias"].empty());
}

}  // namespace
