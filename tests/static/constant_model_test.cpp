// SPDX-License-Identifier: MIT
// Models out of headers that quantize wrote, several of them in one program: no copy of a weight, no heap, and the bits
// of the checkpoints that they come from.
#include <doctest/doctest.h>

#include <biased_q8.hpp>
#include <tiny_f32.hpp>
#include <tiny_q8.hpp>
#include <tiny_ternary.hpp>

#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/model/session.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

namespace model = mamba::model;
using mamba::matrix_view;

std::string const goldens = MAMBA_GOLDEN_DIR "/models/";
constexpr std::array<model::token, 9> text{1, 2, 3, 0, 4, 5, 1, 90, 7};

/// Whether a number lies in one of the arrays.
template <class T, class... Pool>
bool lies_in(T const* p, Pool const&... pools) {
  auto const at = reinterpret_cast<std::uintptr_t>(p);
  return ((at >= reinterpret_cast<std::uintptr_t>(pools.data()) &&
           at < reinterpret_cast<std::uintptr_t>(pools.data() + pools.size())) ||
          ...);
}

template <auto const& Weights, class... Pool>
void check(std::string const& checkpoint, Pool const&... pools) {
  using W = std::remove_cvref_t<decltype(Weights)>;
  constexpr std::size_t vocabulary = W::declared.vocab_size;
  auto const packed =
      mamba::io::load_weights<typename W::storage_format>(mamba::io::open_checkpoint(goldens + checkpoint));
  REQUIRE(packed.sizes() == Weights.sizes());
  std::vector<float> expected(text.size() * vocabulary);
  auto const rows = [](std::vector<float>& v, std::size_t first, std::size_t count) {
    return matrix_view<float>(v.data() + first * vocabulary, count, vocabulary);
  };
  model::state<> state(packed.sizes());
  model::workspace workspace(packed, text.size());
  model::forward(packed, text, state, workspace, rows(expected, 0, text.size()));

  std::vector<float> stepped(expected.size()), read(expected.size());
  std::size_t const before = test::allocations;
  {
    model::state<W::declared> own;
    model::static_workspace<W, 4> room;
    for (std::size_t t = 0; t < text.size(); ++t) {
      model::step(Weights, text[t], own, room, std::span(stepped).subspan(t * vocabulary, vocabulary));
    }
    own.reset();
    std::span<model::token const> const all(text);
    model::forward(Weights, all.first(2), own, room, rows(read, 0, 2));
    model::forward(Weights, all.subspan(2), own, room, rows(read, 2, text.size() - 2));
  }
  CHECK(test::allocations == before);
  CHECK(test::same_bits(stepped, expected));
  CHECK(test::same_bits(read, expected));

  model::session session(Weights);
  auto const last = session.read(text);
  CHECK(test::same_bits(last, std::span(expected).last(vocabulary)));

  // Every parameter is read where the header has it.
  std::size_t parameters = 0;
  model::for_each_tensor(Weights, [&](std::string const& name, std::span<std::size_t const>, auto const& storage) {
    ++parameters;
    if constexpr (requires { storage.storage(); }) {
      CHECK_MESSAGE(lies_in(storage.storage().data(), pools...), name);
    } else {
      CHECK_MESSAGE(lies_in(storage.span().data(), pools...), name);
    }
  });
  std::size_t expected_parameters = 0;
  model::for_each_tensor(packed, [&](auto const&, auto const&, auto const&) { ++expected_parameters; });
  CHECK(parameters == expected_parameters);
}

// The models themselves are constants: pointers and sizes, made by the compiler.
static_assert(tiny_q8::weights.layers.size() == 2 && tiny_q8::weights.sizes() == tiny_q8::sizes);
static_assert(tiny_q8::sizes == tiny_f32::sizes && !(biased_q8::sizes == tiny_q8::sizes));
static_assert(sizeof(tiny_q8::weights) < 4096);

}  // namespace

TEST_CASE("constant model: q8 has the bits of packed weights, without a heap") {
  check<tiny_q8::weights>("hf_f32_tied", tiny_q8::q8_blocks, tiny_q8::f32_numbers);
}

TEST_CASE("constant model: f32, in panels") { check<tiny_f32::weights>("hf_f32_tied", tiny_f32::f32_numbers); }

TEST_CASE("constant model: ternary, which mixes two block formats") {
  check<tiny_ternary::weights>("hf_f32_tied", tiny_ternary::ternary_blocks, tiny_ternary::q4_blocks,
                               tiny_ternary::f32_numbers);
}

TEST_CASE("constant model: another of other sizes, with biases and a head of its own, in the same program") {
  check<biased_q8::weights>("hf_f16_biases_untied", biased_q8::q8_blocks, biased_q8::f32_numbers);
}
