// SPDX-License-Identifier: MIT
// mamba/model/stack.hpp — layers one after the other: of one kind, or of several.  [floor 6]
//
//     stack<nn::block<nn::mamba1<>>>                    one kind: a vector of layers, no variant
//     stack<nn::block<nn::mamba1<>>, my_layer>          several: a vector of variants, one visit per layer and call
//
// A stack is itself like a layer: r ← layer_n(… layer_1(r)), with the states of all its layers as its state.
#pragma once

#include <mamba/model/detail/layer_segments.hpp>
#include <mamba/model/layer_list.hpp>
#include <mamba/nn/layer.hpp>

#include <algorithm>
#include <tuple>
#include <variant>
#include <vector>

namespace mamba::inline MAMBA_ABI::model {

/// The states of a stack of one kind.
template <class State, std::size_t Count>
struct uniform_state {
  using scalar = nn::state_scalar<State>;
  layer_list<State, Count> layers;

  [[nodiscard]] constexpr std::size_t size() const noexcept { return layers.size(); }
  void reset() noexcept {
    for (auto& layer : layers) layer.reset();
  }
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    detail::for_each_layer(self.layers.size(), f,
                           [&](std::size_t i, auto const& named) { State::for_each(self.layers[i], named); });
  }
  friend bool operator==(uniform_state const&, uniform_state const&) = default;
};

/// `count` layers of one kind with one configuration.
template <class Layer>
struct uniform_config {
  Layer layer;
  std::size_t count;
  friend constexpr bool operator==(uniform_config const&, uniform_config const&) noexcept = default;
};

/// A stack of one kind of layer. Count may be dynamic.
template <nn::stackable L, std::size_t Count = dynamic>
class uniform_stack {
 public:
  using scalar = typename L::scalar;
  using storage = typename L::storage;
  using layer = L;
  using config = uniform_config<typename L::config>;
  using state = uniform_state<typename L::state, Count>;
  template <class Other>
  using with_storage = uniform_stack<typename L::template with_storage<Other>, Count>;

  constexpr explicit uniform_stack(config const& c) : layers_(c.count, [&] { return L(c.layer); }) {}

  [[nodiscard]] static state initial_state(config const& c) {
    return {layer_list<typename L::state, Count>(c.count, [&] { return L::initial_state(c.layer); })};
  }

  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    detail::for_each_layer(self.size(), f, [&](std::size_t i, auto const& named) { L::for_each(self[i], named); });
  }

  /// Bytes of workspace for so many rows of so many sequences.
  [[nodiscard]] static constexpr std::size_t workspace(config const& c, std::size_t rows,
                                                       std::size_t sequences) noexcept {
    arena at;
    static_cast<void>(at.take<nn::segment<typename L::state>>(sequences));
    return saturated_sum(at.used(), L::workspace(c.layer, rows));
  }

  /// r ← layer_n(… layer_1(r)) for the rows of all segments; after(i) when layer i is done.
  template <class After = detail::no_function>
  void operator()(matrix_view<scalar> r, std::span<nn::segment<state> const> segments, arena at,
                  After const& after = {}) const noexcept(detail::quiet<After>)
    requires storage::computes
  {
    detail::log_columns columns{};
    for (std::size_t i = 0; i < size(); ++i) {
      arena rest = at;
      columns = detail::columns_after(columns, layers_[i]);
      auto const own =
          detail::layer_segments<typename L::state>(segments, rest, columns, [i](state& s) { return &s.layers[i]; });
      layers_[i](r, own, rest);
      after(i);
    }
  }

  /// Those of all layers, side by side (nn/replay.hpp).
  [[nodiscard]] constexpr std::size_t replay_width() const noexcept
    requires nn::replayable<L>
  {
    return size() == 0 ? 0 : size() * layers_[0].replay_width();
  }
  void replay(matrix_view<scalar const> rows, state& s, arena at) const noexcept(!core::contracts_checked)
    requires(storage::computes && nn::replayable<L>)
  {
    detail::log_columns columns{};
    for (std::size_t i = 0; i < size(); ++i) {
      columns = detail::columns_after(columns, layers_[i]);
      layers_[i].replay(rows.columns(columns.first, columns.count), s.layers[i], at);
    }
  }

  /// The cost of L rows on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t rows) const noexcept {
    return size() == 0 ? parallel::cost{} : static_cast<double>(size()) * layers_[0].cost(rows);
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept { return layers_.size(); }
  [[nodiscard]] constexpr L& operator[](std::size_t i) noexcept { return layers_[i]; }
  [[nodiscard]] constexpr L const& operator[](std::size_t i) const noexcept { return layers_[i]; }

 private:
  typename detail::layers_of<L, Count>::type layers_;
};

