// SPDX-License-Identifier: MIT
// mamba/model/detail/layer_segments.hpp — what one layer of a stack gets of names, segments and logs.  [floor 6]
#pragma once

#include <mamba/model/layer_list.hpp>
#include <mamba/nn/layer.hpp>
#include <mamba/nn/parameter_names.hpp>

#include <memory>
#include <span>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::model::detail {

/// What is done after a layer: nothing.
struct no_function {
  constexpr void operator()(std::size_t) const noexcept {}
};

/// Whether a call of a stack throws nothing where contracts are not checked: a caller's function may.
template <class After>
inline constexpr bool quiet = !core::contracts_checked && std::is_same_v<After, no_function>;

/// Columns of a log: those of one layer, or all of a stack's.
struct log_columns {
  std::size_t first, count;
};

/// The columns after `before`, for a layer: none where it isn't replayable.
template <class L>
[[nodiscard]] constexpr log_columns columns_after(log_columns before, L const& layer) noexcept {
  std::size_t count = 0;
  if constexpr (nn::replayable<L>) count = layer.replay_width();
  return {before.first + before.count, count};
}

/// The segments of layer i of a stack, from those of the stack: in workspace.
template <class State, class StackState, class Select>
[[nodiscard]] std::span<nn::segment<State> const> layer_segments(std::span<nn::segment<StackState> const> all,
                                                                 arena& at, log_columns of_layer,
                                                                 Select const& select) {
  std::span<nn::segment<State>> const own = at.take<nn::segment<State>>(all.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    std::construct_at(&own[k], nn::segment<State>{all[k].first, all[k].count, select(*all[k].state)});
    if constexpr (std::is_same_v<nn::state_scalar<State>, nn::state_scalar<StackState>>) {
      if (!all[k].log.empty()) own[k].log = all[k].log.columns(of_layer.first, of_layer.count);
    }
  }
  return own;
}

/// visit(i, f) for every layer, with an f that prefixes names with "layers.i.".
template <class F, class Visit>
constexpr void for_each_layer(std::size_t count, F& f, Visit const& visit) {
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (nn::is_nameless<std::remove_const_t<F>>) {
      visit(i, f);
    } else {
      nn::parameter_name const prefix = nn::numbered_name("layers", i);
      visit(i, nn::prefixed(prefix, f));
    }
  }
}

/// The storage of a stack's layers: of shapes one for all; of constant storage in place, since they are pointers.
template <class L, std::size_t Count, class Storage = typename L::storage>
struct layers_of {
  using type = layer_list<L, Count>;
};
template <class L, std::size_t Count>
struct layers_of<L, Count, nn::meta> {
  using type = repeated_list<L>;
};
template <class L, std::size_t Count>
  requires static_extent<Count>
struct layers_of<L, Count, nn::constant> {
  using type = inline_list<L, Count>;
};

}  // namespace mamba::inline MAMBA_ABI::model::detail
