// SPDX-License-Identifier: MIT
// mamba/nn/forward.hpp — one mixer by itself: x in, y out, the state carried.  [floor 5]
#pragma once

#include <mamba/nn/layer.hpp>
#include <mamba/nn/workspace.hpp>

#include <concepts>
#include <span>

namespace mamba::inline MAMBA_ABI::nn {

namespace detail {

template <mixer M, class Workspace>
void forward(M const& m, matrix_view<typename M::scalar const> x, typename M::state& state, Workspace& workspace,
             matrix_view<typename M::scalar> y) noexcept(!core::contracts_checked) {
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

}  // namespace detail

/// y = f(x, state) for one sequence, which continues from `state` and updates it.
///
///     nn::forward(mixer, x, state, workspace, y);
///
/// Shapes:  x, y [L, width], any L that the workspace was made for.
/// Determinism: the mixer's: the same bits for every split of L into calls and every number of threads.
/// Throws:  nothing.
template <mixer M, class X = matrix_view<typename M::scalar const>, class State, class Workspace,
          class Y = matrix_view<typename M::scalar>>
void forward(M const& m, X const& x, State& state, Workspace& workspace, Y&& y) noexcept(!core::contracts_checked) {
  using T = typename M::scalar;
  constexpr bool state_fits = std::same_as<State, typename M::state>;
  constexpr bool views = std::convertible_to<X const&, matrix_view<T const>> && std::convertible_to<Y, matrix_view<T>>;
  static_assert(state_fits, "nn::forward: the state must be the mixer's: M::state, the same sizes and arithmetic type");
  static_assert(views,
                "nn::forward: x and y must be views of the mixer's arithmetic type: {data, rows, width} or a tensor");
  if constexpr (state_fits && views) detail::forward(m, matrix_view<T const>(x), state, workspace, matrix_view<T>(y));
}

/// One row: forward() with L = 1.
template <mixer M, class X = std::span<typename M::scalar const>, class State, class Workspace,
          class Y = std::span<typename M::scalar>>
void step(M const& m, X const& x, State& state, Workspace& workspace, Y&& y) noexcept(!core::contracts_checked) {
  using T = typename M::scalar;
  constexpr bool state_fits = std::same_as<State, typename M::state>;
  constexpr bool spans = std::convertible_to<X const&, std::span<T const>> && std::convertible_to<Y, std::span<T>>;
  static_assert(state_fits, "nn::step: the state must be the mixer's: M::state, the same sizes and arithmetic type");
  static_assert(spans, "nn::step: x and y must be spans of the mixer's arithmetic type");
  if constexpr (state_fits && spans) {
    std::span<T const> const in(x);
    std::span<T> const out(y);
    detail::forward(m, matrix_view<T const>(in.data(), std::size_t{1}, in.size()), state, workspace,
                    matrix_view<T>(out.data(), std::size_t{1}, out.size()));
  }
}

}  // namespace mamba::inline MAMBA_ABI::nn
