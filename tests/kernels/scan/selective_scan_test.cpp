// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/selective_scan.hpp>
#include <mamba/nn/silu_gate.hpp>
#include <mamba/simd/transform.hpp>
#include <support/bits.hpp>
#include <support/guarded.hpp>
#include <support/random.hpp>
#include <support/scan_case.hpp>
#include <support/threads.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace {

using mamba::dynamic;
using mamba::matrix_view;
using mamba::kernels::block_range;
using mamba::kernels::channel_blocked;
using mamba::kernels::steps;
using test::guarded;
using test::scan_case;
using test::scan_range;
using test::table;

template <std::size_t D = dynamic, std::size_t N = dynamic, class T>
channel_blocked<T, D, N> blocked(table<T> const& t) {
  channel_blocked<T, D, N> out(t.extent(0), t.extent(1));
  for (std::size_t d = 0; d < t.extent(0); ++d) {
    for (std::size_t n = 0; n < t.extent(1); ++n) out(d, n) = t(d, n);
  }
  return out;
}

/// The rows of t in guarded memory, misaligned and with gaps.
template <class T>
guarded<T> moved(table<T> const& t, test::random& rng) {
  guarded<T> out(t.extent(0), t.extent(1), rng.below(16), rng.below(9));
  for (std::size_t i = 0; i < t.extent(0); ++i)
    std::copy_n(t.view().row(i).begin(), t.extent(1), out.view().row(i).begin());
  return out;
}

template <class T>
struct result {
  table<T> y;
  channel_blocked<T> h;
};

/// Tokens first … first+count−1 of a case, from h on, which is left as the state after them.
template <class T>
table<T> scan_rows(scan_case<T> const& s, std::size_t first, std::size_t count, channel_blocked<T> const& a,
                   channel_blocked<T>& h) {
  table<T> y(count, s.x.extent(1));
  auto const rows = [&](table<T> const& t) {
    return t.empty() ? matrix_view<T const>() : matrix_view<T const>(t.view().rows(first, count));
  };
  mamba::kernels::selective_scan(rows(s.delta), a, rows(s.b), rows(s.c), std::span<T const>(s.d), rows(s.x), rows(s.z),
                                 h, y.view());
  return y;
}

template <class T>
result<T> scan(scan_case<T> const& s) {
  auto h = blocked(s.h);
  auto y = scan_rows(s, 0, s.x.extent(0), blocked(s.a), h);
  return {y, h};
}

template <class T>
void check_padding(channel_blocked<T> const& h) {
  for (std::size_t d = h.channels(); d < h.blocks() * h.lanes; ++d) {
    for (std::size_t n = 0; n < h.depth(); ++n) REQUIRE(h.block(d / h.lanes)[n * h.lanes + d % h.lanes] == 0);
  }
}

/// One scan with guards, gaps and misalignment everywhere. Returns |error| / bound, at most.
template <class T>
double check_one(test::random& rng, std::size_t L, std::size_t D, std::size_t N, scan_range range) {
  auto const s = test::random_scan<T>(rng, L, D, N, range, rng.below(3) != 0, rng.below(3) != 0);
  auto delta = moved(s.delta, rng), b = moved(s.b, rng), c = moved(s.c, rng), x = moved(s.x, rng), z = moved(s.z, rng);
  guarded<T> y(L, D, rng.below(16), rng.below(9));
  auto const a = blocked(s.a);
  auto h = blocked(s.h);
  mamba::kernels::selective_scan(delta.view(), a, b.view(), c.view(), std::span<T const>(s.d), x.view(), z.view(), h,
                                 y.view());
  REQUIRE(y.intact());
  check_padding(h);

  auto exact = s.template as<long double>();
  test::scan_bound<T> const bound(exact, test::inputs::exact);
  auto const y_exact = exact.run();
  double const off = std::max(test::worst(y, y_exact, bound.y), test::worst(h, exact.h, bound.h));
  if (off > 1) {
    CAPTURE(L);
    CAPTURE(D);
    CAPTURE(N);
    REQUIRE(off <= 1);
  }
  return off;
}

