// SPDX-License-Identifier: MIT
// mamba/nn/constant_pools.hpp — the parameters of a model in constant storage.  [floor 5]
//
//     pool of floats     | norm | A | D | conv1d | …       each parameter from a cache line on, zeros between them
//     pool of q8 blocks  | embedding | input and output projections | …
//
// One pool for each type of element, and in each the parameters in the order of the model's list, with the layouts that
// span(), taps(), a(), storage() and for_each_plane() of packed parameters have. io::constant_header writes such pools.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/nn/parameter_names.hpp>
#include <mamba/nn/storage.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <tuple>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::nn {

/// The version of this layout: pools of another one must not be read.
inline constexpr int constant_layout = 1;

/// Elements that a parameter of `count` takes up in its pool: whole cache lines.
template <class E>
[[nodiscard]] constexpr std::size_t pooled(std::size_t count) noexcept {
  static_assert(sizeof(E) % storage_alignment == 0 || storage_alignment % sizeof(E) == 0,
                "constant_pools: elements divide a cache line, or are whole ones");
  constexpr std::size_t line = sizeof(E) < storage_alignment ? storage_alignment / sizeof(E) : 1;
  return (count + line - 1) / line * line;
}

/// Pools of the element types E, and how much of each is taken.
///
///     alignas(64) constexpr float numbers[] = {…};
///     alignas(64) constexpr std::array<kernels::weight_block<q8>, 36> blocks = …;
///     using weights_type = model::weights<sizes, q8, nn::constant>;
///     constexpr auto weights = nn::borrowed<weights_type>(nn::constant_pools(numbers, blocks));
///
/// Domain:  pools that stay unchanged while they are used, on 64-byte boundaries.
template <class... E>
class constant_pools {
 public:
  constexpr explicit constant_pools(std::span<E const>... pools) noexcept : rest_(pools...) {}

  /// The next `count` elements of type T.
  template <class T>
  [[nodiscard]] constexpr std::span<T const> take(std::size_t count) {
    static_assert((std::is_same_v<T, E> || ...), "constant_pools: no pool has elements of this parameter's type");
    auto& rest = std::get<std::span<T const>>(rest_);
    if (pooled<T>(count) > rest.size()) core::fail("constant_pools: a pool is shorter than the model's parameters");
    auto const taken = rest.first(count);
    rest = rest.subspan(pooled<T>(count));
    return taken;
  }

  /// Whether all of it was taken.
  [[nodiscard]] constexpr bool empty() const noexcept {
    return std::apply([](auto const&... rest) { return (rest.empty() && ...); }, rest_);
  }

 private:
  std::tuple<std::span<E const>...> rest_;
};

template <class E, std::size_t N>
std::span<E const> pool_of(E const (&)[N]);
template <class E, std::size_t N>
std::span<E const> pool_of(std::array<E, N> const&);

template <class... Pool>
constant_pools(Pool const&... pools) -> constant_pools<typename decltype(pool_of(pools))::value_type...>;

namespace detail {

template <class... E>
struct borrow_from {
  constant_pools<E...>& pools;
  template <class Shape, class Storage, class... Role>
  constexpr void operator()(Shape const&, Storage& parameter, Role...) const {
    if constexpr (requires { parameter.storage(); }) {
      parameter.storage().borrow(pools.template take<typename Storage::element>(parameter.storage().size()));
    } else {
      parameter.borrow(pools.template take<typename Storage::element>(parameter.size()));
    }
  }
};

}  // namespace detail

/// Parameters (a layer, a stack of one kind, a network) of static sizes and constant storage that read their numbers
/// from pools. `sizes` are the configuration that they are made from, where their type alone doesn't say it.
///
/// Why:     nothing is copied or allocated. It is constexpr: a constant of the result is in constant storage,
///          too.
/// Domain:  pools written for these parameters, in this build's layout.
/// Throws:  mamba::error where the pools are not of the parameters' size; in a constant expression it does not
///          compile.
template <class P, class... E, class... Config>
[[nodiscard]] constexpr P borrowed(constant_pools<E...> pools, Config const&... sizes) {
  static_assert(std::is_same_v<typename P::storage, constant>, "borrowed: parameters must be in constant storage");
  P parameters(sizes...);
  detail::borrow_from<E...> const take{pools};
  P::for_each(parameters, nameless(take));
  if (!pools.empty()) core::fail("constant_pools: a pool is longer than the model's parameters");
  return parameters;
}

}  // namespace mamba::inline MAMBA_ABI::nn
