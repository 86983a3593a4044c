// SPDX-License-Identifier: MIT
#include <mamba/io/tokenizer/byte_pairs.hpp>

#include <doctest/doctest.h>
#include <support/random.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

using mamba::io::merge_rule;
using mamba::io::merge_table;
using mamba::io::word_merger;
using symbols = std::vector<std::uint32_t>;

namespace {

symbols merged(word_merger& merger, symbols const& word) {
  merger.clear();
  for (auto const token : word) merger.add(token);
  symbols result;
  merger.finish([&result](std::uint32_t token) { result.push_back(token); });
  return result;
}

/// The definition: while any pair merges, merge the leftmost pair of the lowest rank.
symbols merged_slowly(std::vector<merge_rule> const& rules, symbols word) {
  for (;;) {
    std::size_t best = rules.size();
    std::size_t place = 0;
    for (std::size_t i = 0; i + 1 < word.size(); ++i) {
      for (std::size_t rank = 0; rank < best; ++rank) {
        if (rules[rank].left == word[i] && rules[rank].right == word[i + 1]) {
          best = rank;
          place = i;
        }
      }
    }
    if (best == rules.size()) return word;
    word[place] = rules[best].result;
    word.erase(word.begin() + static_cast<std::ptrdiff_t>(place) + 1);
  }
}

}  // namespace

TEST_CASE("byte pairs: the table finds each rule and nothing else") {
  std::vector<merge_rule> rules;
  for (std::uint32_t i = 0; i < 1000; ++i) rules.push_back({i, i * 7 + 1, i + 1000});
  merge_table const table(rules);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    auto const* const found = table.find(i, i * 7 + 1);
    REQUIRE(found != nullptr);
    CHECK(found->rank == i);
    CHECK(found->result == i + 1000);
    CHECK(table.find(i, i * 7 + 2) == nullptr);
  }
  CHECK(merge_table({}).find(0, 0) == nullptr);
}

TEST_CASE("byte pairs: merging by a heap is merging by the definition") {
  test::random rng(11);
  for (int round = 0; round < 300; ++round) {
    // Rules over what can already be spelt, as training makes them; each pair once.
    std::vector<merge_rule> rules;
    std::uint32_t tokens = 3;
    for (int i = 0; i < 12; ++i) {
      merge_rule const rule{static_cast<std::uint32_t>(rng.below(tokens)),
                            static_cast<std::uint32_t>(rng.below(tokens)), tokens};
      bool is_new = true;
      for (auto const& r : rules) is_new = is_new && !(r.left == rule.left && r.right == rule.right);
      if (!is_new) continue;
      rules.insert(rules.begin() + static_cast<std::ptrdiff_t>(rng.below(rules.size() + 1)), rule);
      ++tokens;
    }
    merge_table const table(rules);
    word_merger merger(table);
    for (std::size_t length = 0; length < 40; ++length) {
      symbols word;
      for (std::size_t i = 0; i < length; ++i) word.push_back(static_cast<std::uint32_t>(rng.below(3)));
      CHECK(merged(merger, word) == merged_slowly(rules, word));
    }
  }
}
