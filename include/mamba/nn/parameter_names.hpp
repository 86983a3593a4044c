// SPDX-License-Identifier: MIT
// mamba/nn/parameter_names.hpp — names of parameters inside parameters, made only for visitors that read them.  [floor 5]
#pragma once

#include <mamba/core/abi.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace mamba::inline MAMBA_ABI::nn {

/// A visitor for for_each(parameters, visitor) that takes f(shape, storage, role), in the order of the list.
///
/// Why:     no name is put together for it, so that the compiler can visit a list, and a program without a heap.
template <class F>
class nameless {
 public:
  constexpr explicit nameless(F& visit) noexcept : visit_(&visit) {}
  template <class Name, class Shape, class Storage, class... Role>
  constexpr void operator()(Name const&, Shape const& shape, Storage& storage, Role... role) const {
    (*visit_)(shape, storage, role...);
  }

 private:
  F* visit_;
};

template <class F>
inline constexpr bool is_nameless = false;
template <class F>
inline constexpr bool is_nameless<nameless<F>> = true;

/// A visitor that puts a prefix before each name.
template <class Prefix, class F>
[[nodiscard]] constexpr auto prefixed(Prefix const& prefix, F& f) {
  if constexpr (is_nameless<std::remove_const_t<F>>) {
    static_cast<void>(prefix);
    return f;
  } else {
    return [&prefix, &f](auto const& name, auto const& shape, auto&& storage, auto... role) {
      f(std::string(prefix) + name, shape, storage, role...);
    };
  }
}

}  // namespace mamba::inline MAMBA_ABI::nn
