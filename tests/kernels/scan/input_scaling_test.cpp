// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/channel_blocked_view.hpp>
#include <mamba/kernels/scan/complex_blocked_view.hpp>
#include <mamba/kernels/scan/input_scaling.hpp>

#include <type_traits>

namespace {

using mamba::kernels::blocked_modes;
using mamba::kernels::channel_blocked;
using mamba::kernels::channel_blocked_view;
using mamba::kernels::complex_blocked;
using mamba::kernels::complex_blocked_view;
using mamba::kernels::input_scaling;
using mamba::kernels::unit_b;

static_assert(blocked_modes<channel_blocked<float>> && blocked_modes<complex_blocked<double, 3, 2>>);
static_assert(blocked_modes<channel_blocked_view<float const>> && blocked_modes<complex_blocked_view<double const>>);
static_assert(!blocked_modes<mamba::tensor<float, 3, 2>> && !blocked_modes<float>);
static_assert(!std::is_default_constructible_v<input_scaling<channel_blocked<float>>>);  // B̄ can't be forgotten
static_assert(std::is_convertible_v<unit_b, input_scaling<channel_blocked<float>>>);
static_assert(std::is_convertible_v<complex_blocked<float> const&, input_scaling<complex_blocked<float>>>);
static_assert(!std::is_convertible_v<complex_blocked<float> const&, input_scaling<channel_blocked<float>>>);

TEST_CASE("input_scaling: refers to B̄, or stands for 1, which fits every shape") {
  channel_blocked<float> const b(5, 3), other(5, 4);
  input_scaling<channel_blocked<float>> const scaled = b;
  CHECK(!scaled.is_unit());
  CHECK(&scaled.value() == &b);
  CHECK(scaled.fits(b));
  CHECK(!scaled.fits(other));
  input_scaling<channel_blocked<float>> const unit = unit_b{};
  CHECK(unit.is_unit());
  CHECK(unit.fits(b));
  CHECK(unit.fits(other));
}

}  // namespace
