// SPDX-License-Identifier: MIT
// mamba/nn/rms_norm.hpp — root-mean-square normalisation of each token.  [floor 5]
#pragma once

#include <mamba/math/rms_norm.hpp>
#include <mamba/nn/storage.hpp>
#include <mamba/parallel/parallel_for.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// y_t = x_t / √(mean(x_t²) + ε) · weight, token by token.
///
/// Shapes:  weight [Model], ones at first; x, y [L, Model].
/// Error:   that of math::rms_norm.
/// Determinism: the same bits for every split of L into calls and every number of threads.
template <class T, std::size_t Model = dynamic, class Storage = packed>
class rms_norm {
 public:
  using vector = typename Storage::template vector<T, Model>;

  rms_norm() = default;
  constexpr rms_norm(std::size_t d_model, double epsilon) : weight_(d_model), epsilon_(static_cast<T>(epsilon)) {
    T const one[] = {T{1}};
    if constexpr (requires { weight_.set_row(0, one); }) {
      for (std::size_t i = 0; i < weight_.rows(); ++i) weight_.set_row(i, one);
    }
  }

  /// On the threads of the calling parallel region.
  void operator()(matrix_view<T const> x, matrix_view<T> y) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    MAMBA_EXPECTS(x.shape() == y.shape(), "rms_norm: x and y must have one shape");
    parallel::parallel_for(x.extent(0), cost(x.extent(0)), [&](std::size_t first, std::size_t last) {
      normalize(x.rows(first, last - first), y.rows(first, last - first));
    });
  }

  /// On the calling thread alone.
  void normalize(matrix_view<T const> x, matrix_view<T> y) const noexcept(!core::contracts_checked)
    requires Storage::computes
  {
    for (std::size_t t = 0; t < x.extent(0); ++t) math::rms_norm<T>(x.row(t), weight_.span(), epsilon_, y.row(t));
  }

  /// The cost of L tokens on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept {
    return parallel::cost::elementwise(L * weight_.rows());
  }

  [[nodiscard]] constexpr vector& weight() noexcept { return weight_; }
  [[nodiscard]] constexpr vector const& weight() const noexcept { return weight_; }

 private:
  vector weight_;
  T epsilon_ = T{0};
};

}  // namespace mamba::inline MAMBA_ABI::nn
