// SPDX-License-Identifier: MIT
// nn::s4d and nn::reference::s4d against what state-spaces/s4's models/s4/s4d.py computes in true float64
// (tests/golden/s4/make.py): a convolution there, a recurrence here, and s4's own recurrence as the third.
#include <mamba/nn/forward.hpp>
#include <mamba/nn/s4d.hpp>
#include <safetensors/loader.hpp>
#include <support/guarded.hpp>
#include <support/s4d_bounds.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <string>
#include <vector>

namespace {

namespace nn = mamba::nn;
using nn::s4d_output;
using bounds64 = test::s4d_bounds<double>;
constexpr double eps = 0x1p-52;

/// One case: the tensors whose names begin with its number and its kind.
struct golden {
  static constexpr std::size_t count = 8;
  small::contents const& file;
  std::string prefix;

  golden(small::contents const& from, std::size_t i) : file(from) {
    auto const& name = file.tensors.lower_bound(std::to_string(i) + ".")->first;
    prefix = name.substr(0, name.find('.', name.find('.') + 1) + 1);
  }
  [[nodiscard]] small::tensor const& at(std::string const& name) const { return file.tensors.at(prefix + name); }
  [[nodiscard]] std::vector<double> operator[](std::string const& name) const { return small::numbers(file, at(name)); }
  [[nodiscard]] std::size_t extent(std::string const& name, std::size_t axis) const {
    return static_cast<std::size_t>(at(name).shape[axis]);
  }
  [[nodiscard]] nn::s4d_config sizes(s4d_output output) const {
    return {.d_model = extent("kernel.A_imag", 0), .d_state = 2 * extent("kernel.A_imag", 1), .output = output};
  }
};

/// The layer of a checkpoint: every tensor of the layer's list has its name and shape there, and no other is left over.
template <class T>
nn::s4d<nn::any_s4d, T> load(golden const& from, s4d_output output) {
  nn::s4d<nn::any_s4d, T> layer(from.sizes(output));
  std::size_t listed = 0;
  layer.for_each(layer, [&](std::string const& name, auto const& shape, auto& storage, nn::role) {
    ++listed;
    REQUIRE(std::ranges::equal(from.at(name).shape, shape));
    auto const values = from[name];
    std::vector<T> row(storage.row_size());
    for (std::size_t i = 0; i < storage.rows(); ++i) {
      for (std::size_t k = 0; k < row.size(); ++k) row[k] = static_cast<T>(values[i * row.size() + k]);
      storage.set_row(i, row);
    }
  });
  std::size_t stored = 0;
  for (auto const& entry : from.file.tensors) stored += entry.first.starts_with(from.prefix) ? 1U : 0U;
  CHECK(listed == (output == s4d_output::glu ? 7 : 5));
  CHECK(stored == 7 + 6);  // and u, system, gelu, y, step, state
  return layer;
}

/// What rounding the parameters to T adds to the bounds: half a unit of each number that is stored.
template <class T>
void add_rounded_parameters(test::s4d_bounds<T>& bound, golden const& g) {
  constexpr double half_unit = std::numeric_limits<T>::epsilon() / 2;
  auto const log_dt = g["kernel.log_dt"], log_a = g["kernel.log_A_real"], a_imag = g["kernel.A_imag"];
  bound.of_vectors = half_unit;
  std::size_t const P = bound.of_a_bar[0].size();
  for (std::size_t d = 0; d < log_dt.size(); ++d) {
    for (std::size_t n = 0; n < P; ++n) {
      std::size_t const i = d * P + n;
      std::complex<double> const z = std::exp(log_dt[d]) * std::complex<double>(-std::exp(log_a[i]), a_imag[i]);
      double const of_delta = std::fabs(log_dt[d]) * half_unit;
      double const of_z = std::abs(z) * (of_delta + (1 + std::fabs(log_a[i])) * half_unit);
      double const phi = std::abs((std::exp(z) - 1.0) / z);
      bound.of_a_bar[d][n] += of_z;
      bound.of_c_bar[d][n] += half_unit + of_delta + of_z / 2 / phi;  // |φ₁′| ≤ ½ where Re z ≤ 0
    }
  }
}

/// What s4d.py's own system may be off by, in double. C·B̄: e^{ΔA} − 1 is a difference. K: a power by exp(k ΔA), a sum
/// of N/2. The convolution: an FFT of 2L numbers, to the bound of ours (kernels/convolution/fft_convolution.hpp).
std::vector<std::vector<double>> of_original(nn::reference::s4d<long double> const& plain, golden const& g) {
  std::size_t const H = plain.a_bar.size(), P = plain.a_bar[0].size(), L = g.extent("u", 0);
  auto const log_dt = g["kernel.log_dt"], log_a = g["kernel.log_A_real"], a_imag = g["kernel.A_imag"], D = g["D"];
  auto const u = g["u"], s = g["system"];
  std::vector<std::vector<double>> off(L, std::vector<double>(H));
  for (std::size_t d = 0; d < H; ++d) {
    std::vector<double> of_k(L), K(L);
    for (std::size_t n = 0; n < P; ++n) {
      double const z = std::exp(log_dt[d]) * std::hypot(std::exp(log_a[d * P + n]), a_imag[d * P + n]);
      auto const a = plain.a_bar[d][n];
      double const of_c = eps * (10 + (2 + 4 * z) / bounds64::abs(a - 1.0L));
      for (std::size_t k = 0; k < L; ++k) {
        auto const steps = static_cast<double>(k);
        auto const term = plain.c_bar[d][n] * std::pow(a, static_cast<long double>(k));
        K[k] += 2 * static_cast<double>(term.real());
        of_k[k] += 2 * bounds64::abs(term) * (of_c + eps * (5 * steps * z + 3 + static_cast<double>(P)));
      }
    }
    double norm_k = 0, norm_u = 0, norm_s = 0;
    for (std::size_t t = 0; t < L; ++t) {
      norm_k += K[t] * K[t];
      norm_u += u[t * H + d] * u[t * H + d];
      norm_s += std::pow(s[t * H + d] - D[d] * u[t * H + d], 2);
    }
    double const levels = std::log2(2.0 * static_cast<double>(L)) + 1;
    double const fft = eps * levels * (10 * std::sqrt(norm_k * norm_u) + 2.5 * std::sqrt(norm_s));
    for (std::size_t t = 0; t < L; ++t) {
      off[t][d] = fft + 2 * eps * (std::fabs(D[d] * u[t * H + d]) + std::fabs(s[t * H + d]));
      for (std::size_t k = 0; k <= t; ++k) off[t][d] += of_k[k] * std::fabs(u[(t - k) * H + d]);
    }
  }
  return off;
}

/// The layer in T, or the reference in double, step by step, each number within its own bound and the original's.
template <class T, class Step>
double check(golden const& g, s4d_output output, Step const& step) {
  nn::reference::s4d<long double> plain(load<double>(g, output));
  auto const exact_parameters = load<double>(g, s4d_output::glu);
  nn::reference::parameters<long double> const p(exact_parameters);
  double const largest_z = 0.1 * 40 * 2;  // Δ times |A| of the cases that golden/s4/make.py draws
  test::s4d_bounds<T> bound(plain, largest_z);
  if (!std::is_same_v<T, double>) add_rounded_parameters(bound, g);
  bounds64 const original(plain, largest_z);
  auto const off_s = of_original(plain, g);
  std::size_t const H = g.extent("u", 1);
  auto const u = g["u"], y = g[output == s4d_output::glu ? "y" : "gelu"];
  double worst = 0;
  for (std::size_t t = 0; t < g.extent("u", 0); ++t) {
    std::vector<T> row(H);
    for (std::size_t d = 0; d < H; ++d) row[d] = static_cast<T>(u[t * H + d]);
    std::vector<T> const found = step(row);
    std::vector<double> off, of_y(H);
    auto const s = bound.system({&u[t * H], &u[t * H] + H}, p["D"], off);
    for (std::size_t d = 0; d < H; ++d) {
      off[d] = bound.of_gelu(off[d], s[d]);
      // torch's gelu: x (1 + erf)/2 without erfc, so that its error is relative to x
      of_y[d] = 1.13 * off_s[t][d] + 4 * eps * bounds64::abs(s[d]);
    }
    if (output == s4d_output::glu) {
      off = bound.of_gate(s, off, p["output_linear.0.weight"], p["output_linear.0.bias"]);
      of_y = original.of_gate(s, of_y, p["output_linear.0.weight"], p["output_linear.0.bias"]);
    }
    for (std::size_t d = 0; d < H; ++d) {
      double const error = std::fabs(static_cast<double>(found[d]) - y[t * H + d]), allowed = off[d] + of_y[d];
      REQUIRE(error <= allowed);
      worst = std::max(worst, error / allowed);
    }
  }
  return worst;
}

template <class T>
double check_layer(golden const& g, s4d_output output) {
  auto const layer = load<T>(g, output);
  typename nn::s4d<nn::any_s4d, T>::state state(layer.sizes());
  nn::workspace memory(layer, 1);
  double const worst = check<T>(g, output, [&](std::vector<T>& u) {
    std::vector<T> y(u.size());
    nn::forward(layer, mamba::matrix_view<T const>(u.data(), 1, u.size()), state, memory,
                mamba::matrix_view<T>(y.data(), 1, y.size()));
    return y;
  });
  return worst;
}

small::contents const& file() {
  static small::contents const contents = small::load(MAMBA_GOLDEN_DIR "/s4/layer.safetensors");
  return contents;
}

}  // namespace

