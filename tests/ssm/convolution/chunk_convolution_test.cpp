// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/chunk_convolution.hpp>
#include <mamba/ssm/convolution/fft_convolution.hpp>
#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <support/random_discrete.hpp>

#include <algorithm>
#include <complex>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::ssm::matrix;
using mamba::ssm::modes;
using mamba::ssm::sequence;
using mamba::ssm::vector;
using test::random_matrix;
using test::random_sequence;
using test::relative_distance;
using complex = std::complex<double>;

// One state that halves: h = 8, and nothing comes: 4, 2, 1. With inputs 2 and 4 and K = (1, ½): 4 + 2, 2 + 4 + 1.
TEST_CASE("chunk_convolution: the past and the chunk, by hand") {
  mamba::ssm::discrete_dense<double, 1> const s{matrix<double, 1>{{0.5}}, matrix<double, 1>{{1}},
                                                matrix<double, 1>{{1}}, matrix<double, 1>{{100}}};
  vector<double, 1> h{{8.0}};
  CHECK(free_response(s, h, 3) == sequence<double>{{4.0}, {2.0}, {1.0}});
  CHECK(h(0) == 8);
  CHECK(state_after(s, h, sequence<double>{{2.0}, {4.0}})(0) == 7);
  auto const y = chunk_convolution(s, sequence<double>{{1.0}, {0.5}}, h, sequence<double>{{2.0}, {4.0}});
  CHECK(y == sequence<double>{{6 + 200.0}, {7 + 400.0}});
  CHECK(h(0) == 7);
}

// u = 2⁻⁵³. Both sides are sums of C Āʲ B̄ x; the roundings of one step, some (N + R + M) of them, count for the 1/(1 −
// ρ) = 20 steps that are remembered, in the kernel as often again. 20·20·12 u = 5e-13 at worst; 1e-13 is a fifth of it.
TEST_CASE("chunk_convolution: any split is the recurrence") {
  test::random rng(1);
  double most = 0;
  auto const check = [&](auto const& s, auto h) {
    constexpr Eigen::Index L = 40;
    auto const kernel = krylov_kernel(s, L);
    auto const x = random_sequence<double, dynamic>(rng, L, static_cast<std::size_t>(s.b_bar.cols()));
    auto const before = h;
    auto const expected = recurrence(s, h, x);
    for (Eigen::Index split = 0; split <= L; ++split) {
      auto carried = before;
      auto y = expected;
      y.topRows(split) = chunk_convolution(s, kernel, carried, x.topRows(split).eval());
      y.bottomRows(L - split) = chunk_convolution(s, kernel, carried, x.bottomRows(L - split).eval());
      double off = relative_distance(y, expected);
      if constexpr (requires { h.x_before; }) {
        off = std::max(off, relative_distance(carried.h, h.h));
        CHECK(carried.x_before == h.x_before);
      } else {
        off = std::max(off, relative_distance(carried, h));
      }
      REQUIRE(off < 1e-13);
      most = std::max(most, off);
    }
  };
  auto const from = [&](auto const& s) {
    check(s, random_matrix<decltype(zero_state(s))>(rng, static_cast<std::size_t>(s.b_bar.rows())));
  };
  from(test::random_dense<double, dynamic, dynamic, dynamic>(rng, 0.9, 5, 2, 3));
  from(test::random_diagonal<complex, dynamic, 1, 1, modes::half>(rng, 0.95, 4));
  from(test::random_diagonal<complex, dynamic, 1, 2>(rng, 0.95, 1));
  from(test::random_dplr<complex, dynamic, 2, 1, 1, modes::half>(rng, 0.95, 4));

  auto const base = test::random_diagonal<double, 3, 2, 1>(rng, 0.9);
  mamba::ssm::two_point<std::decay_t<decltype(base)>> s{base, random_matrix<matrix<double, 3, 2>>(rng, 3, 2)};
  check(s, mamba::ssm::two_point_state<double, 3, 2>{vector<double, 3>{1, -2, 3}, vector<double, 2>{-1, 4}});
  MESSAGE("at most ", most, " from the recurrence");
}

