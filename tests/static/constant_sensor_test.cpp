// SPDX-License-Identifier: MIT
// A sensor's model with a diagonal S4 layer out of headers that io::constant_header wrote: no copy of a weight, no
// heap, and the bits of the same model in packed storage.
#include <doctest/doctest.h>

#include "fill_sensor.hpp"

#include <sensor_f32.hpp>
#include <sensor_q8.hpp>

#include <mamba/model/forward.hpp>
#include <mamba/model/workspace.hpp>
#include <support/allocations.hpp>
#include <support/bits.hpp>
#include <support/random.hpp>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace {

namespace model = mamba::model;
constexpr std::size_t frames = 40, features = 6, outputs = 3;

/// Whether all of a parameter lies in one of the arrays.
template <class T, class... Pool>
bool lies_in(std::span<T const> numbers, Pool const&... pools) {
  auto const bytes = std::as_bytes(numbers);
  return ((bytes.data() >= std::as_bytes(std::span(pools)).data() &&
           bytes.data() + bytes.size() <= std::as_bytes(std::span(pools)).data() + sizeof(pools)) ||
          ...);
}

template <auto const& Weights, class W, class... Pool>
void check(Pool const&... pools) {
  using network = std::remove_cvref_t<decltype(Weights)>;
  mamba::parallel::set_thread_count(1);  // starting a thread takes memory
  auto const packed = filled_sensor<W>();
  test::random rng(7);
  std::array<float, frames * features> x;
  std::array<std::array<float, outputs>, frames> expected{}, stepped{}, read{};
  rng.fill(std::span<float>(x), -1, 1);
  auto const in = [&](std::size_t first, std::size_t count) {
    return mamba::matrix_view<float const>(x.data() + first * features, count, features);
  };
  auto const out = [](auto& y, std::size_t first, std::size_t count) {
    return mamba::matrix_view<float>(y[first].data(), count, outputs);
  };
  auto state = packed.initial_state();
  model::workspace workspace(packed, frames);
  model::forward(packed, in(0, frames), state, workspace, out(expected, 0, frames));

  std::size_t const before = test::allocations;
  {
    auto own = Weights.initial_state();
    model::static_workspace<network, 8, 1, sensor_sizes> room;
    for (std::size_t t = 0; t < frames; ++t) model::step(Weights, in(t, 1).row(0), own, room, stepped[t]);
    CHECK(own == state);
    own.reset();
    model::forward(Weights, in(0, 3), own, room, out(read, 0, 3));
    model::forward(Weights, in(3, frames - 3), own, room, out(read, 3, frames - 3));
    CHECK(own == state);
  }
  CHECK(test::allocations == before);
  CHECK(test::same_bits(stepped, expected));
  CHECK(test::same_bits(read, expected));
  CHECK_FALSE(test::same_bits(expected[0], expected[1]));

  // Every parameter is read where the header has it; log_dt has no numbers of its own.
  std::size_t elsewhere = 0;
  model::for_each_tensor(Weights, [&](std::string const& name, std::span<std::size_t const>, auto const& storage) {
    if constexpr (requires { storage.storage(); }) {
      CHECK_MESSAGE(lies_in(std::span(storage.storage().data(), storage.storage().size()), pools...), name);
    } else if (storage.size() != 0) {
      CHECK_MESSAGE(lies_in(storage.span(), pools...), name);
    } else {
      CHECK(name == "backbone.layers.0.mixer.kernel.log_dt");
      ++elsewhere;
    }
  });
  CHECK(elsewhere == 1);
}

// The models themselves are constants: pointers and sizes, made by the compiler.
static_assert(sensor_q8::weights.layers.size() == 1 && sensor_q8::weights.parts().output.outputs == outputs);
static_assert(sizeof(sensor_q8::weights) < 1024);

}  // namespace

TEST_CASE("constant sensor: an S4D layer in f32 has the bits of packed weights, without a heap") {
  check<sensor_f32::weights, float>(sensor_f32::f32_numbers);
}

TEST_CASE("constant sensor: the same in q8") {
  check<sensor_q8::weights, mamba::q8>(sensor_q8::q8_blocks, sensor_q8::f32_numbers);
}
