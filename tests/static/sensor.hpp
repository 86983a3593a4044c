// SPDX-License-Identifier: MIT
// tests/static/sensor.hpp — a sensor's model: 6 features, one diagonal S4 layer 20 wide, the mean over time, 3 outputs.
//
// Included by the program that writes its weights as a header, by that header, and by the test that runs it.
#pragma once

#include <mamba/model/network.hpp>
#include <mamba/nn/block.hpp>
#include <mamba/nn/s4d.hpp>

inline constexpr mamba::nn::s4d_config sensor_mixer{.d_model = 20, .d_state = 10};

template <class W, class Storage = mamba::nn::packed>
using sensor =
    mamba::model::network<mamba::model::feature_projection<W, 6, 20, Storage>,
                          mamba::model::uniform_stack<mamba::nn::block<mamba::nn::s4d<sensor_mixer, W, Storage>>, 1>,
                          mamba::model::pooled_head<W, 20, 3, Storage>>;

inline constexpr sensor<float>::config sensor_sizes{
    {6, 20}, {{sensor_mixer}, 1}, {.d_model = 20, .outputs = 3, .over = mamba::model::pooling::mean}};
