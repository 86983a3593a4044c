// SPDX-License-Identifier: MIT
// Tuning numbers fit the registers and the caches that they name, and a product stays within the stack that they add up
// to. That they change no bit is in matmul_test.
#include <doctest/doctest.h>

#include <mamba/core/bfloat16.hpp>
#include <mamba/kernels/gemm/blocking.hpp>
#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/stack_use.hpp>
#include <support/threads.hpp>

#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <span>

namespace {

using namespace mamba::kernels;
using matrix = mamba::tensor<float, mamba::dynamic, mamba::dynamic>;

constexpr std::size_t in = 2 * blocking::kc<true> + 5, out = 300;

/// One product of the given number of tokens, on the calling thread.
template <class W>
struct product {
  explicit product(std::size_t tokens) : w(out, in), x(tokens, in), y(tokens, out), q(tokens, in) {
    q.assign(x.view());
  }
  void operator()() {
    if constexpr (mamba::block_format<W>) {
      matmul(q, w, std::span<float const>{}, y.view());
    } else {
      matmul(mamba::matrix_view<float const>(x.view()), w, std::span<float const>{}, y.view());
    }
  }
  packed_matrix<W> w;
  matrix x, y;
  quantized_buffer q;
};

template <class W>
void check_stack(std::size_t tokens, std::size_t bound) {
  product<W> run(tokens);
  std::size_t used = test::stack_use(run);
  for (int i = 0; i < 3; ++i) used = std::min(used, test::stack_use(run));  // the first ones pay for the dynamic linker
  MESSAGE(tokens, " tokens: ", used, " bytes of stack, bound ", bound);
  if (TEST_STACK_IS_MEASURABLE) CHECK(used <= bound);
}

}  // namespace

TEST_CASE("blocking: sums, panel and broadcast fit the vector registers") {
  auto const of_floats = [](blocking::tile_sizes const& t) {
    return t.mr * blocking::nr_vectors + blocking::nr_vectors + 1;
  };
  CHECK(of_floats(blocking::avx512) <= 32);
  CHECK(of_floats(blocking::aarch64) <= 32);
  CHECK(of_floats(blocking::sixteen_registers) <= 16);
  CHECK(blocking::int8_mr * blocking::int8_vectors<blocking::int8_mr> <= 16);
}

TEST_CASE("blocking: a panel's block, and the sums of a block of tokens, fit half of a second-level cache of 256 kB") {
  constexpr std::size_t half = 128 * 1024, widest = 2 * 64;  // bytes of a column of a panel
  CHECK(blocking::kc<true> * widest <= half);
  CHECK(blocking::mc<true> * widest <= half);
  CHECK(blocking::mc<false> * widest <= half);
  CHECK(blocking::kc<false> * widest <= 2 * half);
}

TEST_CASE("blocking: products stay within the stack of their card") {
  mamba::parallel::set_thread_count(1);
  check_stack<float>(1, blocking::stack_of_one<float>);
  check_stack<mamba::bfloat16>(1, blocking::stack_of_one<float>);
  check_stack<float>(300, blocking::stack_of_many<float, false>);
  check_stack<mamba::bfloat16>(300, blocking::stack_of_many<float, true>);
  for (std::size_t const tokens : {1U, 3U, 300U}) {
    check_stack<mamba::q8>(tokens, blocking::stack_of_bytes);
    check_stack<mamba::q4>(tokens, blocking::stack_of_bytes);
  }
}
