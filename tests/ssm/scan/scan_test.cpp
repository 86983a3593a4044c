// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/hippo/legendre.hpp>
#include <mamba/ssm/scan/affine.hpp>
#include <mamba/ssm/scan/scan.hpp>
#include <support/largest.hpp>
#include <support/random_discrete.hpp>

#include <algorithm>
#include <array>
#include <complex>
#include <limits>
#include <string>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::ssm::affine;
using mamba::ssm::compose_in_time_order;
using mamba::ssm::initial_element;
using mamba::ssm::vector;
using complex = std::complex<double>;

// Every schedule, inclusive and exclusive, under one name each.
template <class Check>
void for_each_schedule(Check const& check) {
  using namespace mamba::ssm;
  check(
      "sequential", [](auto const& x, auto const& op, auto const& i) { return sequential_scan(x, op, i); },
      [](auto const& x, auto const& op, auto const& i) { return sequential_exclusive_scan(x, op, i); });
  check(
      "Blelloch", [](auto const& x, auto const& op, auto const& i) { return blelloch_scan(x, op, i); },
      [](auto const& x, auto const& op, auto const& i) { return blelloch_exclusive_scan(x, op, i); });
  for (std::size_t const Q : {1U, 2U, 3U, 7U, 64U}) {
    check(
        "chunks of " + std::to_string(Q),
        [Q](auto const& x, auto const& op, auto const& i) { return chunked_scan(Q, x, op, i); },
        [Q](auto const& x, auto const& op, auto const& i) { return chunked_exclusive_scan(Q, x, op, i); });
  }
}

// Text in a row is the free associative operator: whatever schedule writes "init a b c …" has combined every element
// once and in order, for every operator there is.
TEST_CASE("scan: every schedule, every length, in order") {
  auto const concatenate = [](std::string const& earlier, std::string const& later) { return earlier + later; };
  for_each_schedule([&](std::string const& name, auto const& inclusive, auto const& exclusive) {
    for (std::size_t L = 0; L <= 70; ++L) {
      std::vector<std::string> letters, with, without;
      std::string so_far = "<";
      for (std::size_t k = 0; k < L; ++k) {
        letters.push_back(std::string(1, static_cast<char>('A' + static_cast<char>(k))));
        without.push_back(so_far);
        with.push_back(so_far += letters.back());
      }
      INFO(name, ", L = ", L);
      REQUIRE(inclusive(letters, concatenate, std::string("<")) == with);
      REQUIRE(exclusive(letters, concatenate, std::string("<")) == without);
    }
  });
}

TEST_CASE("scan: chunks of every size are the whole, for every length") {
  auto const concatenate = [](std::string const& earlier, std::string const& later) { return earlier + later; };
  for (std::size_t L = 0; L <= 20; ++L) {
    std::vector<std::string> letters;
    for (std::size_t k = 0; k < L; ++k)
      letters.push_back(std::string(1, static_cast<char>('A' + static_cast<char>(k))));
    auto const with = mamba::ssm::sequential_scan(letters, concatenate, std::string("<"));
    auto const without = mamba::ssm::sequential_exclusive_scan(letters, concatenate, std::string("<"));
    for (std::size_t Q = 1; Q <= L + 1; ++Q) {
      INFO("L = ", L, ", Q = ", Q);
      REQUIRE(mamba::ssm::chunked_scan(Q, letters, concatenate, std::string("<")) == with);
      REQUIRE(mamba::ssm::chunked_exclusive_scan(Q, letters, concatenate, std::string("<")) == without);
    }
  }
}

// An element with the number of dependent operations that it took.
struct timed {
  std::size_t depth = 0;
};

std::size_t levels(std::size_t L) {  // ⌈log₂ L⌉
  std::size_t n = 0;
  while ((std::size_t(1) << n) < L) ++n;
  return n;
}

