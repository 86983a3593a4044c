// SPDX-License-Identifier: MIT
// The lines of include/mamba/ssm/README.md, compiled and run: who includes <mamba/ssm.hpp> may copy them.
#include <doctest/doctest.h>

#include <mamba/ssm.hpp>
#include <mamba/tensor/tensor.hpp>

#include <complex>
#include <vector>

namespace {

using namespace mamba::ssm;

TEST_CASE("how_to_call: systems, rules, steps, scans and kernels") {
  matrix<double, 2> const A{{0, 1}, {-2, -3}};
  vector<double, 2> const B{0, 1}, a{-1, -2}, p{0.5, 0.25}, q{0.5, 0.25};
  matrix<double, 1, 2> const C{{1, 0}};
  matrix<double, 1> const D{{0.5}};
  sequence<double> const x = sequence<double>::LinSpaced(64, -1, 1);

  dense_system<double, 2> spring{A, B, C, D};
  diagonal_system<double, 2> modes_only{a, B, C, D};
  dplr_system<double, 2> low_rank{{a, p, q}, B, C, D};
  auto written = to_dense(low_rank);
  CHECK(written.a.diagonal() == vector<double, 2>{-1.25, -2.0625});
  CHECK(modes_only.a(1) == -2);

  auto stepped = zero_order_hold(0.1, spring);
  auto general = generalized_bilinear(0.1, 0.5, spring);
  auto [A_bar, B_bar] = bilinear(0.1, A, B);
  auto mode = first_order_hold(0.1, -1.0, 2.0);
  CHECK(general.a_bar == A_bar);
  CHECK(general.b_bar == B_bar);
  CHECK(mode.b_bar + mode.b_bar_before == doctest::Approx(zero_order_hold(0.1, -1.0, 2.0).b_bar));

  auto h = zero_state(stepped);
  auto y = recurrence(stepped, h, x);
  auto y_k = step(stepped, h, 1.0);
  auto states =
      blelloch_scan(maps(stepped, x), compose_in_time_order{}, initial_element(stepped.a_bar, zero_state(stepped)));
  auto same_y = outputs(stepped, states, x);
  CHECK(y_k.size() == 1);
  CHECK((same_y - y).norm() <= 1e-12 * y.norm());  // a scan groups otherwise: some roundings of 64 steps

  auto K = krylov_kernel(stepped, 64);
  auto by_sum = convolve(K, x);
  auto by_fft = fft_convolve(K, x);
  auto s4 = cauchy_kernel(low_rank, 0.1, 64);
  CHECK((by_sum + x * D(0) - y).norm() <= 1e-12 * y.norm());  // as above
  CHECK((by_fft - by_sum).norm() <= 1e-12 * by_sum.norm());
  CHECK((s4 - krylov_kernel(bilinear(0.1, low_rank), 64)).norm() <= 1e-9);  // the card of cauchy_kernel
}

TEST_CASE("how_to_call: HiPPO and S4D") {
  matrix<double, 1, mamba::dynamic> const c = matrix<double, 1, mamba::dynamic>::Ones(1, 64);
  matrix<std::complex<double>, 1, mamba::dynamic> const c_half = c.head(32).cast<std::complex<double>>();
  auto legs = hippo_legs<double>(64);
  auto fixed = hippo_legs<double, 8>();
  auto form = nplr<modes::half>(legs, low_rank_legs<double>(64));
  auto dplr = to_dplr(legs, low_rank_legs<double>(64), c);
  auto s4d = s4d_lin(c_half);
  auto real = s4d_real(c);
  hippo_state<double> state(32);
  state.bilinear(1.0, 0.5);
  CHECK(fixed.a.rows() == 8);
  CHECK(form.lambda.size() == 32);
  CHECK(form.v.rows() == 64);
  CHECK(dplr.a.lambda.size() == 32);
  CHECK(s4d.a.lambda.size() == 32);
  CHECK(real.a.lambda.size() == 64);
  CHECK(state.coefficients()(0) == 0.5);
}

TEST_CASE("how_to_call: the selective scan") {
  constexpr std::size_t L = 3, channels = 2, N = 4;
  mamba::tensor<double, mamba::dynamic, mamba::dynamic> delta(L, channels), a_dn(channels, N), b_ln(L, N), c_ln(L, N),
      x_ld(L, channels), z_ld(L, channels), h_dn(channels, N), y_ld(L, channels);
  std::vector<double> const d(channels, 1.0);
  auto h = h_dn.view();
  selective_scan(delta.view(), a_dn.view(), b_ln.view(), c_ln.view(), d, x_ld.view(), z_ld.view(), h, y_ld.view());
  CHECK(y_ld(0, 0) == 0);
}

}  // namespace
