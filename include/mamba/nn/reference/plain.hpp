// SPDX-License-Identifier: MIT
// mamba/nn/reference/plain.hpp — the operations of a layer in plain loops, one token at a time.  [floor 5]
//
// References for tests and benchmarks: written from the equations, in any T (double, long double; float to compare
// speeds). Of the library they use only a layer's list of parameters.
#pragma once

#include <mamba/core/abi.hpp>

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::nn::reference {

/// x ↦ W x + b: weight [out, in] row-major, bias [out] or empty.
template <class T>
struct projection {
  std::vector<T> const& weight;
  std::vector<T> const& bias;
};

/// The parameters of a layer or a model as plain rows, by name or by role.
template <class T>
class parameters {
 public:
  /// Of anything with for_each(layer, f(name, shape, storage, role)) whose storages have get_row.
  template <class L>
  explicit parameters(L const& layer) {
    using scalar = typename L::scalar;
    L::for_each(layer, [&](auto const& name, auto const&, auto const& storage, auto role) {
      std::vector<T> values;
      std::vector<scalar> row(storage.row_size());
      for (std::size_t i = 0; i < storage.rows(); ++i) {
        storage.get_row(i, std::span<scalar>(row));
        values.insert(values.end(), row.begin(), row.end());
      }
      tensors_.push_back({std::string(name), static_cast<int>(role), std::move(values)});
    });
  }

  /// All rows of a tensor, one after the other; empty where there is none of that name.
  [[nodiscard]] std::vector<T> const& operator[](std::string_view name) const noexcept {
    for (tensor const& t : tensors_) {
      if (t.name == name) return t.values;
    }
    static std::vector<T> const none;
    return none;
  }

  /// The k-th weight of a role, in the order of the layer's list, with its bias, if it has one.
  template <class Role>
  [[nodiscard]] projection<T> of(Role role, std::size_t k = 0) const {
    constexpr std::string_view weight = "weight";
    for (tensor const& t : tensors_) {
      if (t.role != static_cast<int>(role) || !t.name.ends_with(weight) || k-- > 0) continue;
      return {t.values, (*this)[t.name.substr(0, t.name.size() - weight.size()) + "bias"]};
    }
    return {(*this)[{}], (*this)[{}]};
  }

 private:
  struct tensor {
    std::string name;
    int role;
    std::vector<T> values;
  };
  std::vector<tensor> tensors_;
};

/// x / (1 + e⁻ˣ)
template <class T>
[[nodiscard]] T silu(T x) {
  return x / (1 + std::exp(-x));
}

/// y = W x + b, one dot product after the other; W [out, in] row-major, b [out] or empty.
template <class T>
[[nodiscard]] std::vector<T> product(std::vector<T> const& w, std::vector<T> const& b, std::span<T const> x) {
  std::vector<T> y(x.empty() ? b.size() : w.size() / x.size());
  for (std::size_t o = 0; o < y.size(); ++o) {
    y[o] = b.empty() ? T{0} : b[o];
    for (std::size_t k = 0; k < x.size(); ++k) y[o] += w[o * x.size() + k] * x[k];
  }
  return y;
}

template <class T>
[[nodiscard]] std::vector<T> product(projection<T> const& p, std::span<T const> x) {
  return product(p.weight, p.bias, x);
}

/// x / √(mean(x²) + ε) · w
template <class T>
[[nodiscard]] std::vector<T> rms_norm(std::span<T const> x, std::vector<T> const& w, T epsilon) {
  T squares = 0;
  for (T const v : x) squares += v * v;
  T const scale = 1 / std::sqrt(squares / static_cast<T>(x.size()) + epsilon);
  std::vector<T> y(x.begin(), x.end());
  for (std::size_t k = 0; k < y.size(); ++k) y[k] *= scale * w[k];
  return y;
}

}  // namespace mamba::inline MAMBA_ABI::nn::reference
