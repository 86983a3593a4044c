// SPDX-License-Identifier: MIT
// mamba/nn/rms_norm.hpp — root-mean-square normalisation of every token.  [floor 5]
#pragma once

#include <mamba/math/rms_norm.hpp>
#include <mamba/nn/parameter.hpp>
#include <mamba/parallel/parallel_for.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// y_t = x_t / √(mean(x_t²) + ε) · weight, token by token.
///
/// Shapes:  weight [Model]; x, y [L, Model].
/// Error:   that of math::rms_norm.
template <class T, std::size_t Model = dynamic>
class rms_norm {
 public:
  rms_norm() = default;
  rms_norm(std::size_t d_model, double epsilon) : weight_(d_model), epsilon_(static_cast<T>(epsilon)) {
    for (T& w : weight_.span()) w = T{1};
  }

  void operator()(matrix_view<T const> x, matrix_view<T> y) const noexcept(!core::contracts_checked) {
    MAMBA_EXPECTS(x.shape() == y.shape(), "rms_norm: x and y must have one shape");
    parallel::parallel_for(x.extent(0), cost(x.extent(0)), [&](std::size_t first, std::size_t last) {
      for (std::size_t t = first; t < last; ++t) math::rms_norm<T>(x.row(t), weight_.span(), epsilon_, y.row(t));
    });
  }

  /// What L tokens cost one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept {
    return {0.3 * static_cast<double>(L * weight_.rows())};
  }

  [[nodiscard]] vector_parameter<T, Model>& weight() noexcept { return weight_; }
  [[nodiscard]] vector_parameter<T, Model> const& weight() const noexcept { return weight_; }

 private:
  vector_parameter<T, Model> weight_;
  T epsilon_ = T{0};
};

}  // namespace mamba::inline MAMBA_ABI::nn