template <class T>
void check_sizes(std::string const& name, scan_range range) {
  constexpr std::size_t W = channel_blocked<T>::lanes;
  test::random rng(sizeof(T) + (range == scan_range::trained ? 100 : 0));
  double worst = 0;
  for (std::size_t D = 1; D <= 2 * W + 1; ++D) {
    for (std::size_t N = 1; N <= 24; ++N) worst = std::max(worst, check_one<T>(rng, rng.below(11), D, N, range));
  }
  for (std::size_t L = 0; L <= 10; ++L) {
    for (std::size_t const N : {1U, 8U, 16U, 24U}) worst = std::max(worst, check_one<T>(rng, L, W + 3, N, range));
  }
  // Four blocks go through time together, eight tokens at a time: groups that are whole, that have a rest, and both.
  for (std::size_t const D : {4 * W, 5 * W - 1, 8 * W, 11 * W + 1}) {
    for (std::size_t const L : {7U, 8U, 9U, 17U}) worst = std::max(worst, check_one<T>(rng, L, D, 5, range));
  }
  MESSAGE(name, ": at most ", worst, " of the bound");
}

TEST_CASE("selective_scan kernel: the reference, numbers of the order of 1, all awkward sizes") {
  check_sizes<float>("float", scan_range::ordinary);
  check_sizes<double>("double", scan_range::ordinary);
}

TEST_CASE("selective_scan kernel: the reference, the ranges of trained models") {
  check_sizes<float>("float", scan_range::trained);
  check_sizes<double>("double", scan_range::trained);
}

TEST_CASE("selective_scan kernel: the argument list of the reference") {
  test::random rng(1);
  auto s = test::random_scan<double>(rng, 5, 9, 3, scan_range::ordinary, true, true);
  auto const a = blocked(s.a);
  auto h = blocked(s.h), h_reference = h;
  table<double> y(5, 9), y_reference(5, 9);
  std::span<double const> const d(s.d);
  mamba::kernels::selective_scan(s.delta.view(), a, s.b.view(), s.c.view(), d, s.x.view(), s.z.view(), h, y.view());
  mamba::ssm::selective_scan(s.delta.view(), a, s.b.view(), s.c.view(), d, s.x.view(), s.z.view(), h_reference,
                             y_reference.view());
  for (std::size_t i = 0; i < y.cells().size(); ++i) {
    CHECK(y.cells()[i] == doctest::Approx(y_reference.cells()[i]).epsilon(1e-12));
  }
}

template <class T>
void check_splits(std::uint64_t seed) {
  test::random rng(seed);
  for (int run = 0; run < 200; ++run) {
    std::size_t const L = 1 + rng.below(20), D = 1 + rng.below((run % 4 == 0 ? 10 : 2) * channel_blocked<T>::lanes + 2),
                      N = 1 + rng.below(20);
    auto const range = run % 2 == 0 ? scan_range::ordinary : scan_range::trained;
    auto const s = test::random_scan<T>(rng, L, D, N, range, rng.below(2) == 0, rng.below(2) == 0);
    auto const whole = scan(s);
    auto const a = blocked(s.a);
    auto h = blocked(s.h);
    for (std::size_t first = 0; first < L;) {
      std::size_t const count = std::min(L - first, rng.below(run % 3 == 0 ? 12 : 4));  // none at all is a split too
      auto const y = scan_rows(s, first, count, a, h);
      REQUIRE(test::same_rows(y.view(), whole.y.view().rows(first, count)));
      first += count;
    }
    REQUIRE(test::same_bits(h.span(), whole.h.span()));
  }
}

TEST_CASE("selective_scan kernel: any split of the sequence gives the same bits in y and h") {
  check_splits<float>(2);
  check_splits<double>(3);
}

