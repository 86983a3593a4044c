// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/scan_inputs.hpp>

#include <type_traits>
#include <vector>

namespace {

using mamba::kernels::scan_inputs;

static_assert(std::is_aggregate_v<scan_inputs<float>> && std::is_trivially_copyable_v<scan_inputs<double>>);

TEST_CASE("scan_inputs: tensors and vectors by name; no gate, no skip and one group where none is named") {
  mamba::tensor<float, 3, 2> delta, x;
  mamba::tensor<float, mamba::dynamic, 4> b(3, 4), c(3, 4);
  std::vector<float> const d(2);
  scan_inputs<float> const plain = {.delta = delta, .b = b, .c = c, .x = x};
  CHECK(plain.delta.data() == delta.data());
  CHECK(plain.c.extent(1) == 4);
  CHECK(plain.z.empty());
  CHECK(plain.d.empty());
  CHECK(plain.groups == 1);
  scan_inputs<float> const all = {.delta = delta, .b = b, .c = c, .x = x, .z = x, .d = d, .groups = 2};
  CHECK(all.z.data() == x.data());
  CHECK(all.d.data() == d.data());
  CHECK(all.groups == 2);
}

}  // namespace
