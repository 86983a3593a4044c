// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/byte_pairs.hpp — byte pair encoding of one word.  [floor 7]
#pragma once

#include <mamba/core/abi.hpp>

#include <cstddef>
#include <cstdint>
#include <queue>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// One merge: the neighbours `left` and `right` become `result`. Its rank is its place in the list.
struct merge_rule {
  std::uint32_t left, right, result;
};

/// Finds the merge of a pair of tokens: a hash table with open addressing, a quarter to a half full.
class merge_table {
 public:
  struct entry {
    std::uint64_t pair;
    std::uint32_t rank, result;
  };

  /// Of two rules for one pair the later one is used.
  explicit merge_table(std::vector<merge_rule> const& rules) {
    std::size_t bits = 4;
    while ((std::size_t{1} << bits) < 2 * rules.size()) ++bits;
    shift_ = static_cast<unsigned>(64 - bits);
    slots_.assign(std::size_t{1} << bits, {none, 0, 0});
    for (std::size_t rank = 0; rank < rules.size(); ++rank) {
      auto const pair = key(rules[rank].left, rules[rank].right);
      slots_[place(pair)] = {pair, static_cast<std::uint32_t>(rank), rules[rank].result};
    }
  }

  /// The merge of two neighbours, or a null pointer.
  [[nodiscard]] entry const* find(std::uint32_t left, std::uint32_t right) const noexcept {
    auto const& slot = slots_[place(key(left, right))];
    return slot.pair == none ? nullptr : &slot;
  }

 private:
  static constexpr std::uint64_t none = ~std::uint64_t{0};  // token ids are below 2^31, so no pair has this key

  static std::uint64_t key(std::uint32_t left, std::uint32_t right) noexcept {
    return (std::uint64_t{left} << 32U) | right;
  }

  /// The slot that holds the pair, or the empty one where it belongs.
  [[nodiscard]] std::size_t place(std::uint64_t pair) const noexcept {
    auto i = static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15U) >> shift_);
    while (slots_[i].pair != none && slots_[i].pair != pair) i = (i + 1) & (slots_.size() - 1);
    return i;
  }

  std::vector<entry> slots_;
  unsigned shift_ = 0;
};

/// Merges the symbols of a word. It reuses its memory for the next word.
///
/// The candidates are in a heap ordered by rank, then by place. A candidate is out of date when its left symbol is
/// gone or when the pair that is now there merges to another token; the same token at the same place is the same
/// part of the word.
/// Cost:    n log n in the length of the word.
class word_merger {
 public:
  explicit word_merger(merge_table const& merges) noexcept : merges_(&merges) {}

  /// Starts a new word.
  void clear() noexcept { symbols_.clear(); }

  void add(std::uint32_t token) {
    auto const here = symbols_.size();
    symbols_.push_back({token, here == 0 ? nowhere : here - 1, nowhere, true});
    if (here != 0) symbols_[here - 1].next = here;
  }

  /// Merges what was added and calls f(token) for each token that is left, in order.
  template <class F>
  void finish(F&& f) {
    for (std::size_t i = 0; i + 1 < symbols_.size(); ++i) propose(i, i + 1);
    while (!candidates_.empty()) {
      auto const best = candidates_.top();
      candidates_.pop();
      if (holds(best)) join(best);
    }
    for (auto const& left : symbols_) {
      if (left.alive) f(left.token);
    }
  }

 private:
  static constexpr std::size_t nowhere = ~std::size_t{0};

  struct symbol {
    std::uint32_t token;
    std::size_t previous, next;
    bool alive;
  };

  struct candidate {
    std::uint32_t rank, result;
    std::size_t place;
    /// The heap has its greatest element on top: lower ranks and earlier places are greater.
    bool operator<(candidate const& other) const noexcept {
      return rank != other.rank ? rank > other.rank : place > other.place;
    }
  };

  void propose(std::size_t left, std::size_t right) {
    auto const* const merge = merges_->find(symbols_[left].token, symbols_[right].token);
    if (merge != nullptr) candidates_.push({merge->rank, merge->result, left});
  }

  [[nodiscard]] bool holds(candidate const& c) const noexcept {
    auto const& left = symbols_[c.place];
    if (!left.alive || left.next == nowhere) return false;
    auto const* const merge = merges_->find(left.token, symbols_[left.next].token);
    return merge != nullptr && merge->result == c.result;
  }

  void join(candidate const& c) {
    auto& left = symbols_[c.place];
    auto& right = symbols_[left.next];
    left.token = c.result;
    right.alive = false;
    left.next = right.next;
    if (left.previous != nowhere) propose(left.previous, c.place);
    if (left.next != nowhere) {
      symbols_[left.next].previous = c.place;
      propose(c.place, left.next);
    }
  }

  merge_table const* merges_;
  std::vector<symbol> symbols_;
  std::priority_queue<candidate> candidates_;
};

}  // namespace mamba::inline MAMBA_ABI::io
