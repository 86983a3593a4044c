// SPDX-License-Identifier: MIT
// tests/static/fill_sensor.hpp — numbers for the sensor's model, the same whatever its type.
#pragma once

#include "sensor.hpp"

#include <mamba/nn/s4d_init.hpp>
#include <support/random_model.hpp>

/// As a trained one may have them: S4D's as they are initialised, all others uniform.
template <class W>
[[nodiscard]] sensor<W> filled_sensor() {
  sensor<W> out(sensor_sizes);
  test::fill_weights(out, 5, test::weight_range::unit);
  test::random rng(6);
  mamba::nn::initialize(out.layers[0].mixer, {}, [&] { return rng.uniform(0, 1); });
  return out;
}