TEST_CASE("scan: operations and depth are those of the table") {
  std::size_t operations = 0;
  auto const op = [&](timed a, timed b) {
    ++operations;
    return timed{std::max(a.depth, b.depth) + 1};
  };
  auto const depth_of = [&](std::vector<timed> const& out) {
    std::size_t most = 0;
    for (timed const& t : out) most = std::max(most, t.depth);
    return most;
  };
  for (std::size_t L = 1; L <= 300; ++L) {
    std::vector<timed> const x(L);
    auto const cost = [&](auto const& scan) {
      operations = 0;
      return std::array{depth_of(scan()), operations};
    };
    auto const sequential = cost([&] { return mamba::ssm::sequential_scan(x, op, timed{}); });
    CHECK(sequential == std::array{L, L});
    CHECK(cost([&] { return mamba::ssm::sequential_exclusive_scan(x, op, timed{}); }) == std::array{L - 1, L - 1});
    std::size_t const D = levels(L), deepest = L == 1 ? 1 : 2 * D;
    auto const tree = cost([&] { return mamba::ssm::blelloch_scan(x, op, timed{}); });
    auto const exclusive = cost([&] { return mamba::ssm::blelloch_exclusive_scan(x, op, timed{}); });
    CHECK(tree[1] == 3 * L - 2);
    CHECK(exclusive[1] == 2 * (L - 1));
    CHECK(tree[0] <= deepest);
    CHECK(exclusive[0] <= deepest - 1);
    if (L == std::size_t(1) << D) CHECK(tree[0] == deepest);  // a full tree has its full depth
    for (std::size_t const Q : {1U, 2U, 5U, 16U, 400U}) {
      std::size_t const chunks = (L + Q - 1) / Q;
      auto const inclusive = cost([&] { return mamba::ssm::chunked_scan(Q, x, op, timed{}); });
      CHECK(inclusive[0] <= 2 * Q + chunks - 2 + (Q == 1 && chunks == 1 ? 1 : 0));
      CHECK(inclusive[1] == 2 * L - 1);
      CHECK(cost([&] { return mamba::ssm::chunked_exclusive_scan(Q, x, op, timed{}); })[1] == 2 * L - 1 - chunks);
    }
  }
}

// Matrices of small whole numbers, kept small by taking them modulo 101: exact, associative and far from commutative.
TEST_CASE("scan: 2 by 2 matrices, exactly") {
  using matrix = Eigen::Matrix<int, 2, 2>;
  auto const op = [](matrix const& earlier, matrix const& later) -> matrix {
    return (later * earlier).unaryExpr([](int v) { return v % 101; });
  };
  test::random rng(1);
  std::vector<matrix> x(67);
  for (matrix& m : x) m = matrix::NullaryExpr([&] { return static_cast<int>(rng.below(101)); });
  matrix const first{{3, 1}, {4, 1}};
  std::vector<matrix> expected{first};
  for (matrix const& m : x) expected.push_back(op(expected.back(), m));
  for_each_schedule([&](std::string const&, auto const& inclusive, auto const& exclusive) {
    CHECK(inclusive(x, op, first) == std::vector<matrix>(expected.begin() + 1, expected.end()));
    CHECK(exclusive(x, op, first) == std::vector<matrix>(expected.begin(), expected.end() - 1));
  });
}

// The recurrence rounds (N + M + 2) √N u of the largest state a step, remembered for 1/(1 − ρ) steps. A tree's node
// rounds as often as its subtree has levels on the way to a state, ⌈log₂ L⌉ + 1 ≤ 13 times, each N + 2 terms, and adds
// up what fades by ρ: less than the recurrence does. Diagonal, ρ = 0.99: 2·100·13·2√2 u = 8e-13. Dense, ρ = 0.9:
// 2·10·13·67·8 u = 1.6e-11, if all roundings went one way; what is found is 1e-15. Memories as long as the input, LegS
// over one second and modes of at least 0.9995, carry on all 4096 steps' roundings: 4096·67·8 u = 2.4e-10 one way,
// √(4096·67·64) u = 5e-13 independent of each other, of which 1e-11 is twenty times.
TEST_CASE("scan: is the recurrence, for N = 64 and L = 4096") {
#if defined(MAMBA_SANITIZED)
  constexpr std::size_t L = 512;  // products of dense matrices would take minutes
#else
  constexpr std::size_t L = 4096;
#endif
  test::random rng(2);
  double most = 0;
  auto const check = [&](auto const& s, std::size_t part, auto const& scan) {
    auto const x = test::random_sequence<double>(rng, L);
    auto h = zero_state(s);
    h.setConstant(0.5);
    auto running = h;
    auto const y = recurrence(s, h, x);
    auto found = y;
    for (std::size_t k = 0; k < L; k += part) {  // L maps of 64 × 64 would be 134 MB: the scan continues in parts
      auto const here = x.middleRows(mamba::ssm::index(k), mamba::ssm::index(part)).eval();
      auto const states = scan(maps(s, here), compose_in_time_order{}, initial_element(s.a_bar, running));
      found.middleRows(mamba::ssm::index(k), mamba::ssm::index(part)) = outputs(s, states, here);
      running = states.back().b;
    }
    double const off = std::max(test::relative_distance(found, y), test::relative_distance(running, h));
    CHECK(off < 1e-11);
    most = std::max(most, off);
  };
  auto const tree = [](auto const& x, auto const& op, auto const& i) { return mamba::ssm::blelloch_scan(x, op, i); };
  auto const chunks = [](auto const& x, auto const& op, auto const& i) {
    return mamba::ssm::chunked_scan(64, x, op, i);
  };
  auto const diagonal = test::random_diagonal<complex, dynamic, 1, 1, mamba::ssm::modes::half>(rng, 0.99, 64);
  check(diagonal, L, tree);
  check(diagonal, L, chunks);
  auto const dense = test::random_dense<double>(rng, 0.9, 64);
  check(dense, 256, tree);
  check(dense, 512, chunks);
  check(to_dense(test::random_dplr<double, dynamic, 2>(rng, 0.9, 64)), 256, tree);

  auto const lasting = [&](auto const& s) {
    auto const K = krylov_kernel(s, 4096);
    REQUIRE(K.allFinite());
    CHECK(test::largest(K.bottomRows(64)) > 1e-3 * test::largest(K));
  };
  auto slow = diagonal;
  for (complex& mode : slow.a_bar.lambda) mode *= rng.uniform(0.9995, 1) / std::abs(mode);
  lasting(slow);
  check(slow, L, tree);
  check(slow, L, chunks);
  auto const legs = mamba::ssm::hippo_legs<double>(64);
  auto const slow_dense = bilinear(1.0 / 4096, mamba::ssm::dense_system<double>{legs.a, legs.b, dense.c, dense.d});
  lasting(slow_dense);
  check(slow_dense, 256, tree);
  check(slow_dense, 512, chunks);
  MESSAGE("recurrence and scans: at most ", most, " apart");
}

