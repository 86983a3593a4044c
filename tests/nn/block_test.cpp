// SPDX-License-Identifier: MIT
// The numbers of a block of Mamba-1 are in mamba1_test.cpp. Here: what nn::block adds to any mixer.
#include <doctest/doctest.h>

#include <mamba/nn/block.hpp>
#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/reference/plain.hpp>
#include <mamba/nn/workspace.hpp>
#include <support/bits.hpp>
#include <support/parameters.hpp>

#include <string>
#include <vector>

namespace {

using block = mamba::nn::block<mamba::nn::mamba1<>>;
static_assert(mamba::nn::layer<block> && mamba::nn::stackable<block::with_storage<mamba::nn::meta>>);

TEST_CASE("block: r + mixer(norm r), the norm first in the list of parameters, which begins with ones") {
  block::config const c{.mixer = {.d_model = 12}, .norm_epsilon = 1e-3};
  block b(c);
  std::vector<std::string> names;
  test::random rng(1);
  block::for_each(b, [&](auto const& name, auto const&, auto& storage, auto) {
    names.emplace_back(name);
    if (names.size() == 1) {
      for (float const one : test::rows_of<float>(storage)) CHECK(one == 1);
    }
    test::fill_rows<float>(storage, rng, -0.5, 0.5);
  });
  CHECK(names.front() == "norm.weight");
  CHECK(names[1] == "mixer.A_log");
  CHECK(names.back() == "mixer.out_proj.weight");

  std::vector<float> r(4 * 12);
  rng.fill(std::span(r), -1, 1);
  auto const before = r;
  block::state state = block::initial_state(c), again = state;
  mamba::nn::workspace memory(block::workspace(c, 4));
  mamba::nn::segment<block::state> const all[] = {{0, 4, &state}};
  b({r.data(), 4, 12}, all, memory.memory());

  // By its parts: the norm into a buffer, the mixer's outputs added to r.
  std::vector<float> u(4 * 12), sum = before;
  b.norm({before.data(), 4, 12}, {u.data(), 4, 12});
  mamba::nn::segment<block::state> const same[] = {{0, 4, &again}};
  mamba::arena at = memory.memory();
  block::mixer_type::input const input(at, mamba::matrix_view<float const>(u.data(), 4, 12));
  b.mixer.apply<mamba::kernels::output::add>(input, same, at, {sum.data(), 4, 12});
  CHECK(test::same_bits(r, sum));
  CHECK(state == again);
  auto const plain =
      mamba::nn::reference::rms_norm<double>(std::vector<double>(before.begin(), before.begin() + 12),
                                             mamba::nn::reference::parameters<double>(b)["norm.weight"], 1e-3);
  for (std::size_t i = 0; i < 12; ++i) CHECK(static_cast<double>(u[i]) == doctest::Approx(plain[i]).epsilon(1e-5));
}

}  // namespace
