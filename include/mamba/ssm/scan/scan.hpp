// SPDX-License-Identifier: MIT
// mamba/ssm/scan/scan.hpp — all prefixes under an associative operator: one by one, as a tree, in chunks.  [floor 3]
//
//     inclusive:  s_k = initial ∘ x_0 ∘ … ∘ x_k          exclusive:  s_k = initial ∘ x_0 ∘ … ∘ x_{k−1}
//
//     auto const states = blelloch_scan(maps(system, x), compose_in_time_order{}, initial_element(system.a_bar, h));
//
// op(earlier, later) must be associative; it need not commute, and no schedule changes the order of its arguments. The
// initial element is the identity, or the last state of what came before. Schedules differ in the grouping, hence in
// their rounding errors, and in the depth: the longest chain of dependent operations.
//
//                      inclusive     exclusive            depth (inclusive, L ≥ 2, at most)
//     sequential       L             L − 1                L
//     Blelloch         3L − 2        2L − 2               2 ⌈log₂ L⌉
//     chunks of Q      2L − 1        2L − 1 − ⌈L/Q⌉       2Q + ⌈L/Q⌉ − 2
#pragma once

#include <mamba/core/contracts.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::ssm {

/// Each element after all before it, in time order: the recurrence itself.
///
/// Shapes:  L elements → L prefixes; the last one is the initial element of what follows.
/// Error:   that of L operations one after the other.
/// Cost:    L operations, each depending on the one before.
template <class E, class Op>
[[nodiscard]] std::vector<E> sequential_scan(std::vector<E> const& x, Op const& op, E running) {
  std::vector<E> out;
  out.reserve(x.size());
  for (E const& element : x) out.push_back(running = op(running, element));
  return out;
}

/// The same without the element itself: the first is the initial element.
///
/// Cost:    L − 1 operations.
template <class E, class Op>
[[nodiscard]] std::vector<E> sequential_exclusive_scan(std::vector<E> const& x, Op const& op, E running) {
  std::vector<E> out;
  out.reserve(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) out.push_back(k == 0 ? running : running = op(running, x[k - 1]));
  return out;
}

/// One level of the up-sweep: neighbours are combined; an odd last element is kept. [L] → [⌈L/2⌉]
template <class E, class Op>
[[nodiscard]] std::vector<E> up_sweep(std::vector<E> const& x, Op const& op) {
  std::vector<E> out;
  out.reserve((x.size() + 1) / 2);
  for (std::size_t i = 0; i + 1 < x.size(); i += 2) out.push_back(op(x[i], x[i + 1]));
  if (x.size() % 2 == 1) out.push_back(x.back());
  return out;
}

/// One level of the down-sweep: the prefix of a pair is that of its first element; combined with it, that of its
/// second. [⌈L/2⌉], [L] → [L]
template <class E, class Op>
[[nodiscard]] std::vector<E> down_sweep(std::vector<E> const& before_pair, std::vector<E> const& x, Op const& op) {
  std::vector<E> out;
  out.reserve(x.size());
  for (std::size_t k = 0; k < x.size(); ++k) {
    out.push_back(k % 2 == 0 ? before_pair[k / 2] : op(before_pair[k / 2], x[k - 1]));
  }
  return out;
}

/// Blelloch's tree: an up-sweep that combines neighbours, then a down-sweep that distributes prefixes.
///
/// Paper:   Blelloch, Prefix sums and their applications, section 1.2; S5, Appendix H.
/// Why:     all operations of a level are independent of each other: L steps in 2 log₂ L rounds, for twice the work.
/// Shapes:  L elements, any L, → L prefixes without their own element.
/// Error:   that of at most 2 ⌈log₂ L⌉ operations one after the other.
/// Cost:    2 (L − 1) operations for L ≥ 1, depth 2 ⌈log₂ L⌉ − 1 at most.
template <class E, class Op>
[[nodiscard]] std::vector<E> blelloch_exclusive_scan(std::vector<E> const& x, Op const& op, E const& initial) {
  if (x.size() <= 1) return std::vector<E>(x.size(), initial);
  return down_sweep(blelloch_exclusive_scan(up_sweep(x, op), op, initial), x, op);
}

