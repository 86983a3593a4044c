// SPDX-License-Identifier: MIT
// mamba/model/layer_list.hpp — the layers or states of a model: in place where small, else a vector.  [floor 6]
#pragma once

#include <mamba/tensor/extents.hpp>
#include <mamba/tensor/storage.hpp>

#include <array>
#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::model {

/// Count elements made by one function, inside the object.
template <class T, std::size_t Count>
class inline_list {
 public:
  inline_list() = default;
  template <class Make>
  constexpr inline_list(std::size_t, Make const& make) : inline_list(make, std::make_index_sequence<Count>{}) {}

  [[nodiscard]] static constexpr std::size_t size() noexcept { return Count; }
  [[nodiscard]] constexpr T& operator[](std::size_t i) noexcept { return items_[i]; }
  [[nodiscard]] constexpr T const& operator[](std::size_t i) const noexcept { return items_[i]; }
  [[nodiscard]] T* begin() noexcept { return items_.data(); }
  [[nodiscard]] T* end() noexcept { return items_.data() + Count; }
  [[nodiscard]] T const* begin() const noexcept { return items_.data(); }
  [[nodiscard]] T const* end() const noexcept { return items_.data() + Count; }
  friend bool operator==(inline_list const&, inline_list const&) = default;

 private:
  template <class Make, std::size_t... I>
  constexpr inline_list(Make const& make, std::index_sequence<I...>) : items_{{(static_cast<void>(I), make())...}} {}
  std::array<T, Count> items_;
};

/// The same on the heap.
template <class T>
class vector_list : public std::vector<T> {
 public:
  vector_list() = default;
  template <class Make>
  vector_list(std::size_t count, Make const& make) {
    this->reserve(count);
    for (std::size_t i = 0; i < count; ++i) this->push_back(make());
  }
};

/// One element in place of `count` equal ones: a stack of shapes needs the memory of one layer.
template <class T>
class repeated_list {
 public:
  template <class Make>
  repeated_list(std::size_t count, Make const& make) : one_(make()), count_(count) {}
  [[nodiscard]] std::size_t size() const noexcept { return count_; }
  [[nodiscard]] T& operator[](std::size_t) noexcept { return one_; }
  [[nodiscard]] T const& operator[](std::size_t) const noexcept { return one_; }

 private:
  T one_;
  std::size_t count_;
};

namespace detail {

template <class T, std::size_t Count, bool Static>
struct list_of {
  using type = vector_list<T>;
};
template <class T, std::size_t Count>
struct list_of<T, Count, true> {
  using type = std::conditional_t<(sizeof(T) <= inline_bytes / Count), inline_list<T, Count>, vector_list<T>>;
};

}  // namespace detail

/// Count elements; Count may be dynamic. Elements that together have at most inline_bytes (tensor/storage.hpp) lie in
/// place.
template <class T, std::size_t Count>
using layer_list = typename detail::list_of<T, Count, Count != dynamic>::type;

}  // namespace mamba::inline MAMBA_ABI::model