// The transform adds its own 12 ε (log₂ n + 1) ‖K‖₁ ‖x‖₂: for n = 2048, of a kernel that sums to some ten of its
// largest and of a thousand inputs, at most 12·2·12·10·32 u = 1e-11 of one answer; a hundredth of that is found.
TEST_CASE("chunk_convolution: a prompt by transform, then step by step") {
  test::random rng(2);
  auto const s = test::random_diagonal<complex, dynamic, 1, 1, modes::half>(rng, 0.99, 16);
  auto const x = random_sequence<double>(rng, 1000);
  auto h = zero_state(s);
  auto const expected = recurrence(s, h, x);
  auto carried = zero_state(s);
  auto const fast = [](auto const& K, auto const& inputs) { return mamba::ssm::fft_convolve(K, inputs); };
  auto const prompt = chunk_convolution(s, krylov_kernel(s, 900), carried, x.topRows(900).eval(), fast);
  CHECK(relative_distance(prompt, expected.topRows(900)) < 1e-11);
  auto const rest = recurrence(s, carried, x.bottomRows(100).eval());
  CHECK(relative_distance(rest, expected.bottomRows(100)) < 1e-13);  // the state is not the transform's
}

TEST_CASE("chunk_convolution: no inputs, no outputs, and the state unchanged") {
  test::random rng(3);
  auto const s = test::random_dense<double>(rng, 0.9, 3);
  vector<double> h = random_matrix<vector<double>>(rng, 3);
  auto const before = h;
  auto const y = chunk_convolution(s, krylov_kernel(s, 0), h, sequence<double>(0));
  CHECK(y.rows() == 0);
  CHECK(h == before);
  CHECK(free_response(s, h, 0).rows() == 0);
}

TEST_CASE("chunk_convolution: the states in between are the recurrence's, bit for bit") {
  test::random rng(5);
  auto const s = test::random_dense<double>(rng, 0.9, 3);
  auto const x = random_sequence<double>(rng, 9);
  auto h = zero_state(s), stepped = h;
  std::vector<vector<double>> seen, expected;
  auto const direct = [](auto const& K, auto const& inputs) { return mamba::ssm::convolve(K, inputs); };
  static_cast<void>(chunk_convolution(s, krylov_kernel(s, 9), h, x, direct, mamba::ssm::states_at({6, 1}, seen)));
  static_cast<void>(recurrence(s, stepped, x, mamba::ssm::all_states(expected)));
  REQUIRE(seen.size() == 2);
  CHECK(test::same_matrix(seen[0], expected[1]));
  CHECK(test::same_matrix(seen[1], expected[6]));
}

// As in double above, 20·20·12 u = 3e-4 at worst.
TEST_CASE("chunk_convolution: in float, as far from double as its roundings allow") {
  test::random rng(20);
  auto const s = test::random_dense<float, 3>(rng, 0.95);
  auto const x = random_sequence<float>(rng, 40);
  mamba::ssm::discrete_dense<double, 3> const wide{s.a_bar.cast<double>(), s.b_bar.cast<double>(), s.c.cast<double>(),
                                                   s.d.cast<double>()};
  vector<float, 3> h(1, -2, 3);
  vector<double, 3> exact_h(1, -2, 3);
  auto const y = chunk_convolution(s, krylov_kernel(s, 40), h, x);
  sequence<double> const wide_x = x.cast<double>();
  auto const exact = recurrence(wide, exact_h, wide_x);
  double const off =
      std::max(relative_distance(y.cast<double>().eval(), exact), relative_distance(h.cast<double>().eval(), exact_h));
  CHECK(y.allFinite());
  CHECK(off < 3e-4);
  CHECK(off > 0);
}

#if MAMBA_CONTRACTS
TEST_CASE("chunk_convolution: a kernel shorter than the chunk is refused") {
  test::random rng(4);
  auto const s = test::random_dense<double>(rng, 0.9, 3);
  auto h = zero_state(s);
  CHECK_THROWS_AS(static_cast<void>(chunk_convolution(s, krylov_kernel(s, 4), h, random_sequence<double>(rng, 5))),
                  mamba::contract_violation);
}
#endif

}  // namespace