TEST_CASE("selective_scan kernel: a channel has the same bits in a full block and in a tail") {
  test::random rng(4);
  constexpr std::size_t W = channel_blocked<float>::lanes, L = 6, N = 5, D = 2 * W;
  auto const s = test::random_scan<float>(rng, L, D, N, scan_range::ordinary, true, true);
  auto const whole = scan(s);
  auto const columns = [&](table<float> const& t, std::size_t first, std::size_t count) {
    table<float> out(t.extent(0), count);
    for (std::size_t i = 0; i < t.extent(0); ++i) {
      for (std::size_t j = 0; j < count; ++j) out(i, j) = t(i, first + j);
    }
    return out;
  };
  auto const rows = [&](table<float> const& t, std::size_t first, std::size_t count) {
    table<float> out(count, t.extent(1));
    for (std::size_t i = 0; i < count; ++i) std::copy_n(&t.cells()[(first + i) * N], N, &out(i, 0));
    return out;
  };
  for (std::size_t count = 1; count < D; ++count) {
    std::size_t const first = rng.below(D - count);
    std::span<float const> const d(s.d);
    auto const some = d.subspan(first, count);
    scan_case<float> const part{columns(s.delta, first, count),
                                rows(s.a, first, count),
                                s.b,
                                s.c,
                                std::vector<float>(some.begin(), some.end()),
                                columns(s.x, first, count),
                                columns(s.z, first, count),
                                rows(s.h, first, count)};
    auto const seen = scan(part);
    REQUIRE(test::same_rows(seen.y.view(), whole.y.view().columns(first, count)));
  }
}

TEST_CASE("selective_scan kernel: the same bits with 1, 2 and 3 threads") {
  test::random rng(5);
  for (std::size_t const L : {1U, 10U}) {
    auto const s = test::random_scan<float>(rng, L, 20000 / L + 3, 16, scan_range::trained, true, true);
    test::all_work_shared const shared;
    mamba::parallel::set_thread_count(1);
    auto const alone = scan(s);
    for (int const count : {2, 3}) {
      mamba::parallel::set_thread_count(count);
      auto const together = scan(s);
      CHECK(test::same_rows(together.y.view(), alone.y.view()));
      CHECK(test::same_bits(together.h.span(), alone.h.span()));
    }
  }
}

/// Every cut of the blocks into three ranges, the last of them first.
template <steps Steps, class T>
void check_ranges(std::uint64_t seed) {
  test::random rng(seed);
  constexpr std::size_t W = channel_blocked<T>::lanes;
  for (std::size_t const D : {std::size_t{1}, 4 * W, 6 * W - 1}) {
    for (std::size_t const L : {1U, 11U}) {
      auto const s = test::random_scan<T>(rng, L, D, 3, scan_range::ordinary, L > 1, D > 1);
      auto const a = blocked(s.a);
      auto const h_before = blocked(s.h);
      guarded<T> y_before(L, D, rng.below(16), rng.below(9));
      y_before.fill(rng, -2, 2);
      auto const scan_part = [&](channel_blocked<T>& h, guarded<T>& y, auto... part) {
        mamba::kernels::selective_scan<Steps>(s.delta.view(), a, s.b.view(), s.c.view(), std::span<T const>(s.d),
                                              s.x.view(), s.z.view(), h, y.view(), part...);
      };
      auto h_whole = h_before;
      auto y_whole = y_before;
      scan_part(h_whole, y_whole);
      std::size_t const blocks = h_before.blocks();
      for (std::size_t first = 0; first <= blocks; ++first) {
        for (std::size_t last = first; last <= blocks; ++last) {
          auto h = h_before;
          auto y = y_before;
          scan_part(h, y, block_range{first, last});
          REQUIRE(y.intact());
          for (std::size_t d = 0; d < D; ++d) {
            bool const within = first <= d / W && d / W < last;
            auto& y_expected = within ? y_whole : y_before;
            REQUIRE(test::same_rows(matrix_view<T>(y.view()).columns(d, 1),
                                    matrix_view<T>(y_expected.view()).columns(d, 1)));
            auto const& h_expected = within ? h_whole : h_before;
            for (std::size_t n = 0; n < 3; ++n) REQUIRE(h(d, n) == h_expected(d, n));
          }
          scan_part(h, y, block_range{last, blocks});
          scan_part(h, y, block_range{0, first});
          REQUIRE(test::same_rows(y.view(), y_whole.view()));
          REQUIRE(test::same_bits(h.span(), h_whole.span()));
          REQUIRE(y.intact());
        }
      }
      auto h = h_before;
      auto y = y_before;
      CHECK_THROWS_AS(scan_part(h, y, block_range{0, blocks + 1}), mamba::contract_violation);
      CHECK_THROWS_AS(scan_part(h, y, block_range{blocks, blocks + 1}), mamba::contract_violation);
      CHECK(test::same_rows(y.view(), y_before.view()));
      CHECK(test::same_bits(h.span(), h_before.span()));
    }
  }
}

