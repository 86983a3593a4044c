// SPDX-License-Identifier: MIT
// The bound of stack use in forward's card, for threads with a small stack.
#include <mamba/model/forward.hpp>
#include <mamba/model/weights.hpp>
#include <support/stack_use.hpp>
#include <support/threads.hpp>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

namespace model = mamba::model;
namespace blocking = mamba::kernels::blocking;

constexpr std::size_t kB = 1024;

/// One layer of mamba-130m, whose numbers are zero: what stands on the stack does not depend on them.
template <class W>
void check(char const* format, std::size_t of_one, std::size_t of_many) {
  constexpr model::config sizes{.d_model = 768, .n_layer = 1, .vocab_size = 50};
  model::weights<model::any, W> const w(sizes);
  model::state<> state(sizes);
  model::workspace workspace(w, 64);
  std::vector<model::token> const tokens(64, 1);
  std::vector<float> logits(64 * 50);
  for (std::size_t const count : {std::size_t{1}, std::size_t{64}}) {
    std::size_t const used = test::stack_use([&] {
      model::forward(w, std::span(tokens).first(count), state, workspace, {logits.data(), count, 50});
    });
    MESSAGE(std::string(format), ", ", count, " tokens: ", used, " bytes of stack");
    if (TEST_STACK_IS_MEASURABLE) CHECK(used <= 24 * kB + (count == 1 ? of_one : of_many));
  }
}

TEST_CASE("forward: no more stack than its card states, for one token and for many") {
  mamba::parallel::set_thread_count(1);  // all work on the thread whose stack is looked at
  check<float>("f32", blocking::stack_of_one<float>, blocking::stack_of_many<float, false>);
  check<mamba::bfloat16>("bf16", blocking::stack_of_one<float>, blocking::stack_of_many<float, true>);
  check<mamba::q8>("q8", blocking::stack_of_bytes, blocking::stack_of_bytes);
}

}  // namespace