TEST_CASE("scan: is the recurrence for every short length, from any state") {
  test::random rng(3);
  auto const s = test::random_dense<double, 3, 2, 2>(rng, 0.9);
  auto const d = test::random_diagonal<complex, dynamic, 1, 2>(rng, 0.9, 1);
  for_each_schedule([&](std::string const& name, auto const& scan, auto const&) {
    for (std::size_t L = 0; L <= 11; ++L) {
      INFO(name, ", L = ", L);
      auto const check = [&](auto const& system, auto const& x) {
        auto h = zero_state(system);
        h.setConstant(2);
        auto const states = scan(maps(system, x), compose_in_time_order{}, initial_element(system.a_bar, h));
        auto const y = recurrence(system, h, x);
        CHECK(test::relative_distance(outputs(system, states, x), y) < 1e-14);  // 11 steps of some 10 roundings
        if (L > 0) CHECK(test::relative_distance(states.back().b, h) < 1e-14);
      };
      check(s, test::random_sequence<double, 2>(rng, L));
      check(d, test::random_sequence<double>(rng, L));
    }
  });
}

// The sequential scan does what the recurrence does; where it is cut makes no difference to its bits.
TEST_CASE("scan: in two parts from where the first one ended") {
  test::random rng(4);
  auto const s = test::random_diagonal<double>(rng, 0.95, 5);
  auto const all = maps(s, test::random_sequence<double>(rng, 20));
  auto const first = initial_element(s.a_bar, vector<double>(vector<double>::Ones(5)));
  auto const whole = mamba::ssm::sequential_scan(all, compose_in_time_order{}, first);
  for (std::ptrdiff_t split = 0; split <= 20; ++split) {
    auto const head = mamba::ssm::sequential_scan({all.begin(), all.begin() + split}, compose_in_time_order{}, first);
    auto const tail = mamba::ssm::sequential_scan({all.begin() + split, all.end()}, compose_in_time_order{},
                                                  split == 0 ? first : head.back());
    for (std::size_t k = 0; k < 20; ++k) {
      auto const& here = k < head.size() ? head[k] : tail[k - head.size()];
      REQUIRE(test::same_matrix(here.b, whole[k].b));
    }
  }
}

TEST_CASE("scan: a NaN stays in its mode and its future, in any schedule") {
  test::random rng(5);
  auto const s = test::random_diagonal<double, 3, 1, 1>(rng, 0.9);
  auto all = maps(s, test::random_sequence<double>(rng, 13));
  all[6].b(1) = std::numeric_limits<double>::quiet_NaN();
  for_each_schedule([&](std::string const&, auto const& scan, auto const&) {
    auto const seen = scan(all, compose_in_time_order{}, initial_element(s.a_bar, zero_state(s)));
    for (std::size_t k = 0; k < 13; ++k) {
      for (Eigen::Index n = 0; n < 3; ++n) CHECK(std::isnan(seen[k].b(n)) == (n == 1 && k >= 6));
    }
  });
}