TEST_CASE("selective_scan kernel: ranges of blocks have the bits of the whole and leave other channels alone") {
  check_ranges<steps::ready, float>(16);
  check_ranges<steps::ready, double>(17);
  check_ranges<steps::before_softplus, float>(18);
}

template <class T, std::size_t D, std::size_t N>
void check_static(std::uint64_t seed) {
  test::random rng(seed);
  auto const s = test::random_scan<T>(rng, 7, D, N, scan_range::trained, true, true);
  auto const run = scan(s);
  auto const a = blocked<D, N>(s.a);
  auto h = blocked<D, N>(s.h);
  table<T> y(7, D);
  mamba::kernels::selective_scan(s.delta.view(), a, s.b.view(), s.c.view(), std::span<T const>(s.d), s.x.view(),
                                 s.z.view(), h, y.view());
  CHECK(test::same_rows(y.view(), run.y.view()));
  CHECK(test::same_bits(h.span(), run.h.span()));
}

TEST_CASE("selective_scan kernel: static and dynamic extents give the same bits") {
  check_static<float, 33, 16>(6);
  check_static<float, 5, 1>(7);
  check_static<float, 32, 3>(8);
  check_static<double, 19, 8>(9);
}

TEST_CASE("selective_scan kernel: the fused gate has the bits of nn::silu_gate") {
  test::random rng(10);
  for (std::size_t const D : {1U, 7U, 16U, 33U}) {
    auto gated = test::random_scan<float>(rng, 9, D, 4, scan_range::ordinary, true, true);
    auto const fused = scan(gated);
    auto const z = gated.z;
    gated.z = {};
    auto open = scan(gated);
    mamba::nn::silu_gate<float>(open.y.view(), z.view());
    CHECK(test::same_rows(open.y.view(), fused.y.view()));
    CHECK(test::same_bits(open.h.span(), fused.h.span()));
  }
}

template <class T>
void check_fused_softplus(std::uint64_t seed) {
  test::random rng(seed);
  constexpr std::size_t W = channel_blocked<T>::lanes;
  for (std::size_t const D : {std::size_t{1}, W + 1, 4 * W, 9 * W + 3}) {
    auto s = test::random_scan<T>(rng, 19, D, 4, scan_range::ordinary, true, true);
    for (T& v : s.delta.cells()) v = static_cast<T>(rng.uniform(-30, 30));  // softplus's threshold, and nearly 0
    auto const a = blocked(s.a);
    auto h = blocked(s.h);
    table<T> y(19, D);
    mamba::kernels::selective_scan<mamba::kernels::steps::before_softplus>(
        s.delta.view(), a, s.b.view(), s.c.view(), std::span<T const>(s.d), s.x.view(), s.z.view(), h, y.view());
    check_padding(h);
    mamba::simd::transform(
        std::span<T>(s.delta.cells()), [](auto v) { return mamba::math::softplus_thresholded(v); }, s.delta.cells());
    auto const apart = scan(s);
    CHECK(test::same_rows(y.view(), apart.y.view()));
    CHECK(test::same_bits(h.span(), apart.h.span()));
  }
}

TEST_CASE("selective_scan kernel: the fused softplus has the bits of the separate one") {
  check_fused_softplus<float>(14);
  check_fused_softplus<double>(15);
}

