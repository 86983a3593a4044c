// SPDX-License-Identifier: MIT
#include <mamba/nn/s4d_state.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace nn = mamba::nn;
using nn::s4d_config;

TEST_CASE("s4d_config: N/2 pairs, and which extents are known to the compiler") {
  CHECK(s4d_config{.d_model = 3}.pairs() == 32);
  CHECK(nn::any_s4d.pairs() == mamba::dynamic);
  static_assert(!nn::all_static(nn::any_s4d) && nn::all_static(s4d_config{.d_model = 3}));
  static_assert(!nn::all_static(s4d_config{.d_model = 3, .d_state = mamba::dynamic}));
}

TEST_CASE("s4d_state: a value that gives its numbers by name, re and im in turn, and takes them back") {
  using state_type = nn::s4d_state<nn::any_s4d, float>;
  s4d_config const s{.d_model = 5, .d_state = 6};
  state_type from(s), to(s);
  for (std::size_t d = 0; d < 5; ++d) {
    for (std::size_t n = 0; n < 3; ++n) from.ssm.set(d, n, {static_cast<float>(10 * d + n), -static_cast<float>(n)});
  }
  std::vector<std::vector<float>> rows;
  state_type::for_each(static_cast<state_type const&>(from),
                       [&](std::string const& name, auto const& shape, auto part) {
                         CHECK(name == "ssm");
                         CHECK((shape[0] == 5 && shape[1] == 3 && shape[2] == 2));
                         CHECK((part.rows() == 5 && part.row_size() == 6));
                         for (std::size_t i = 0; i < part.rows(); ++i)
                           part.get_row(i, rows.emplace_back(part.row_size()));
                       });
  CHECK(rows[4] == std::vector<float>{40, -0.0F, 41, -1, 42, -2});
  CHECK_FALSE(to == from);
  state_type::for_each(to, [&](std::string const&, auto const&, auto part) {
    for (std::size_t i = 0; i < part.rows(); ++i) part.set_row(i, rows[i]);
  });
  CHECK(to == from);
  to.reset();
  CHECK(to == state_type(s));
}
