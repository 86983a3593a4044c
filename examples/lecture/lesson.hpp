// SPDX-License-Identifier: MIT
// lecture/lesson.hpp — what the ten lessons share: they print, they claim, they draw, and they fail if a claim fails.
#pragma once

#include <support/plot.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lecture {

namespace plot = examples::plot;

/// What a lesson is called, and what its figure shows and teaches, in one to three sentences.
struct card {
  char const* name;     ///< of its files: 03_recurrence_is_convolution
  char const* title;    ///< for people
  char const* caption;  ///< goes with the figure
};

/// A number as printf writes it: text("%.3f", x).
[[gnu::format(printf, 1, 2)]] [[nodiscard]] std::string text(char const* format, ...);

/// Numbers that look random and are the same on every machine (splitmix64).
class random {
 public:
  explicit random(std::uint64_t seed) noexcept : state_(seed) {}

  /// Uniform in [low, high).
  double uniform(double low = 0, double high = 1) noexcept {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return low + (high - low) * static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1p-53;
  }

 private:
  std::uint64_t state_;
};

/// A lesson while it is given. What it prints goes to standard output and, as a whole, into NAME.txt.
class lesson {
 public:
  /// A paragraph, with an empty line before it.
  void say(std::string_view paragraph);

  /// Rows under their headings; words stand left, numbers stand right.
  void table(std::vector<std::string> const& headings, std::vector<std::vector<std::string>> const& rows);

  /// A sentence that is checked: it holds if found ≤ allowed. The program fails if one of its claims doesn't hold.
  void claim(std::string_view sentence, double found, double allowed);

  /// The figure that NAME.svg will show.
  void show(plot::figure figure) { figures_.push_back(std::move(figure)); }

 private:
  friend int give(int, char const* const*, card const&, void (*)(lesson&));

  void print(std::string_view text);

  std::string printed_;
  bool after_claim_ = false;
  std::size_t claims_ = 0, broken_ = 0;
  std::vector<plot::figure> figures_;
};

/// The main of a lesson: reads --out FOLDER, gives the lesson, writes FOLDER/NAME.svg and FOLDER/NAME.txt.
/// Returns 0, or 1 after one sentence on standard error.
int give(int argc, char const* const* argv, card const& about, void (*teach)(lesson&));

/// How long work takes, the better of two tries [s].
template <class Work>
[[nodiscard]] double seconds(Work const& work) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 2; ++i) {
    auto const begin = std::chrono::steady_clock::now();
    work();
    std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
    best = std::min(best, took.count());
  }
  return best;
}

/// The largest |a − b| of two ranges of one length: anything with size() and [i], real or complex.
template <class A, class B>
[[nodiscard]] double largest_difference(A const& a, B const& b) {
  double largest = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (decltype(a.size()) i = 0; i < a.size() && a.size() == b.size(); ++i) {
    double const off = static_cast<double>(std::abs(a[i] - b[i]));
    if (!(off <= largest)) largest = off;  // NaN stays
  }
  return largest;
}

}  // namespace lecture
