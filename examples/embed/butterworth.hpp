// SPDX-License-Identifier: MIT
// embed/butterworth.hpp — a Butterworth filter as an S4D layer: weights from a formula, not from training.
//
//     low-pass    H(s) = Π ω_c / (s − p_k)          =     Σ_k r_k / (s − p_k)       p_k = ω_c e^{iπ(2k + n + 1)/(2n)}
//     high-pass   H(s) = Π s / (s − p_k)            = 1 + Σ_k r_k / (s − p_k)       k = 0 … n − 1
//
// Each term is a mode of a diagonal system: A = p_k, B = 1, C = r_k, and D is 0 or 1. Poles come in conjugate pairs, of
// which S4D keeps one. The layer ends with a GELU, which an exact identity undoes: channel 0 has (C, D) and channel 1
// (−C, −D), and
//
//     gelu(s) − gelu(−s) = s Φ(s) + s Φ(−s) = s.
#pragma once

#include <mamba/nn/s4d.hpp>

#include <array>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>
#include <string_view>
#include <vector>

namespace examples {

inline constexpr std::size_t filter_order = 8;

/// Two channels with opposite signs, and a complex mode for each conjugate pair of poles.
inline constexpr mamba::nn::s4d_config filter_sizes{
    .d_model = 2, .d_state = filter_order, .output = mamba::nn::s4d_output::gelu};
using filter_layer = mamba::nn::s4d<filter_sizes>;

enum class passband { low, high };

/// Sets the layer's parameters.
///
/// Why:     zero-order hold keeps the response at 0 Hz exactly, and at a frequency f loses the factor
///          sinc(f/rate), 0.07 % at a 48th of the rate.
/// Units:   cutoff [Hz], where the response is 1/√2; rate [1/s].
/// Domain:  0 < cutoff ≤ rate/4.
/// Error:   A, C and Δ are rounded to float, each term of the response by some 1e-6 of itself; the terms have up to
///          6.4 times the size of their sum. So a high-pass lets about 1e-5 of a constant pass.
inline void design_butterworth(filter_layer& layer, passband which, double cutoff, double rate) {
  constexpr std::size_t pairs = filter_order / 2;
  double const omega = 2 * std::numbers::pi * cutoff;
  std::array<std::complex<double>, filter_order> pole;  // for ω_c = 1; the first half has Im p > 0
  for (std::size_t k = 0; k < filter_order; ++k) {
    double const turn = static_cast<double>(2 * k + filter_order + 1) / (2 * filter_order);
    pole[k] = std::polar(1.0, std::numbers::pi * turn);
  }
  std::array<std::complex<double>, pairs> residue;
  for (std::size_t k = 0; k < pairs; ++k) {
    residue[k] = which == passband::low ? 1.0 : std::pow(pole[k], static_cast<int>(filter_order));
    for (std::size_t j = 0; j < filter_order; ++j) {
      if (j != k) residue[k] /= pole[k] - pole[j];
    }
  }
  filter_layer::for_each(layer, [&](std::string_view name, auto const&, auto& tensor, auto) {
    std::vector<float> row(tensor.row_size());
    for (std::size_t channel = 0; channel < tensor.rows(); ++channel) {
      double const sign = channel == 0 ? 1 : -1;
      for (std::size_t i = 0; i < row.size(); ++i) {
        double value = 0;
        if (name == "D") value = which == passband::high ? sign : 0;
        if (name == "kernel.C") value = sign * omega * (i % 2 == 0 ? residue[i / 2].real() : residue[i / 2].imag());
        if (name == "kernel.log_dt") value = -std::log(rate);
        if (name == "kernel.log_A_real") value = std::log(-omega * pole[i].real());
        if (name == "kernel.A_imag") value = omega * pole[i].imag();
        row[i] = static_cast<float>(value);
      }
      tensor.set_row(channel, std::span<float const>(row));
    }
  });
}

/// The state after a constant input u without end: h = Ā h + u, so h = u / (1 − Ā).
///
/// Why:     from a zero state the first sample would be a step from silence, which is heard as a click.
[[nodiscard]] inline filter_layer::state settled(filter_layer const& layer, float u) {
  filter_layer::state state(filter_sizes);
  auto const& a_bar = layer.kernel.a_bar();
  for (std::size_t channel = 0; channel < a_bar.channels(); ++channel) {
    for (std::size_t n = 0; n < a_bar.depth(); ++n) {
      std::complex<double> const h = double{u} / (1.0 - std::complex<double>(a_bar(channel, n)));
      state.ssm.set(channel, n, {static_cast<float>(h.real()), static_cast<float>(h.imag())});
    }
  }
  return state;
}

}  // namespace examples
