// SPDX-License-Identifier: MIT
// mamba/io/state/fingerprint.hpp — what identifies a loaded model: sizes, formats, a digest of its weights.  [floor 7]
#pragma once

#include <mamba/io/checkpoint/network.hpp>
#include <mamba/io/file/crc64.hpp>
#include <mamba/parallel/parallel_for.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// What a saved state belongs to. Empty where a state belongs to no network.
struct model_fingerprint {
  std::string sizes;         ///< "layers 24, width 768, outputs 50280, weights 129135360"
  std::string weights;       ///< the formats of the matrices: "f32", "ternary, q4"
  std::uint64_t digest = 0;  ///< of every tensor's name, shape, format and numbers, and of epsilons and pooling

  friend bool operator==(model_fingerprint const&, model_fingerprint const&) = default;
};

namespace detail {

/// Sixteen hexadecimal digits.
[[nodiscard]] inline std::string hexadecimal(std::uint64_t word) {
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; word >>= 4U) out[i] = "0123456789abcdef"[word & 15U];
  return out;
}

inline void add_text(crc64& to, std::string_view text) { to.add(std::as_bytes(std::span(text))); }

/// A digest of many bytes that is faster than a crc64.
///
/// Why:     four words at a time, each rotated and multiplied into a lane of its own: one word that changes always
///          changes its lane, because every step can be undone.
class lanes_digest {
 public:
  void add(std::span<std::byte const> bytes) noexcept {
    for (; bytes.size() >= 32; bytes = bytes.subspan(32)) {
      for (std::size_t lane = 0; lane < 4; ++lane) mix(lane, bytes.data() + 8 * lane, 8);
    }
    for (std::size_t lane = 0; !bytes.empty(); ++lane) {
      std::size_t const size = std::min<std::size_t>(bytes.size(), 8);
      mix(lane, bytes.data(), size);
      bytes = bytes.subspan(size);
    }
  }
  [[nodiscard]] std::array<std::uint64_t, 4> const& value() const noexcept { return lanes_; }

 private:
  void mix(std::size_t lane, std::byte const* bytes, std::size_t size) noexcept {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, size);
    lanes_[lane] = std::rotl(lanes_[lane] ^ word, 29) * 0x9e3779b97f4a7c15U;
  }
  std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
};

/// The digests of `count` pieces of a tensor in their order, computed by f(piece, thread, digest) on all threads.
template <class F>
void add_pieces(crc64& to, std::size_t count, std::size_t threads, parallel::cost cost, F const& f) {
  std::vector<std::array<std::uint64_t, 4>> digests(count);
  parallel::parallel_for(threads, cost, [&](std::size_t begin, std::size_t end) {
    for (std::size_t thread = begin; thread < end; ++thread) {
      for (std::size_t i = count * thread / threads; i < count * (thread + 1) / threads; ++i) {
        lanes_digest digest;
        f(i, thread, digest);
        digests[i] = digest.value();
      }
    }
  });
  to.add(std::as_bytes(std::span(digests)));
}

/// The numbers of a tensor: matrices in blocks as they are stored, which is the same on every machine; others row by
/// row in the arithmetic type T.
template <class T, class Storage>
void add_numbers(crc64& to, Storage const& storage) {
  std::size_t const rows = storage.rows();
  std::size_t const size = storage.row_size();
  if (rows == 0 || size == 0) return;
  auto const threads = static_cast<std::size_t>(parallel::thread_count());
  if constexpr (block_format<typename format_of<T, Storage>::type>) {
    std::size_t const blocks = storage.blocks();
    auto const cost = parallel::cost::bytes(storage.bytes());
    add_pieces(to, storage.panels(), threads, cost, [&](std::size_t panel, std::size_t, lanes_digest& digest) {
      digest.add(std::as_bytes(std::span(storage.panel_data(panel), blocks)));
    });
  } else {
    constexpr std::size_t together = 64;  // rows of a piece: a vector has one number in each
    std::vector<T> buffers(threads * size);
    auto const cost = parallel::cost::scalar_operations(4 * rows * size);
    add_pieces(to, (rows - 1) / together + 1, threads, cost,
               [&](std::size_t piece, std::size_t thread, lanes_digest& digest) {
                 auto const row = std::span(buffers).subspan(thread * size, size);
                 for (std::size_t r = piece * together; r < std::min(rows, (piece + 1) * together); ++r) {
                   storage.get_row(r, row);
                   digest.add(std::as_bytes(row));
                 }
               });
  }
}

/// A format's name, for messages; formats of an application may have none.
template <class W>
[[nodiscard]] std::string format_text() {
  return format_name<W>.empty() ? std::string("a format without a name") : std::string(format_name<W>);
}

}  // namespace detail

/// The fingerprint of a network whose weights are set, to be computed once for each loaded model.
///
/// Why:     a state continues one model only: with other weights it gives text that is wrong and looks right.
/// Domain:  any network with numbers (not in meta storage).
/// Determinism: it depends on the numbers alone, not on how an instruction set packs them, nor on the number of
///          threads. (Where a program quantises weights as it loads them, another instruction set may round some of
///          them differently, and they are other weights then. Those of a file in blocks are the same everywhere.)
/// Cost:    each weight is read once, row by row: about as long as it takes to pack them when they are loaded; matrices
///          in blocks are read in order, which is faster.
template <class Network>
[[nodiscard]] model_fingerprint fingerprint(Network const& network) {
  using T = typename Network::scalar;
  crc64 sum;
  std::size_t weights = 0;
  std::vector<std::string> formats;
  if constexpr (detail::network_of_parts<Network>) detail::add_text(sum, detail::network_text(network.parts()));
  model::for_each_tensor(
      network, [&](std::string const& name, std::span<std::size_t const> shape, auto const& storage, nn::role role) {
        using format = typename detail::format_of<T, decltype(storage)>::type;
        auto const format_is = detail::format_text<format>();
        detail::add_text(sum, name + " " + format_is + " " + to_string(shape) + "\n");
        detail::add_numbers<T>(sum, storage);
        weights += storage.rows() * storage.row_size();
        bool const listed = std::find(formats.begin(), formats.end(), format_is) != formats.end();
        if (role != nn::role::vector && !listed) formats.push_back(format_is);
      });
  model_fingerprint out;
  auto const text = [](std::size_t n) { return std::to_string(n); };
  out.sizes = "layers " + text(network.layers.size()) + ", width " + text(network.width()) + ", outputs " +
              text(network.outputs()) + ", weights " + text(weights);
  for (std::string const& f : formats) out.weights += (out.weights.empty() ? "" : ", ") + f;
  out.digest = sum.value();
  return out;
}

}  // namespace mamba::inline MAMBA_ABI::io