/// The states of a stack of several kinds.
template <class... State>
struct mixed_state {
  using scalar = nn::state_scalar<std::tuple_element_t<0, std::tuple<State...>>>;
  std::vector<std::variant<State...>> layers;

  [[nodiscard]] constexpr std::size_t size() const noexcept { return layers.size(); }
  void reset() noexcept {
    for (auto& layer : layers) std::visit([](auto& s) { s.reset(); }, layer);
  }
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    detail::for_each_layer(self.layers.size(), f, [&](std::size_t i, auto const& named) {
      std::visit([&](auto& s) { std::remove_cvref_t<decltype(s)>::for_each(s, named); }, self.layers[i]);
    });
  }
  friend bool operator==(mixed_state const&, mixed_state const&) = default;
};

/// A stack of several kinds of layers, in any order.
///
///     using hybrid = model::stack<nn::block<nn::mamba1<>>, my_layer>;
///     hybrid::config const c{hybrid::layer<0>({.mixer = {.d_model = 64}}), hybrid::layer<1>({.width = 64})};
///
/// Why:     one visit per layer and call costs nanoseconds, allocates nothing and changes no bit.
template <nn::stackable... L>
class mixed_stack {
 public:
  using scalar = std::common_type_t<typename L::scalar...>;
  static_assert((std::is_same_v<scalar, typename L::scalar> && ...), "stack: layers of one stack compute in one type");
  using storage = typename std::tuple_element_t<0, std::tuple<L...>>::storage;
  using config = std::vector<std::variant<typename L::config...>>;
  using state = mixed_state<typename L::state...>;
  template <class Other>
  using with_storage = mixed_stack<typename L::template with_storage<Other>...>;

  /// The configuration of a layer of kind I.
  template <std::size_t I>
  [[nodiscard]] static std::variant<typename L::config...> layer(
      typename std::tuple_element_t<I, std::tuple<L...>>::config const& c) {
    return std::variant<typename L::config...>(std::in_place_index<I>, c);
  }

  explicit mixed_stack(config const& c) {
    layers_.reserve(c.size());
    for (auto const& one : c)
      each_kind(one.index(),
                [&]<std::size_t I>(index<I>) { layers_.emplace_back(std::in_place_index<I>, std::get<I>(one)); });
  }

