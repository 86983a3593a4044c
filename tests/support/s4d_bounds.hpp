// SPDX-License-Identifier: MIT
// tests/support/s4d_bounds.hpp — what the numbers of an S4D layer may be off by, from the bounds of its parts.
#pragma once

#include <mamba/nn/reference/s4d.hpp>
#include <mamba/simd/scalar.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <vector>

namespace test {

/// Errors of a layer computed in T, beside the exact one in extended precision, which system() advances step by step.
template <class T>
struct s4d_bounds {
  using exact_layer = mamba::nn::reference::s4d<long double>;
  using numbers = std::vector<long double>;
  using errors = std::vector<double>;
  static constexpr double eps = std::numeric_limits<T>::epsilon();
  static constexpr double unfused = mamba::simd::fused ? 1 : 2;

  exact_layer& plain;
  std::vector<errors> of_a_bar, of_c_bar;  ///< relative; s4d_modes's card unless noted
  std::vector<errors> of_h;
  double of_vectors = 0;  ///< relative, of u, D, weights and biases beside the exact layer's

  /// Of |ΔA| at most z.
  s4d_bounds(exact_layer& exact, double z)
      : plain(exact),
        of_a_bar(exact.h.size(), errors(exact.h[0].size(), eps + (2 + z) * 0x1p-52)),
        of_c_bar(exact.h.size(), errors(exact.h[0].size(), eps + (8 + z) * 0x1p-52)),
        of_h(exact.h.size(), errors(exact.h[0].size())) {}

  /// The exact s for the next u, and what it may be off by: diagonal_recurrence's card.
  numbers system(numbers const& u, numbers const& skip, errors& off) {
    auto const before = plain.h;
    auto s = plain.system(u);
    off.assign(u.size(), 0);
    for (std::size_t d = 0; d < u.size(); ++d) {
      double const size_u = abs(u[d]);
      double sum = abs(skip[d]) * size_u;
      off[d] = 2 * of_vectors * sum;
      for (std::size_t n = 0; n < before[d].size(); ++n) {
        double const a = abs(plain.a_bar[d][n]), c = abs(plain.c_bar[d][n]), h = abs(plain.h[d][n]);
        double const ah = a * abs(before[d][n]);
        of_h[d][n] = a * of_h[d][n] + of_a_bar[d][n] * ah + of_vectors * size_u +
                     unfused * eps * (ah + 2 * size_u + h) / std::numbers::sqrt2;
        off[d] += 2 * c * (of_h[d][n] + of_c_bar[d][n] * h);
        sum += 2 * c * h;
      }
      off[d] += unfused * (2 * static_cast<double>(before[d].size()) + 5) / 2 * eps * sum;
      off[d] *= 1.01;  // products of two errors
    }
    return s;
  }

  /// gelu's slope is at most 1.13.
  [[nodiscard]] static double of_gelu(double off, long double s) {
    return 1.13 * off + 8 * eps * abs(mamba::nn::reference::gelu(s));
  }

  /// Of the output with the gate, where gelu(s) is off by `off`: linear's card, and 3 ε for the gate.
  [[nodiscard]] errors of_gate(numbers const& s, errors const& off, numbers const& w, numbers const& b) const {
    std::size_t const H = s.size();
    errors out(H);
    for (std::size_t d = 0; d < H; ++d) {
      double of[2] = {}, value[2] = {};  // of a and g
      for (std::size_t k = 0; k < 2; ++k) {
        double size = abs(b[k * H + d]);
        long double sum = b[k * H + d];
        for (std::size_t j = 0; j < H; ++j) {
          long double const wj = w[(k * H + d) * H + j], gj = mamba::nn::reference::gelu(s[j]);
          of[k] += abs(wj) * off[j];
          size += abs(wj * gj);
          sum += wj * gj;
        }
        of[k] += (static_cast<double>(H + 1) * eps + of_vectors) * size;
        value[k] = static_cast<double>(sum);
      }
      double const open = 1 / (1 + std::exp(-value[1]));
      out[d] = of[0] * open + std::fabs(value[0]) * of[1] / 4 + 3 * eps * std::fabs(value[0]) * open;
      out[d] *= 1.01;
    }
    return out;
  }

  template <class V>
  [[nodiscard]] static double abs(V const& v) {
    return static_cast<double>(std::abs(v));
  }
};

}  // namespace test
