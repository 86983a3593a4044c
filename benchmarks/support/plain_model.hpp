// SPDX-License-Identifier: MIT
// support/plain_model.hpp — a Mamba language model in plain loops, token by token: reference in double, rival in float.
//
// Written from the equations and from the names of checkpoints, with nothing of the library in it but the path by which
// it takes the weights over. llama2.c and mamba.c look like this.
#pragma once

#include <mamba/model/for_each_tensor.hpp>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace bench {

/// Weights and state. T is what is computed in; the weights are the numbers of the model it was made from.
template <class T>
class plain_model {
 public:
  template <class Weights>
  explicit plain_model(Weights const& weights) : sizes_(weights.sizes()) {
    mamba::model::for_each_tensor(
        weights, [&](std::string const& name, std::span<std::size_t const>, auto const& storage) {
          std::vector<float>& values = tensors_[name];
          values.resize(storage.rows() * storage.row_size());
          for (std::size_t i = 0; i < storage.rows(); ++i) {
            storage.get_row(i, std::span<float>(values).subspan(i * storage.row_size(), storage.row_size()));
          }
        });
    std::size_t const D = sizes_.d_inner();
    conv_.assign(sizes_.n_layer, std::vector<T>(D * sizes_.d_conv));
    h_.assign(sizes_.n_layer, std::vector<T>(D * sizes_.d_state));
  }

  /// Logits after one more token.
  std::vector<T> step(mamba::model::token next) {
    auto const& table = tensors_.at("backbone.embedding.weight");
    auto const row = table.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(next) * sizes_.d_model);
    std::vector<T> r(row, row + static_cast<std::ptrdiff_t>(sizes_.d_model));
    for (std::size_t i = 0; i < sizes_.n_layer; ++i) {
      std::vector<T> const y = mixer(i, normalised(r, layer(i) + "norm.weight"));
      for (std::size_t k = 0; k < r.size(); ++k) r[k] += y[k];
    }
    std::vector<T> logits = product("backbone.embedding.weight", normalised(r, "backbone.norm_f.weight"));
    logits.resize(sizes_.vocab_size);
    return logits;
  }

 private:
  static std::string layer(std::size_t i) { return "backbone.layers." + std::to_string(i) + "."; }
  static T silu(T x) { return x / (1 + std::exp(-x)); }

  /// W x, one dot product after the other.
  std::vector<T> product(std::string const& name, std::vector<T> const& x) const {
    std::vector<float> const& w = tensors_.at(name);
    std::vector<T> y(w.size() / x.size());
    for (std::size_t o = 0; o < y.size(); ++o) {
      T sum = 0;
      for (std::size_t k = 0; k < x.size(); ++k) sum += static_cast<T>(w[o * x.size() + k]) * x[k];
      y[o] = sum;
    }
    return y;
  }

  std::vector<T> normalised(std::vector<T> const& x, std::string const& weight) const {
    T squares = 0;
    for (T const v : x) squares += v * v;
    T const scale = 1 / std::sqrt(squares / static_cast<T>(x.size()) + static_cast<T>(sizes_.norm_epsilon));
    std::vector<T> y(x.size());
    for (std::size_t k = 0; k < x.size(); ++k) y[k] = x[k] * scale * static_cast<T>(tensors_.at(weight)[k]);
    return y;
  }

  std::vector<T> mixer(std::size_t i, std::vector<T> const& u) {
    std::string const mixer = layer(i) + "mixer.";
    std::size_t const D = sizes_.d_inner();
    std::size_t const N = sizes_.d_state;
    std::size_t const K = sizes_.d_conv;
    std::size_t const R = sizes_.rank();
    std::vector<T> const xz = product(mixer + "in_proj.weight", u);
    std::vector<T> x(D);
    for (std::size_t d = 0; d < D; ++d) {
      T* const window = conv_[i].data() + d * K;
      for (std::size_t k = 0; k + 1 < K; ++k) window[k] = window[k + 1];
      window[K - 1] = xz[d];
      T sum = static_cast<T>(tensors_.at(mixer + "conv1d.bias")[d]);
      for (std::size_t k = 0; k < K; ++k)
        sum += static_cast<T>(tensors_.at(mixer + "conv1d.weight")[d * K + k]) * window[k];
      x[d] = silu(sum);
    }
    std::vector<T> const dt_b_c = product(mixer + "x_proj.weight", x);
    std::vector<T> delta =
        product(mixer + "dt_proj.weight", {dt_b_c.begin(), dt_b_c.begin() + static_cast<std::ptrdiff_t>(R)});
    std::vector<T> y(D);
    auto const& a_log = tensors_.at(mixer + "A_log");
    auto const& dt_bias = tensors_.at(mixer + "dt_proj.bias");
    auto const& skip = tensors_.at(mixer + "D");
    for (std::size_t d = 0; d < D; ++d) {
      T const before = delta[d] + static_cast<T>(dt_bias[d]);
      T const step = before > 20 ? before : std::log1p(std::exp(before));
      T sum = static_cast<T>(skip[d]) * x[d];
      for (std::size_t n = 0; n < N; ++n) {
        T& h = h_[i][d * N + n];
        h = std::exp(-step * std::exp(static_cast<T>(a_log[d * N + n]))) * h + step * dt_b_c[R + n] * x[d];
        sum += dt_b_c[R + N + n] * h;
      }
      y[d] = sum * silu(xz[D + d]);
    }
    return product(mixer + "out_proj.weight", y);
  }

  mamba::model::config sizes_;
  std::map<std::string, std::vector<float>> tensors_;
  std::vector<std::vector<T>> conv_, h_;
};

}  // namespace bench
