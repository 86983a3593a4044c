// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/signal.hpp>
#include <mamba/nn/constant_pools.hpp>

#include <string>
#include <vector>

namespace {

namespace model = mamba::model;

constexpr model::signal_config sizes{
    .features = 3, .d_model = 16, .n_layer = 2, .outputs = 4, .over = model::pooling::mean};

TEST_CASE("signal: sizes given once are those of every part, in every storage") {
  model::signal_weights<sizes, mamba::q8> const w;
  CHECK(w.width() == 16);
  CHECK(w.outputs() == 4);
  CHECK(w.layers.size() == 2);
  CHECK(w.layers[0].mixer.sizes() == sizes.mixer());
  std::vector<std::string> packed, constant;
  model::for_each_tensor(w, [&](std::string const& name, auto const&, auto const& p) {
    packed.push_back(name + std::to_string(p.rows()) + "x" + std::to_string(p.row_size()));
  });
  model::signal_weights<sizes, mamba::q8, mamba::nn::constant> const c;
  model::for_each_tensor(c, [&](std::string const& name, auto const&, auto const& p) {
    constant.push_back(name + std::to_string(p.rows()) + "x" + std::to_string(p.row_size()));
  });
  CHECK(packed == constant);
  CHECK(packed.front() == "backbone.input.weight16x3");
  CHECK(packed.back() == "head.bias4x1");
}

}  // namespace
