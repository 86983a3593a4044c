// SPDX-License-Identifier: MIT
// tests/support/guarded.hpp — a matrix with a pitch, any misalignment, and guards around every row.
#pragma once

#include <mamba/tensor/view.hpp>

#include <cstddef>
#include <cstring>
#include <vector>

namespace test {

/// rows × columns numbers that start `shift` elements into the memory, with `gap` elements between rows. Everything
/// outside the matrix holds a pattern, and intact() checks that all of it is still there.
template <class T>
class guarded {
 public:
  guarded(std::size_t rows, std::size_t columns, std::size_t shift = 0, std::size_t gap = 3)
      : rows_(rows),
        columns_(columns),
        first_(margin + shift),
        pitch_(columns + gap),
        memory_(first_ + rows * pitch_ + margin) {
    std::memset(memory_.data(), pattern, memory_.size() * sizeof(T));
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) (*this)(i, j) = T{};
    }
  }

  [[nodiscard]] T& operator()(std::size_t i, std::size_t j) { return memory_[first_ + i * pitch_ + j]; }
  [[nodiscard]] T const& operator()(std::size_t i, std::size_t j) const { return memory_[first_ + i * pitch_ + j]; }

  [[nodiscard]] mamba::matrix_view<T> view() {
    using whole = mamba::matrix_view<T>;
    return whole(memory_.data() + first_, typename whole::extents_type(rows_, columns_), pitch_);
  }

  /// Random numbers in every cell, the guards left alone.
  template <class Random>
  guarded& fill(Random& rng, double low, double high) {
    for (std::size_t i = 0; i < rows_; ++i) rng.fill(view().row(i), low, high);
    return *this;
  }

  [[nodiscard]] bool intact() const {
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      bool const within = i >= first_ && i < first_ + rows_ * pitch_ && (i - first_) % pitch_ < columns_;
      if (within) continue;
      unsigned char bytes[sizeof(T)];
      std::memcpy(bytes, &memory_[i], sizeof(T));
      for (unsigned char const byte : bytes) {
        if (byte != pattern) return false;
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t margin = 80;  // more than any panel: a whole batch too many must land on a guard
  static constexpr unsigned char pattern = 0xb7;
  std::size_t rows_, columns_, first_, pitch_;
  std::vector<T> memory_;
};

}  // namespace test
