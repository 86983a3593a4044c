// SPDX-License-Identifier: MIT
#include <mamba/nn/reference/s4d.hpp>
#include <mamba/nn/s4d.hpp>
#include <support/parameters.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

namespace nn = mamba::nn;

TEST_CASE("reference::s4d: an impulse gives s4d.py's K = 2 Re Σ C (e^{ΔA} − 1)/A e^{ΔA k}, and D at once") {
  nn::s4d<nn::any_s4d, double> mixer({.d_model = 2, .d_state = 4, .output = nn::s4d_output::gelu});
  test::random rng(1);
  nn::s4d<nn::any_s4d, double>::for_each(mixer, [&](std::string const&, auto const&, auto& storage, nn::role) {
    test::fill_rows<double>(storage, rng, -1, 1);
  });
  nn::reference::parameters<double> const p(mixer);
  nn::reference::s4d<double> plain(mixer);
  for (std::size_t k = 0; k < 6; ++k) {
    double const one = k == 0 ? 1 : 0;
    auto const y = plain.system(std::vector<double>{one, -2 * one});
    for (std::size_t d = 0; d < 2; ++d) {
      double exact = k == 0 ? p["D"][d] : 0;
      for (std::size_t n = 0; n < 2; ++n) {
        std::size_t const i = 2 * d + n;
        std::complex<double> const a(-std::exp(p["kernel.log_A_real"][i]), p["kernel.A_imag"][i]);
        std::complex<double> const c(p["kernel.C"][2 * i], p["kernel.C"][2 * i + 1]);
        std::complex<double> const dta = a * std::exp(p["kernel.log_dt"][d]);
        exact += 2 * (c * (std::exp(dta) - 1.0) / a * std::exp(dta * static_cast<double>(k))).real();
      }
      CHECK(y[d] == doctest::Approx(d == 0 ? exact : -2 * exact).epsilon(1e-12));
    }
  }
}

TEST_CASE("reference::gelu: values of the normal distribution") {
  CHECK(nn::reference::gelu(0.0) == 0);
  CHECK(nn::reference::gelu(1.0) == doctest::Approx(0.8413447460685429).epsilon(1e-15));
  CHECK(nn::reference::gelu(-1.0) == doctest::Approx(-0.15865525393145705).epsilon(1e-15));
}
