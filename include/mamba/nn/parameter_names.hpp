// SPDX-License-Identifier: MIT
// mamba/nn/parameter_names.hpp — names of nested parameters, made only for visitors that read them.  [floor 5]
#pragma once

#include <mamba/core/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::nn {

/// The name of a parameter, as in `backbone.layers.10.mixer.D`: characters in place.
///
/// Why:     a visitor that takes a std::string_view needs no heap; one that takes a std::string gets a copy.
/// Throws:  mamba::error where a name is longer than `capacity`.
class parameter_name {
 public:
  static constexpr std::size_t capacity = 248;

  constexpr parameter_name(char const* text) : parameter_name(std::string_view(text)) {}
  constexpr parameter_name(std::string_view text) : parameter_name(std::initializer_list<std::string_view>{text}) {}
  parameter_name(std::string const& text) : parameter_name(std::string_view(text)) {}
  /// Parts one after the other.
  constexpr parameter_name(std::initializer_list<std::string_view> parts) {
    for (std::string_view const part : parts) {
      if (part.size() > capacity - size_) core::fail(too_long(part));
      std::copy(part.begin(), part.end(), text_.begin() + static_cast<std::ptrdiff_t>(size_));
      size_ += part.size();
    }
  }

  [[nodiscard]] constexpr std::string_view view() const noexcept { return {text_.data(), size_}; }
  constexpr operator std::string_view() const noexcept { return view(); }
  operator std::string() const { return std::string(view()); }

  friend constexpr bool operator==(parameter_name const& a, std::string_view b) noexcept { return a.view() == b; }

 private:
  [[nodiscard]] std::string too_long(std::string_view part) const {
    return "the name of a parameter has more than " + std::to_string(capacity) + " characters: " + std::string(view()) +
           std::string(part);
  }

  std::array<char, capacity> text_{};
  std::size_t size_ = 0;
};

/// The name of part i of a list, as in `layers.10.`.
[[nodiscard]] constexpr parameter_name numbered_name(std::string_view list, std::size_t i) {
  std::array<char, 20> digits{};
  auto first = digits.end();
  do *--first = static_cast<char>('0' + i % 10);
  while ((i /= 10) != 0);
  return {list, ".", std::string_view(&*first, static_cast<std::size_t>(digits.end() - first)), "."};
}

/// A visitor for for_each(parameters, visitor) that takes f(shape, storage, role), in the order of the list.
///
/// Why:     no name is built for it, so that a list can be visited at compile time.
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

/// A visitor that puts a prefix before each name: f(parameter_name, shape, storage, role).
template <class Prefix, class F>
[[nodiscard]] constexpr auto prefixed(Prefix const& prefix, F& f) {
  if constexpr (is_nameless<std::remove_const_t<F>>) {
    static_cast<void>(prefix);
    return f;
  } else {
    return [&prefix, &f](auto const& name, auto const& shape, auto&& storage, auto... role) {
      f(parameter_name{std::string_view(prefix), std::string_view(name)}, shape, storage, role...);
    };
  }
}

}  // namespace mamba::inline MAMBA_ABI::nn
