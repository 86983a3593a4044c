// SPDX-License-Identifier: MIT
// mamba/nn/workspace.hpp — memory for intermediate values, owned by the caller.  [floor 5]
#pragma once

#include <mamba/tensor/arena.hpp>

#include <cstddef>

namespace mamba::inline MAMBA_ABI::nn {

/// Memory for the intermediate values of calls of up to some number of rows.
///
///     nn::workspace workspace(mixer, 100);
///
/// Why:     intermediate values are not part of a state: sixteen sequences need sixteen states and one workspace. It
///          belongs to one call at a time.
/// Throws:  std::bad_alloc, in the constructor and in reserve().
class workspace {
 public:
  workspace() = default;
  explicit workspace(std::size_t bytes) : memory_(bytes) {}
  template <class Mixer>
  workspace(Mixer const& mixer, std::size_t rows) : workspace(bytes_for(mixer, rows)) {}

  /// At least so many bytes; their contents are lost.
  void reserve(std::size_t bytes) {
    if (bytes > memory_.size()) memory_ = heap_storage<std::byte>(bytes);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return memory_.size(); }
  [[nodiscard]] arena memory() noexcept { return arena({memory_.data(), memory_.size()}); }

 private:
  template <class Mixer>
  static std::size_t bytes_for(Mixer const& mixer, std::size_t rows) {
    arena at;
    auto const u = at.matrix<typename Mixer::scalar>(rows, Mixer::width(mixer.sizes()));
    [[maybe_unused]] typename Mixer::input const input(at, u);
    return saturated_sum(at.used(), Mixer::workspace(mixer.sizes(), rows));
  }

  heap_storage<std::byte> memory_;
};

/// The same in place, where the number of bytes is known to the compiler: no heap.
template <std::size_t Bytes>
class static_workspace {
 public:
  [[nodiscard]] static constexpr std::size_t bytes() noexcept { return Bytes; }
  [[nodiscard]] arena memory() noexcept { return arena({memory_.data(), Bytes}); }

 private:
  inline_storage<std::byte, Bytes> memory_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
