// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/selective_scan.hpp>
#include <mamba/simd/transform.hpp>
#include <mamba/ssm/selective/selective_inputs.hpp>
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
using mamba::kernels::delta_softplus;
using mamba::kernels::scan_inputs;
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

/// The inputs of a case, as the kernel takes them.
template <class T>
scan_inputs<T> inputs_of(scan_case<T> const& s) {
  return {.delta = s.delta.view(), .b = s.b.view(), .c = s.c.view(), .x = s.x.view(), .z = s.z.view(), .d = s.d};
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
  mamba::kernels::selective_scan(
      {.delta = rows(s.delta), .b = rows(s.b), .c = rows(s.c), .x = rows(s.x), .z = rows(s.z), .d = s.d}, a, h,
      y.view());
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
  mamba::kernels::selective_scan(
      {.delta = delta.view(), .b = b.view(), .c = c.view(), .x = x.view(), .z = z.view(), .d = s.d}, a, h, y.view());
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

TEST_CASE("selective_scan kernel: the reference with the same arguments") {
  test::random rng(1);
  auto s = test::random_scan<double>(rng, 5, 9, 3, scan_range::ordinary, true, true);
  auto const a = blocked(s.a);
  auto h = blocked(s.h), h_reference = h;
  table<double> y(5, 9), y_reference(5, 9);
  std::span<double const> const d(s.d);
  mamba::kernels::selective_scan(inputs_of(s), a, h, y.view());
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
template <delta_softplus Softplus, class T>
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
        mamba::kernels::selective_scan<Softplus>(inputs_of(s), a, h, y.view(), part...);
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
  check_ranges<delta_softplus::off, float>(16);
  check_ranges<delta_softplus::off, double>(17);
  check_ranges<delta_softplus::on, float>(18);
}

template <class T, std::size_t D, std::size_t N>
void check_static(std::uint64_t seed) {
  test::random rng(seed);
  auto const s = test::random_scan<T>(rng, 7, D, N, scan_range::trained, true, true);
  auto const run = scan(s);
  auto const a = blocked<D, N>(s.a);
  auto h = blocked<D, N>(s.h);
  table<T> y(7, D);
  mamba::kernels::selective_scan(inputs_of(s), a, h, y.view());
  CHECK(test::same_rows(y.view(), run.y.view()));
  CHECK(test::same_bits(h.span(), run.h.span()));
}

TEST_CASE("selective_scan kernel: static and dynamic extents give the same bits") {
  check_static<float, 33, 16>(6);
  check_static<float, 5, 1>(7);
  check_static<float, 32, 3>(8);
  check_static<double, 19, 8>(9);
}

TEST_CASE("selective_scan kernel: the fused gate has the bits of a gate of its own") {
  test::random rng(10);
  for (std::size_t const D : {1U, 7U, 16U, 33U}) {
    auto gated = test::random_scan<float>(rng, 9, D, 4, scan_range::ordinary, true, true);
    auto const fused = scan(gated);
    auto const z = gated.z;
    gated.z = {};
    auto open = scan(gated);
    for (std::size_t t = 0; t < open.y.view().extent(0); ++t) {
      mamba::simd::transform(
          open.y.view().row(t), [](auto y, auto gate) { return y * mamba::math::silu(gate); }, open.y.view().row(t),
          z.view().row(t));
    }
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
    mamba::kernels::selective_scan<delta_softplus::on>(inputs_of(s), a, h, y.view());
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
    mamba::kernels::selective_scan(inputs_of(inside), a, h, y.view());
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

TEST_CASE("selective_scan kernel: tensors and vectors in place of views, D and z left out") {
  mamba::tensor<float, dynamic, dynamic> delta(3, 2), b(3, 1), c(3, 1), x(3, 2), y(3, 2);
  mamba::tensor<float, 2> const d;
  delta.fill(1);
  b.fill(2);
  c.fill(1);
  x.fill(3);
  channel_blocked<float> const a(2, 1);  // A = 0: a sum of the inputs
  channel_blocked<float> h(2, 1);
  mamba::kernels::selective_scan({.delta = delta, .b = b, .c = c, .x = x}, a, h, y);
  CHECK(y(0, 0) == 6);
  CHECK(y(2, 1) == 18);
  mamba::kernels::selective_scan({.delta = delta, .b = b, .c = c, .x = x, .d = d}, a, h, y);
  CHECK(y(0, 0) == 24);
  std::vector<float> const skip{1, 2};
  h.fill(0);
  mamba::kernels::selective_scan({.delta = delta, .b = b, .c = c, .x = x, .d = skip}, a, h, y);
  CHECK(y(0, 0) == 9);
  CHECK(y(0, 1) == 12);
}

/// G groups: the bits of a scan of each group's channels alone, and the grouped reference within its bound.
template <class T>
void check_groups(std::size_t groups, std::size_t size, std::uint64_t seed) {
  test::random rng(seed);
  constexpr std::size_t L = 11, N = 3;
  std::size_t const D = groups * size;
  auto s = test::random_scan<T>(rng, L, D, N, scan_range::ordinary, true, true);
  table<T> b(L, groups * N), c(L, groups * N), y(L, D), parts(L, D);
  for (auto* m : {&b, &c}) {
    for (T& v : m->cells()) v = static_cast<T>(rng.uniform(-2, 2));
  }
  auto const a = blocked(s.a);
  auto h = blocked(s.h);
  auto in = inputs_of(s);
  in.b = b.view(), in.c = c.view(), in.groups = groups;
  mamba::kernels::selective_scan(in, a, h, y.view());
  check_padding(h);

  table<double> exact_h = s.h.template as<double>(), exact_y(L, D);
  auto const wide = s.template as<double>();
  auto const of_group = [&](table<T> const& m) {
    return [&](std::size_t t, std::size_t g, std::size_t n) { return static_cast<double>(m(t, g * N + n)); };
  };
  mamba::ssm::selective_recurrence(
      wide.delta, wide.a, mamba::ssm::per_group(of_group(b), groups, D), mamba::ssm::per_group(of_group(c), groups, D),
      wide.x, exact_h, mamba::ssm::plus_skip(wide.d, wide.x, mamba::ssm::gated(wide.z, mamba::ssm::into(exact_y))));
  // L·N terms of a few units each, gated by at most 8: their roundings are what the bound of scan_bound adds up
  double const allowed = static_cast<double>(std::numeric_limits<T>::epsilon()) * 8 * 8 * L * N * 8;
  for (std::size_t i = 0; i < y.cells().size(); ++i) {
    REQUIRE(std::fabs(static_cast<double>(y.cells()[i]) - exact_y.cells()[i]) <= allowed);
  }

  for (std::size_t g = 0; g < groups; ++g) {
    table<T> a_g(size, N), h_g(size, N), y_g(L, size);
    for (std::size_t d = 0; d < size; ++d) {
      for (std::size_t n = 0; n < N; ++n) a_g(d, n) = s.a(g * size + d, n), h_g(d, n) = s.h(g * size + d, n);
    }
    auto const columns = [&](table<T> const& m) { return m.view().columns(g * size, size); };
    auto state = blocked(h_g);
    mamba::kernels::selective_scan({.delta = columns(s.delta),
                                    .b = b.view().columns(g * N, N),
                                    .c = c.view().columns(g * N, N),
                                    .x = columns(s.x),
                                    .z = columns(s.z),
                                    .d = std::span<T const>(s.d).subspan(g * size, size)},
                                   blocked(a_g), state, y_g.view());
    REQUIRE(test::same_rows(y_g.view(), matrix_view<T>(y.view()).columns(g * size, size)));
    for (std::size_t d = 0; d < size; ++d) {
      for (std::size_t n = 0; n < N; ++n) REQUIRE(h(g * size + d, n) == state(d, n));
    }
  }
  auto ranges = blocked(s.h);  // any range of blocks, the last first
  for (std::size_t i = ranges.blocks(); i-- > 0;) {
    mamba::kernels::selective_scan(in, a, ranges, parts.view(), block_range{i, i + 1});
  }
  CHECK(test::same_rows(parts.view(), y.view()));
  CHECK(test::same_bits(ranges.span(), h.span()));
}

TEST_CASE("selective_scan kernel: groups of channels with their own B and C, whole blocks and mixed ones") {
  constexpr std::size_t W = channel_blocked<float>::lanes;
  std::uint64_t seed = 30;
  for (std::size_t const groups : {2U, 3U, 5U}) {
    for (std::size_t const size : {std::size_t{1}, std::size_t{3}, W - 1, W, W + 1, 4 * W, 5 * W + 2}) {
      check_groups<float>(groups, size, ++seed);
      check_groups<double>(groups, size, ++seed);
    }
  }
}

TEST_CASE("selective_scan kernel: B and C per channel and constant in time, as a view with pitch 0") {
  constexpr std::size_t L = 5, D = 19, N = 2;
  test::random rng(50);
  auto const s = test::random_scan<double>(rng, L, D, N, scan_range::ordinary, false, false);
  table<double> b(1, D * N), y(L, D), reference(L, D), per_channel(D, N);
  for (std::size_t i = 0; i < D * N; ++i) b.cells()[i] = per_channel.cells()[i] = rng.uniform(-2, 2);
  auto in = inputs_of(s);
  in.b = in.c = matrix_view<double const>(b.cells().data(), matrix_view<double const>::extents_type(L, D * N), 0);
  in.groups = D;
  auto h = blocked(s.h), h_reference = h;
  auto const a = blocked(s.a);
  mamba::kernels::selective_scan(in, a, h, y.view());
  mamba::ssm::selective_recurrence(s.delta, s.a, mamba::ssm::per_channel(per_channel),
                                   mamba::ssm::per_channel(per_channel), s.x, h_reference, mamba::ssm::into(reference));
  for (std::size_t i = 0; i < L * D; ++i) {
    CHECK(y.cells()[i] == doctest::Approx(reference.cells()[i]).epsilon(1e-12));
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
    mamba::kernels::selective_scan(
        {.delta = delta.view(), .b = b.view(), .c = c.view(), .x = x.view(), .z = z.view(), .d = d}, A, state,
        out.view());
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
  auto in = inputs_of(s);
  for (std::size_t const groups : {0U, 2U, 5U}) {  // 5 channels are no multiple of 2; 5 groups need B [L, 15]
    in.groups = groups;
    CHECK_THROWS_AS(mamba::kernels::selective_scan(in, a, h, y.view()), violation);
  }
}

}  // namespace