// First-order hold looks at x_k and x_{k−1}: its maps have both, and so has the dense form of a diagonal system. A
// hundred steps, 1/(1 − |ā|) of which are remembered, of a dozen roundings each.
TEST_CASE("scan: first-order hold, diagonal and written out, by scan and by recurrence") {
  test::random rng(5);
  mamba::ssm::diagonal_system<complex, dynamic, 1, 1, mamba::ssm::modes::half> continuous{
      vector<complex>(4), test::random_matrix<vector<complex>>(rng, 4),
      test::random_matrix<mamba::ssm::matrix<complex, 1, dynamic>>(rng, 1, 4), mamba::ssm::matrix<double, 1>(0.5)};
  for (auto& a : continuous.a.lambda) a = complex(-1 - rng.uniform(0, 1), rng.uniform(-9, 9));
  auto const s = mamba::ssm::first_order_hold(0.1, continuous);
  auto const dense = to_dense(s);
  auto const x = test::random_sequence<double>(rng, 100);
  auto state = zero_state(s);
  state.h.setConstant(complex(1, 2));
  state.x_before(0) = -3;
  auto before = state;
  mamba::ssm::two_point_state<complex> dense_memory{vector<complex>(8), before.x_before};
  dense_memory.h << before.h, before.h.conjugate();
  auto const dense_before = dense_memory;
  auto const y = recurrence(s, state, x);
  auto const y_dense = recurrence(dense, dense_memory, x);
  CHECK(test::relative_distance(y_dense.real(), y) < 1e-13);
  CHECK(y_dense.imag().norm() < 1e-13 * y.norm());
  for_each_schedule([&](std::string const& name, auto const& scan, auto const&) {
    INFO(name);
    auto const states = scan(maps(s, x, before.x_before), compose_in_time_order{}, initial_element(s.a_bar, before.h));
    CHECK(test::relative_distance(outputs(s, states, x), y) < 1e-13);
    auto const wide =
        scan(maps(dense, x, before.x_before), compose_in_time_order{}, initial_element(dense.a_bar, dense_before.h));
    CHECK(test::relative_distance(outputs(dense, wide, x).real(), y) < 1e-13);
  });
}

// A node of the tree rounds (N + 2) √N u of a map on each of ⌈log₂ L⌉ + 1 = 8 levels, the recurrence (N + 3) √N u a
// step; either is remembered for 10 steps: 10·(8·5 + 6)·2 u = 5.5e-5.
TEST_CASE("scan: in float, as far from the recurrence in double as its roundings allow") {
  test::random rng(20);
  auto const s = test::random_dense<float, 3>(rng, 0.9);
  mamba::ssm::discrete_dense<double, 3> const wide{s.a_bar.cast<double>(), s.b_bar.cast<double>(), s.c.cast<double>(),
                                                   s.d.cast<double>()};
  auto const x = test::random_sequence<float>(rng, 100);
  mamba::ssm::sequence<double> const wide_x = x.cast<double>();
  auto h = zero_state(wide);
  auto const expected = recurrence(wide, h, wide_x);
  for (auto const& states :
       {mamba::ssm::blelloch_scan(maps(s, x), compose_in_time_order{}, initial_element(s.a_bar, zero_state(s))),
        mamba::ssm::chunked_scan(7, maps(s, x), compose_in_time_order{}, initial_element(s.a_bar, zero_state(s)))}) {
    auto const y = outputs(s, states, x);
    CHECK(y.allFinite());
    double const off = test::relative_distance(y.template cast<double>().eval(), expected);
    CHECK(off < 5.5e-5);
    CHECK(off > 0);
  }
}

#if MAMBA_CONTRACTS
TEST_CASE("scan: chunks of zero elements are refused") {
  std::vector<int> const x{1, 2};
  CHECK_THROWS_AS(static_cast<void>(mamba::ssm::chunked_scan(0, x, std::plus<int>(), 0)), mamba::contract_violation);
}
#else
TEST_CASE("scan: chunks of zero elements terminate") {
  std::vector<int> const x{1, 2, 3};
  CHECK(mamba::ssm::chunked_scan(0, x, std::plus<int>(), 0) == std::vector<int>{1, 3, 6});
  CHECK(mamba::ssm::chunked_exclusive_scan(0, x, std::plus<int>(), 0) == std::vector<int>{0, 1, 3});
}
#endif

}  // namespace
