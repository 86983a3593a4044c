// SPDX-License-Identifier: MIT
#include <mamba/io/state/fingerprint.hpp>

#include <mamba/nn/block.hpp>
#include <mamba/nn/mamba1.hpp>
#include <support/threads.hpp>

#include <doctest/doctest.h>

#include <span>
#include <string_view>
#include <vector>

namespace io = mamba::io;
namespace model = mamba::model;
namespace nn = mamba::nn;

namespace {

/// Features in, a Mamba block, a mean over time, scores out.
template <class W>
using sensor = model::network<model::feature_projection<W>, model::stack<nn::block<nn::mamba1<nn::any_mamba1, W>>>,
                              model::pooled_head<W>>;

template <class W>
typename sensor<W>::config sizes() {
  return {{3, 70}, {{.mixer = {.d_model = 70}}, 1}, {.d_model = 70, .outputs = 2, .over = model::pooling::mean}};
}

/// Numbers that every format and machine rounds in the same way.
template <class W>
sensor<W> filled(typename sensor<W>::config const& c) {
  sensor<W> out(c);
  int value = 0;
  model::for_each_tensor(out, [&](std::string_view, auto, auto& storage) {
    std::vector<float> row(storage.row_size());
    for (std::size_t r = 0; r < storage.rows(); ++r) {
      for (float& v : row) v = static_cast<float>(value = (value + 7) % 64 - 32) / 16;
      storage.set_row(r, std::span<float const>(row));
    }
  });
  return out;
}

}  // namespace

TEST_CASE("fingerprint: sizes, formats and a digest; in f32 the same whatever the instruction set") {
  auto const f32 = io::fingerprint(filled<float>(sizes<float>()));
  CHECK(f32.sizes == "layers 1, width 70, outputs 2, weights 39062");
  CHECK(f32.weights == "f32");
  CHECK(f32.digest == 0xb8b55e2cdd215aa5U);
  auto const bf16 = io::fingerprint(filled<mamba::bfloat16>(sizes<mamba::bfloat16>()));
  CHECK(bf16.sizes == f32.sizes);
  CHECK(bf16.weights == "bf16");
  CHECK(bf16.digest == 0x908994d3476c48b1U);
  auto const mixture = io::fingerprint(filled<mamba::ternary>(sizes<mamba::ternary>()));
  CHECK(mixture.weights == "q4, ternary");
  CHECK(mixture == io::fingerprint(filled<mamba::ternary>(sizes<mamba::ternary>())));
}

TEST_CASE("fingerprint: one number, an epsilon or a pooling changes it, the number of threads does not") {
  auto network = filled<float>(sizes<float>());
  auto const expected = io::fingerprint(network);
  {
    test::all_work_shared const shared;
    for (int const threads : {1, 2, 5}) {
      mamba::parallel::set_thread_count(threads);
      CHECK(io::fingerprint(network) == expected);
    }
  }
  float const other = 0.0625F;
  network.output.norm_f.weight().set_row(69, std::span(&other, 1));
  CHECK(io::fingerprint(network).digest != expected.digest);
  auto c = sizes<float>();
  c.output.over = model::pooling::last;
  CHECK(io::fingerprint(filled<float>(c)).digest != expected.digest);
  c = sizes<float>();
  c.layers.layer.norm_epsilon = 1e-6;
  CHECK(io::fingerprint(filled<float>(c)).digest != expected.digest);
}
