// SPDX-License-Identifier: MIT
// mamba/nn/forward.hpp — one mixer by itself: x in, y out, the state carried.  [floor 5]
#pragma once

#include <mamba/nn/layer.hpp>
#include <mamba/nn/workspace.hpp>

namespace mamba::inline MAMBA_ABI::nn {

/// y = f(x, state) for one sequence, which continues from `state` and leaves it behind.
///
///     nn::forward(mixer, x, state, workspace, y);
///
/// Shapes:  x, y [L, width], any L that the workspace was made for.
/// Determinism: the mixer's: the same bits for every split of L into calls and every number of threads.
/// Throws:  nothing.
template <mixer M, class Workspace>
void forward(M const& m, std::type_identity_t<matrix_view<typename M::scalar const>> x, typename M::state& state,
             Workspace& workspace,
             std::type_identity_t<matrix_view<typename M::scalar>> y) noexcept(!core::contracts_checked) {
  std::size_t const L = x.extent(0);
  MAMBA_EXPECTS(x.extent(1) == M::width(m.sizes()), "nn::forward: x has the mixer's width", x.extent(1),
                M::width(m.sizes()));
  MAMBA_EXPECTS(y.shape() == x.shape(), "nn::forward: y has the shape of x");
  if (L == 0) return;
  segment<typename M::state> const all[] = {{0, L, &state}};
  parallel::parallel_region(m.cost(L), [&] {
    arena at = workspace.memory();
    typename M::input const input(at, x);
    parallel::parallel_for(L, parallel::cost::elementwise(2 * x.size()),
                           [&](std::size_t first, std::size_t last) { input.quantize(first, last - first); });
    m.template apply<kernels::output::assign>(input, all, at, y);
  });
}

/// One row: forward() with L = 1.
template <mixer M, class Workspace>
void step(M const& m, std::type_identity_t<std::span<typename M::scalar const>> x, typename M::state& state,
          Workspace& workspace,
          std::type_identity_t<std::span<typename M::scalar>> y) noexcept(!core::contracts_checked) {
  using T = typename M::scalar;
  nn::forward(m, matrix_view<T const>(x.data(), std::size_t{1}, x.size()), state, workspace,
              matrix_view<T>(y.data(), std::size_t{1}, y.size()));
}

}  // namespace mamba::inline MAMBA_ABI::nn
