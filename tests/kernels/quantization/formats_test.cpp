// SPDX-License-Identifier: MIT
#include <mamba/core/bfloat16.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/kernels/quantization/formats.hpp>

#include <doctest/doctest.h>

namespace {

static_assert(mamba::block_format<mamba::q8> && mamba::block_format<mamba::q4> && mamba::block_format<mamba::ternary>);
static_assert(!mamba::block_format<float> && !mamba::block_format<double> && !mamba::block_format<mamba::bfloat16> &&
              !mamba::block_format<mamba::float16>);

template <class W>
void check_codes_fit() {
  CHECK(W::lowest < W::highest);
  CHECK(W::highest - W::lowest < 1 << W::bits);
  CHECK(8 % W::bits == 0);
}

}  // namespace

TEST_CASE("formats: a format's codes fit into its bits, and its bits into a byte") {
  check_codes_fit<mamba::q8>();
  check_codes_fit<mamba::q4>();
  check_codes_fit<mamba::ternary>();
}