TEST_CASE("s4d golden: s4's layer, loaded by its checkpoint's names, with and without the gate") {
  for (auto const output : {s4d_output::gelu, s4d_output::glu}) {
    double worst[3] = {};
    for (std::size_t i = 0; i < golden::count; ++i) {
      golden const g(file(), i);
      CAPTURE(g.prefix);
      nn::reference::s4d<double> plain(load<double>(g, output));
      worst[0] = std::max(worst[0], check<double>(g, output, [&](std::vector<double>& u) { return plain.step(u); }));
      worst[1] = std::max(worst[1], check_layer<double>(g, output));
      worst[2] = std::max(worst[2], check_layer<float>(g, output));
    }
    MESSAGE("reference, double, float: at most ", worst[0], ", ", worst[1], ", ", worst[2], " of the bound");
  }
  CHECK(golden(file(), golden::count - 1).prefix == std::to_string(golden::count - 1) + ".slow.");
}

TEST_CASE("s4d golden: the state is that of s4's step() over B̄, and its output s4d.py's") {
  for (std::size_t i = 0; i < golden::count; ++i) {
    golden const g(file(), i);
    auto const layer = load<double>(g, s4d_output::gelu);
    nn::reference::s4d<long double> plain(layer);
    std::size_t const L = g.extent("u", 0), H = g.extent("u", 1), P = g.extent("state", 1);
    auto u = g["u"];
    auto const original = g["state"], C = g["kernel.C"], step = g["step"], s = g["system"];
    auto const off = of_original(plain, g);
    typename nn::s4d<nn::any_s4d, double>::state state(layer.sizes());
    nn::workspace memory(layer, L);
    test::guarded<double> y(L, H);
    nn::forward(layer, mamba::matrix_view<double const>(u.data(), L, H), state, memory, y.view());
    for (std::size_t d = 0; d < H; ++d) {
      for (std::size_t n = 0; n < P; ++n) {
        std::size_t const at = 2 * (d * P + n);
        std::complex<double> const c(C[at], C[at + 1]), expected(original[at], original[at + 1]);
        auto const a = plain.a_bar[d][n];
        std::complex<double> const b_bar(plain.c_bar[d][n] / std::complex<long double>(c));
        // Σ |B̄ Ā^k u|: its terms are off by B̄'s difference, and by k + 1 roundings of either recurrence.
        double sum = 0;
        for (std::size_t k = 0; k < L; ++k) {
          double const of_term = 10 * static_cast<double>(k + 1) + 10 + 10 / bounds64::abs(a - 1.0L);
          sum += of_term * std::pow(bounds64::abs(a), static_cast<double>(k)) * std::fabs(u[(L - 1 - k) * H + d]);
        }
        CHECK(std::abs(b_bar * state.ssm(d, n) - expected) <= 2 * eps * std::abs(b_bar) * sum);
      }
    }
    for (std::size_t t = 0; t < L; ++t) {  // the original's two forms, each within the bound of one
      for (std::size_t d = 0; d < H; ++d) CHECK(std::fabs(step[t * H + d] - s[t * H + d]) <= 2 * off[t][d]);
    }
  }
}