/// The same with the element itself.
///
/// Cost:    3L − 2 operations, depth 2 ⌈log₂ L⌉ at most.
template <class E, class Op>
[[nodiscard]] std::vector<E> blelloch_scan(std::vector<E> const& x, Op const& op, E const& initial) {
  auto out = blelloch_exclusive_scan(x, op, initial);
  for (std::size_t k = 0; k < x.size(); ++k) out[k] = op(out[k], x[k]);
  return out;
}

/// The total of each chunk of at most Q elements. [L] → [⌈L/Q⌉] Without contracts, Q = 0 counts as 1.
template <class E, class Op>
[[nodiscard]] std::vector<E> chunk_totals(std::size_t Q, std::vector<E> const& x, Op const& op) {
  MAMBA_EXPECTS(Q >= 1, "chunk_totals: a chunk must have an element", Q, 1);
  Q = std::max<std::size_t>(Q, 1);
  std::vector<E> out;
  for (std::size_t first = 0; first < x.size(); first += Q) {
    E total = x[first];
    for (std::size_t k = first + 1; k < std::min(first + Q, x.size()); ++k) total = op(total, x[k]);
    out.push_back(std::move(total));
  }
  return out;
}

/// The scan of each chunk, from its prefix. Scan is sequential_scan or its exclusive form.
template <class E, class Scan>
[[nodiscard]] std::vector<E> scans_of_chunks(std::size_t Q, std::vector<E> const& x, std::vector<E> const& before,
                                             Scan const& scan) {
  MAMBA_EXPECTS(Q >= 1, "scans_of_chunks: a chunk must have an element", Q, 1);
  Q = std::max<std::size_t>(Q, 1);
  std::vector<E> out;
  out.reserve(x.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    auto const at = [&](std::size_t k) { return x.begin() + static_cast<std::ptrdiff_t>(std::min(k, x.size())); };
    auto part = scan(std::vector<E>(at(i * Q), at((i + 1) * Q)), before[i]);
    std::move(part.begin(), part.end(), std::back_inserter(out));
  }
  return out;
}

/// In chunks of Q: the total of each chunk, a scan over the totals, and a scan of each chunk from its prefix.
///
/// Paper:   Blelloch, section 1.2 (fewer processors than elements); Mamba-2, section 6 has the same three phases.
/// Why:     chunks are independent in the first and the last phase, and sequential within: few threads need no tree.
/// Shapes:  L elements → L prefixes; Q ≥ 1, and Q ≥ L is the sequential scan, with unused totals.
/// Error:   that of at most 2Q + ⌈L/Q⌉ − 2 operations one after the other.
/// Cost:    2L − 1 operations for L ≥ 1, depth 2Q + ⌈L/Q⌉ − 2 at most.
template <class E, class Op>
[[nodiscard]] std::vector<E> chunked_scan(std::size_t Q, std::vector<E> const& x, Op const& op, E const& initial) {
  MAMBA_EXPECTS(Q >= 1, "chunked_scan: a chunk must have an element", Q, 1);
  auto const before = sequential_exclusive_scan(chunk_totals(Q, x, op), op, initial);
  return scans_of_chunks(Q, x, before, [&](auto const& part, E const& h) { return sequential_scan(part, op, h); });
}

/// The same without the element itself.
///
/// Cost:    2L − 1 − ⌈L/Q⌉ operations.
template <class E, class Op>
[[nodiscard]] std::vector<E> chunked_exclusive_scan(std::size_t Q, std::vector<E> const& x, Op const& op,
                                                    E const& initial) {
  MAMBA_EXPECTS(Q >= 1, "chunked_exclusive_scan: a chunk must have an element", Q, 1);
  auto const before = sequential_exclusive_scan(chunk_totals(Q, x, op), op, initial);
  return scans_of_chunks(Q, x, before,
                         [&](auto const& part, E const& h) { return sequential_exclusive_scan(part, op, h); });
}

}  // namespace mamba::inline MAMBA_ABI::ssm
