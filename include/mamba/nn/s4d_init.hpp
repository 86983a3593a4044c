// SPDX-License-Identifier: MIT
// mamba/nn/s4d_init.hpp — the initial parameters of an S4D layer.  [floor 5]
#pragma once

#include <mamba/nn/format_policy.hpp>
#include <mamba/ssm/hippo/s4d_modes.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <numbers>
#include <span>
#include <string_view>
#include <vector>

namespace mamba::inline MAMBA_ABI::nn {

/// The modes of a new S4D layer, the same in every channel.
enum class s4d_modes_init {
  lin,   ///< −½ + iπn
  inv,   ///< −½ + i N/π (N/(2n+1) − 1)
  quad,  ///< −½ + i (1+2n)²/π
  real   ///< −(n+1), with C real
};

/// The steps of a new S4D layer, one for each channel, between delta_min and delta_max.
enum class s4d_delta_init {
  log_uniform,  ///< drawn, as s4 does
  log_spaced    ///< in equal ratios, channel 0 the shortest
};

/// How initialize() fills an S4D layer. The defaults are those of s4's models/s4/s4d.py.
struct s4d_init_options {
  s4d_modes_init modes = s4d_modes_init::lin;
  s4d_delta_init delta = s4d_delta_init::log_uniform;
  double delta_min = 1e-3, delta_max = 0.1;  ///< [s]
  bool unit_d = false;                       ///< D = 1 instead of normal
};

/// Fills a new S4D layer: modes, log-uniform or log-spaced steps, C and D normal, output_linear as torch's Conv1d.
///
///     nn::initialize(mixer, {.modes = nn::s4d_modes_init::inv}, [&] { return generator.uniform(); });
///
/// Paper:   S4D, sections 3 and 4; s4's models/s4/s4d.py.
/// Shapes:  uniform() gives a double in [0, 1).
/// Domain:  0 < delta_min ≤ delta_max.
/// Determinism: numbers are drawn in the order of for_each(), row by row; they do not depend on the standard library.
/// Throws:  std::bad_alloc: a row.
template <class S4D, class Uniform>
void initialize(S4D& layer, s4d_init_options const& options, Uniform&& uniform);

namespace detail {

/// Normal, mean 0, variance 1 (Box and Muller).
template <class Uniform>
[[nodiscard]] double normal(Uniform& uniform) {
  double const radius = std::sqrt(-2 * std::log(1 - uniform()));
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

[[nodiscard]] inline std::complex<double> s4d_mode(s4d_modes_init which, double n, double states) {
  switch (which) {
    case s4d_modes_init::inv:
      return ssm::s4d_inv_mode(n, states);
    case s4d_modes_init::quad:
      return ssm::s4d_quad_mode(n);
    case s4d_modes_init::real:
      return ssm::s4d_real_mode(n);
    case s4d_modes_init::lin:
      break;
  }
  return ssm::s4d_lin_mode(n);
}

/// The k-th number in row d of the kernel's or the layer's tensor `name`.
template <class Uniform>
class s4d_start {
 public:
  s4d_start(s4d_init_options const& o, std::size_t channels, std::size_t states, Uniform& uniform)
      : o_(o), channels_(channels), states_(static_cast<double>(states)), uniform_(uniform) {}

  [[nodiscard]] double operator()(std::string_view name, std::size_t d, std::size_t k) {
    auto const mode = [&] { return s4d_mode(o_.modes, static_cast<double>(k), states_); };
    if (name == "D") return o_.unit_d ? 1 : normal(uniform_);
    if (name == "kernel.C") return c(k);
    if (name == "kernel.log_dt") return ssm::log_delta(share(d), o_.delta_min, o_.delta_max);
    if (name == "kernel.log_A_real") return std::log(-mode().real());
    if (name == "kernel.A_imag") return mode().imag();
    double const bound = 1 / std::sqrt(static_cast<double>(channels_));  // output_linear: torch's Conv1d
    return bound * (2 * uniform_() - 1);
  }

 private:
  /// Re and Im in turn; the complex number has variance 1.
  [[nodiscard]] double c(std::size_t k) {
    bool const real = o_.modes == s4d_modes_init::real;
    if (real && k % 2 == 1) return 0;
    return normal(uniform_) * (real ? 1 : std::sqrt(0.5));
  }
  [[nodiscard]] double share(std::size_t d) {
    if (o_.delta == s4d_delta_init::log_uniform) return uniform_();
    return static_cast<double>(d) / static_cast<double>(std::max<std::size_t>(channels_ - 1, 1));
  }

  s4d_init_options o_;
  std::size_t channels_;
  double states_;
  Uniform& uniform_;
};

}  // namespace detail

template <class S4D, class Uniform>
void initialize(S4D& layer, s4d_init_options const& options, Uniform&& uniform) {
  using T = typename S4D::scalar;
  auto const& sizes = layer.sizes();
  detail::s4d_start start(options, sizes.d_model, sizes.d_state, uniform);
  S4D::for_each(layer, [&](std::string_view name, auto const&, auto& storage, role) {
    std::vector<T> row(storage.row_size());
    for (std::size_t d = 0; d < storage.rows(); ++d) {
      for (std::size_t k = 0; k < row.size(); ++k) row[k] = static_cast<T>(start(name, d, k));
      storage.set_row(d, std::span<T const>(row));
    }
  });
}

}  // namespace mamba::inline MAMBA_ABI::nn
