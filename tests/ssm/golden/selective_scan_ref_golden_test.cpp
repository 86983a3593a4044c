// SPDX-License-Identifier: MIT
// 48 selective scans as mamba_ssm's selective_scan_ref computes them in true float64 (tests/golden/selective_scan_ref):
// real and complex A, constant, per-token and per-group B and C, with and without bias, softplus, D and z.
#include <doctest/doctest.h>

#include <mamba/io/safetensors/archive.hpp>
#include <mamba/ssm/selective/selective_maps.hpp>
#include <mamba/ssm/selective/selective_scan.hpp>
#include <support/scan_case.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <filesystem>
#include <string>
#include <vector>

namespace {

using mamba::ssm::modes;
using test::table;

/// A numbered case of the file; its tensors by name, as numbers of type T.
struct numbered {
  mamba::io::safetensors::archive const& file;
  int index;

  [[nodiscard]] mamba::io::stored_tensor const* find(std::string const& name) const {
    return file.find(std::to_string(index) + "." + name);
  }
  [[nodiscard]] std::vector<double> line(std::string const& name) const {
    auto const* const found = find(name);
    if (found == nullptr) return {};
    REQUIRE(found->type == mamba::io::dtype::f64);
    std::vector<double> out(found->data.size() / sizeof(double));
    mamba::io::read_values<double>(*found, 0, out);
    return out;
  }
  /// [rows, columns], or [L, G, N] as [L, G·N]; with the imaginary parts where T has them and the file has them.
  template <class T>
  [[nodiscard]] table<T> matrix(std::string const& name) const {
    auto const* const found = find(name);
    if (found == nullptr) return {};
    auto const real = line(name), imaginary = line(name + "_im");
    std::size_t const rows = found->shape.at(0);
    table<T> out(rows, real.size() / rows);
    for (std::size_t i = 0; i < real.size(); ++i) {
      if constexpr (mamba::ssm::is_complex<T>) {
        out.cells()[i] = {real[i], imaginary.empty() ? 0 : imaginary[i]};
      } else {
        REQUIRE(imaginary.empty());
        out.cells()[i] = real[i];
      }
    }
    return out;
  }
};

/// What the original's optional arguments are in pieces: each case is put together from what it has, and handed to a
/// recurrence.
template <modes Kept, class T, class Recurrence>
table<double> run(numbered const& g, table<T>& h, Recurrence const& recurrence) {
  auto const raw = g.matrix<double>("delta"), x = g.matrix<double>("x"), z = g.matrix<double>("z");
  auto const a = g.matrix<T>("A"), b = g.matrix<T>("B"), c = g.matrix<T>("C");
  auto bias = g.line("delta_bias");
  auto const d = g.line("D"), kinds = g.line("kinds");
  bool const positive = g.line("softplus").at(0) == 1;
  std::size_t const D = x.extent(1), N = a.extent(1);
  bias.resize(D, 0);  // 0 where the case has none

  auto const delta = [&, biased = mamba::ssm::with_bias(raw, bias)](std::size_t t, std::size_t channel) {
    return positive ? mamba::ssm::softplus_of(biased)(t, channel) : biased(t, channel);
  };
  auto const by_kind = [&](table<T> const& m, double kind) {
    auto of_group =
        mamba::ssm::per_group([&m, N](std::size_t t, std::size_t group, std::size_t n) { return m(t, group * N + n); },
                              kind == 2 ? m.extent(1) / N : 1, D);
    return [&m, kind, of_group](std::size_t t, std::size_t channel, std::size_t n) {
      if (kind == 0) return mamba::ssm::per_channel(m)(t, channel, n);
      return kind == 1 ? mamba::ssm::per_token(m)(t, channel, n) : of_group(t, channel, n);
    };
  };
  table<double> y(x.extent(0), D);
  auto const go = [&](auto const& answer) {
    recurrence(delta, a, by_kind(b, kinds.at(0)), by_kind(c, kinds.at(1)), x, h, answer);
  };
  using mamba::ssm::gated;
  using mamba::ssm::into;
  using mamba::ssm::plus_skip;
  if (d.empty() && z.empty()) go(into(y));
  if (!d.empty() && z.empty()) go(plus_skip(d, x, into(y)));
  if (d.empty() && !z.empty()) go(gated(z, into(y)));
  if (!d.empty() && !z.empty()) go(plus_skip(d, x, gated(z, into(y))));
  return y;
}

template <class T>
double relative_error(table<T> const& found, table<T> const& expected) {
  double off = 0, size = 0;
  REQUIRE(found.cells().size() == expected.cells().size());
  for (std::size_t i = 0; i < expected.cells().size(); ++i) {
    off += std::norm(found.cells()[i] - expected.cells()[i]);
    size += std::norm(expected.cells()[i]);
  }
  REQUIRE(std::isfinite(off));  // a NaN is lost in a maximum
  return std::sqrt(off / size);
}

/// The worst relative error of y and h over all cases, and how many there were.
template <class Recurrence>
std::pair<double, int> worst_of_all(Recurrence const& recurrence) {
  auto const file = mamba::io::safetensors::archive::open(std::filesystem::path(MAMBA_GOLDEN_DIR) /
                                                          "selective_scan_ref/selective_scan_ref.safetensors");
  double most = 0;
  int count = 0;
  for (; file.find(std::to_string(count) + ".y") != nullptr; ++count) {
    numbered const g{file, count};
    auto const check = [&]<class T, modes K>(std::integral_constant<modes, K>, T) {
      auto const expected = g.matrix<T>("h_last");
      table<T> h(expected.extent(0), expected.extent(1));
      auto const y = run<K>(g, h, recurrence(std::integral_constant<modes, K>()));
      most = std::max({most, relative_error(y, g.matrix<double>("y")), relative_error(h, expected)});
    };
    if (g.find("A_im") != nullptr) {
      check(std::integral_constant<modes, modes::half>(), std::complex<double>());
    } else {
      check(std::integral_constant<modes, modes::all>(), double());
    }
  }
  return {most, count};
}

// A term of y has passed softplus (2 ulp), a product with A, an exponential that magnifies its rounding by |ΔA|, and
// three more products; then N + 2 terms are added up. Where |ΔA| is large its exponential is as small: |z| e^−|Re z| is
// at most 30 here (Im A to 6, Δ to 20). So (2·2 + 30 + 4 + 18) u = 6e-15 of what is added, on both sides 1.2e-14; sums
// that cancel to an eighth of their terms leave 1e-13.
TEST_CASE("selective_scan_ref golden: the recurrence, from its pieces, is mamba_ssm's within 1e-13") {
  auto const [most, count] = worst_of_all([]<modes K>(std::integral_constant<modes, K>) {
    return [](auto const& delta, auto const& a, auto const& b, auto const& c, auto const& x, auto& h, auto const& y) {
      mamba::ssm::selective_recurrence<K>(delta, a, b, c, x, h, y);
    };
  });
  CHECK(count == 48);
  CHECK(most < 1e-13);
  MESSAGE(count, " cases, at most ", most, " apart");
}

TEST_CASE("selective_scan_ref golden: by a tree of maps it is mamba_ssm's as well") {
  auto const [most, count] = worst_of_all([]<modes K>(std::integral_constant<modes, K>) {
    return [](auto const& delta, auto const& a, auto const& b, auto const& c, auto const& x, auto& h, auto const& y) {
      auto const tree = [](auto const& maps, auto const& op, auto const& initial) {
        return mamba::ssm::blelloch_scan(maps, op, initial);
      };
      mamba::ssm::selective_recurrence_by<K>(tree, delta, a, b, c, x, h, y);
    };
  });
  CHECK(count == 48);
  CHECK(most < 1e-13);  // a few roundings more for each level of the tree: 6 for 40 tokens
  MESSAGE(count, " cases, at most ", most, " apart");
}

}  // namespace