  [[nodiscard]] static state initial_state(config const& c) {
    state out;
    out.layers.reserve(c.size());
    for (auto const& one : c)
      each_kind(one.index(), [&]<std::size_t I>(index<I>) {
        out.layers.emplace_back(std::in_place_index<I>, kind<I>::initial_state(std::get<I>(one)));
      });
    return out;
  }

  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    detail::for_each_layer(self.size(), f, [&](std::size_t i, auto const& named) {
      std::visit([&](auto& l) { std::remove_cvref_t<decltype(l)>::for_each(l, named); }, self[i]);
    });
  }

  [[nodiscard]] static std::size_t workspace(config const& c, std::size_t rows, std::size_t sequences) noexcept {
    std::size_t most = 0;
    for (auto const& one : c)
      each_kind(one.index(), [&]<std::size_t I>(index<I>) {
        arena at;
        static_cast<void>(at.take<nn::segment<typename kind<I>::state>>(sequences));
        most = std::max(most, saturated_sum(at.used(), kind<I>::workspace(std::get<I>(one), rows)));
      });
    return most;
  }

  template <class After = detail::no_function>
  void operator()(matrix_view<scalar> r, std::span<nn::segment<state> const> segments, arena at,
                  After const& after = {}) const noexcept(detail::quiet<After>)
    requires storage::computes
  {
    MAMBA_EXPECTS(std::all_of(segments.begin(), segments.end(),
                              [&](nn::segment<state> const& s) {
                                return std::equal(layers_.begin(), layers_.end(), s.state->layers.begin(),
                                                  s.state->layers.end(),
                                                  [](auto const& a, auto const& b) { return a.index() == b.index(); });
                              }),
                  "stack: the state was made for layers of other kinds");
    detail::log_columns columns{};
    for (std::size_t i = 0; i < size(); ++i)
      each_kind(layers_[i].index(), [&]<std::size_t I>(index<I>) {
        arena rest = at;
        auto const& layer = *std::get_if<I>(&layers_[i]);
        columns = detail::columns_after(columns, layer);
        auto const own = detail::layer_segments<typename kind<I>::state>(
            segments, rest, columns, [i](state& s) { return std::get_if<I>(&s.layers[i]); });
        layer(r, own, rest);
        after(i);
      });
  }

  /// Those of all layers, side by side (nn/replay.hpp).
  [[nodiscard]] std::size_t replay_width() const noexcept
    requires(nn::replayable<L> && ...)
  {
    detail::log_columns columns{};
    for (auto const& one : layers_) {
      std::visit([&](auto const& l) { columns = detail::columns_after(columns, l); }, one);
    }
    return columns.first + columns.count;
  }
  void replay(matrix_view<scalar const> rows, state& s, arena at) const noexcept(!core::contracts_checked)
    requires(storage::computes && (nn::replayable<L> && ...))
  {
    detail::log_columns columns{};
    for (std::size_t i = 0; i < size(); ++i)
      each_kind(layers_[i].index(), [&]<std::size_t I>(index<I>) {
        auto const& layer = *std::get_if<I>(&layers_[i]);
        columns = detail::columns_after(columns, layer);
        layer.replay(rows.columns(columns.first, columns.count), *std::get_if<I>(&s.layers[i]), at);
      });
  }

  [[nodiscard]] parallel::cost cost(std::size_t rows) const noexcept {
    parallel::cost sum;
    for (auto const& one : layers_) {
      std::visit([&](auto const& l) { sum = sum + l.cost(rows); }, one);
    }
    return sum;
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept { return layers_.size(); }
  [[nodiscard]] std::variant<L...>& operator[](std::size_t i) noexcept { return layers_[i]; }
  [[nodiscard]] std::variant<L...> const& operator[](std::size_t i) const noexcept { return layers_[i]; }

 private:
  template <std::size_t I>
  using index = std::integral_constant<std::size_t, I>;
  template <std::size_t I>
  using kind = std::tuple_element_t<I, std::tuple<L...>>;

  /// f(index<I>) for I = `which`: by index, since two kinds may have the same type of state or configuration.
  template <class F>
  static void each_kind(std::size_t which, F&& f) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (static_cast<void>(which == I && (f(index<I>{}), true)), ...);
    }(std::index_sequence_for<L...>{});
  }

  std::vector<std::variant<L...>> layers_;
};

namespace detail {

template <class... L>
struct stack_of {
  using type = mixed_stack<L...>;
};
template <class L>
struct stack_of<L> {
  using type = uniform_stack<L>;
};

}  // namespace detail

/// Layers of the kinds L.
template <nn::stackable... L>
using stack = typename detail::stack_of<L...>::type;

}  // namespace mamba::inline MAMBA_ABI::model