TEST_CASE("selective_scan kernel: y may be x, delta or z") {
  test::random rng(11);
  auto const s =
      test::random_scan<float>(rng, 18, 9 * channel_blocked<float>::lanes + 3, 4, scan_range::ordinary, true, true);
  auto const apart = scan(s);
  auto const a = blocked(s.a);
  for (int which = 0; which < 3; ++which) {
    auto inside = s;
    auto h = blocked(s.h);
    auto& y = which == 0 ? inside.x : which == 1 ? inside.delta : inside.z;
    mamba::kernels::selective_scan(inside.delta.view(), a, inside.b.view(), inside.c.view(),
                                   std::span<float const>(inside.d), inside.x.view(), inside.z.view(), h, y.view());
    CHECK(test::same_rows(y.view(), apart.y.view()));
  }
}

TEST_CASE("selective_scan kernel: NaN in, NaN out, in its own channel and from its own time on") {
  test::random rng(12);
  constexpr std::size_t L = 6, D = 21;
  auto const s = test::random_scan<float>(rng, L, D, 3, scan_range::ordinary, true, true);
  auto const clean = scan(s);
  float const nan = std::numeric_limits<float>::quiet_NaN();
  for (int which = 0; which < 4; ++which) {
    auto spoilt = s;
    std::size_t const t = 2, channel = 17;
    if (which == 0) spoilt.x(t, channel) = nan;
    if (which == 1) spoilt.delta(t, channel) = nan;
    if (which == 2) spoilt.z(t, channel) = nan;
    if (which == 3) spoilt.a(channel, 1) = nan;
    auto const seen = scan(spoilt);
    for (std::size_t i = 0; i < L; ++i) {
      for (std::size_t j = 0; j < D; ++j) {
        bool const bad = j == channel && (which == 3 || (which == 2 ? i == t : i >= t));
        if (bad) {
          CHECK(std::isnan(seen.y(i, j)));
        } else {
          CHECK(test::same_bits(std::span(&seen.y(i, j), 1), std::span(&clean.y(i, j), 1)));
        }
      }
    }
  }
}

TEST_CASE("selective_scan kernel: contracts") {
  test::random rng(13);
  auto const s = test::random_scan<float>(rng, 4, 5, 3, scan_range::ordinary, true, true);
  auto const a = blocked(s.a);
  auto h = blocked(s.h);
  channel_blocked<float> small(4, 3), deep(5, 4);
  table<float> y(4, 5), other(4, 4), shorter(3, 5), short_n(3, 3), wide_n(4, 2);
  std::vector<float> const four(4);
  auto const call = [&](auto const& delta, auto const& A, auto const& b, auto const& c, std::span<float const> d,
                        auto const& x, auto const& z, auto& state, auto& out) {
    mamba::kernels::selective_scan(delta.view(), A, b.view(), c.view(), d, x.view(), z.view(), state, out.view());
  };
  std::span<float const> const d(s.d);
  using violation = mamba::contract_violation;
  CHECK_NOTHROW(call(s.delta, a, s.b, s.c, d, s.x, s.z, h, y));
  CHECK_THROWS_AS(call(s.delta, a, s.b, s.c, d, s.x, s.z, small, y), violation);
  CHECK_THROWS_AS(call(s.delta, deep, s.b, s.c, d, s.x, s.z, h, y), violation);
  CHECK_THROWS_AS(call(s.delta, a, wide_n, s.c, d, s.x, s.z, h, y), violation);
  CHECK_THROWS_AS(call(s.delta, a, s.b, wide_n, d, s.x, s.z, h, y), violation);
  CHECK_THROWS_AS(call(shorter, a, s.b, s.c, d, s.x, s.z, h, y), violation);
  CHECK_THROWS_AS(call(s.delta, a, s.b, s.c, d, s.x, s.z, h, other), violation);
  CHECK_THROWS_AS(call(s.delta, a, short_n, s.c, d, s.x, s.z, h, y), violation);
  CHECK_THROWS_AS(call(s.delta, a, s.b, short_n, d, s.x, s.z, h, y), violation);
  CHECK_THROWS_AS(call(s.delta, a, s.b, s.c, four, s.x, s.z, h, y), violation);
  CHECK_THROWS_AS(call(s.delta, a, s.b, s.c, d, s.x, shorter, h, y), violation);
}

}  // namespace
