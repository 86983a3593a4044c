// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/output_map.hpp>
#include <mamba/nn/reference/plain.hpp>
#include <mamba/nn/workspace.hpp>
#include <support/bits.hpp>
#include <support/parameters.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>
#include <vector>

namespace {

namespace model = mamba::model;
using head = model::pooled_head<float>;

struct fixture {
  model::pooled_config config{.d_model = 6, .outputs = 3, .over = model::pooling::mean};
  head map{config};
  std::vector<float> r = std::vector<float>(std::size_t{8 * 6});
  fixture() {
    test::random rng(1);
    head::for_each(
        map, [&](auto const&, auto const&, auto& storage, auto) { test::fill_rows<float>(storage, rng, 0.5, 1.5); });
    rng.fill(std::span(r), -1, 1);
  }
  /// Hidden vectors of rows first … first + count − 1.
  std::vector<float> collect(head const& of, std::size_t first, std::size_t count, head::state& state,
                             std::size_t wanted) {
    std::vector<float> hidden(wanted * 6);
    mamba::nn::workspace memory(1024);
    of.collect({r.data() + first * 6, count, 6}, state, {hidden.data(), wanted, 6}, memory.memory());
    return hidden;
  }
};

TEST_CASE_FIXTURE(fixture, "output_map: the mean is that of all rows so far, whatever the calls; its bits too") {
  auto whole_state = head::initial_state(config);
  auto const whole = collect(map, 0, 8, whole_state, 8);
  auto state = head::initial_state(config);
  std::vector<float> parts;
  for (auto const& [first, count] : {std::pair{0U, 3U}, {3U, 1U}, {4U, 4U}}) {
    auto const some = collect(map, first, count, state, count);
    parts.insert(parts.end(), some.begin(), some.end());
  }
  CHECK(test::same_bits(parts, whole));
  CHECK(state == whole_state);
  std::vector<double> mean(6);
  auto const weight = test::rows_of<float>(map.norm_f.weight());
  for (std::size_t t = 0; t < 8; ++t) {
    std::vector<double> const row(r.begin() + static_cast<std::ptrdiff_t>(6 * t),
                                  r.begin() + static_cast<std::ptrdiff_t>(6 * t + 6));
    auto const normed = mamba::nn::reference::rms_norm<double>(row, {weight.begin(), weight.end()}, 1e-5);
    for (std::size_t i = 0; i < 6; ++i) mean[i] += normed[i] / 8;
  }
  for (std::size_t i = 0; i < 6; ++i)
    CHECK(static_cast<double>(whole[42 + i]) == doctest::Approx(mean[i]).epsilon(1e-5));

  // Saved and restored by its parts.
  auto restored = head::initial_state(config);
  std::vector<std::vector<float>> rows;
  head::state::for_each(state, [&](auto const&, auto const&, auto part) {
    for (std::size_t i = 0; i < part.rows(); ++i) part.get_row(i, rows.emplace_back(part.row_size()));
  });
  auto row = rows.begin();
  head::state::for_each(restored, [&](auto const&, auto const&, auto part) {
    for (std::size_t i = 0; i < part.rows(); ++i) part.set_row(i, *row++);
  });
  CHECK(restored == state);
  state.reset();
  CHECK(state == head::initial_state(config));
}

TEST_CASE_FIXTURE(fixture, "output_map: without pooling, or for the last row, hidden vectors are normalised rows") {
  for (auto const over : {model::pooling::none, model::pooling::last}) {
    config.over = over;
    head other(config);
    auto state = head::initial_state(config);
    auto const two = collect(other, 0, 8, state, 2);
    auto fresh = head::initial_state(config);
    CHECK(test::same_bits(two, collect(other, 6, 2, fresh, 2)));
    CHECK(state == fresh);
  }
}

/// Outputs of all rows of r in calls of `step` rows; `last`: of the last row only.
template <class W>
std::vector<float> outputs(model::pooled_head<W> const& map, model::pooled_config const& c, std::vector<float>& r,
                           std::size_t step, bool last) {
  std::size_t const L = r.size() / c.d_model;
  auto state = model::pooled_head<W>::initial_state(c);
  mamba::nn::workspace memory(model::pooled_head<W>::workspace(c, L));
  std::vector<float> out;
  for (std::size_t t = 0; t < L; t += step) {
    std::size_t const count = std::min(step, L - t), wanted = !last ? count : t + count == L ? 1 : 0;
    std::vector<float> hidden(wanted * c.d_model), y(wanted * c.outputs);
    mamba::matrix_view<float> const of_hidden(hidden.data(), wanted, c.d_model);
    map.collect({&r[t * c.d_model], count, c.d_model}, state, of_hidden, memory.memory());
    if (wanted > 0) map.project(0, of_hidden, {y.data(), wanted, c.outputs}, memory.memory());
    out.insert(out.end(), y.begin(), y.end());
  }
  CHECK(state.count == (c.over == model::pooling::mean ? L : 0));
  return out;
}

/// One pooling: splits into calls of 1 row, of 7 and of all have the same bits, and are the plain formula's.
template <class W>
void check_pooling(model::pooling over, double weight_off) {
  constexpr std::size_t L = 16, H = 37, O = 5;
  model::pooled_config const c{.d_model = H, .outputs = O, .over = over};
  model::pooled_head<W> map(c);
  test::random rng(3);
  model::pooled_head<W>::for_each(
      map, [&](auto const&, auto const&, auto& storage, auto) { test::fill_rows<float>(storage, rng, -1.5, 1.5); });
  std::vector<float> r(L * H);
  rng.fill(std::span(r), -1, 1);
  bool const last = over == model::pooling::last;
  auto const all = outputs(map, c, r, L, last);
  REQUIRE(all.size() == (last ? O : L * O));
  CHECK(test::same_bits(outputs(map, c, r, 1, last), all));
  CHECK(test::same_bits(outputs(map, c, r, 7, last), all));

  mamba::nn::reference::parameters<double> const p(map);
  std::vector<double> sum(H);
  for (std::size_t t = 0; t < L; ++t) {
    std::vector<double> const row(&r[t * H], &r[t * H] + H);
    auto x = mamba::nn::reference::rms_norm<double>(row, p["backbone.norm_f.weight"], c.norm_epsilon);
    for (std::size_t i = 0; i < H; ++i) sum[i] += x[i];
    for (std::size_t i = 0; i < H && over == model::pooling::mean; ++i) x[i] = sum[i] / static_cast<double>(t + 1);
    if (last && t + 1 < L) continue;
    auto const y = mamba::nn::reference::product(p["head.weight"], p["head.bias"], std::span<double const>(x));
    double largest = 0;
    for (double const v : x) largest = std::max(largest, std::fabs(v));
    for (std::size_t o = 0; o < O; ++o) {
      double size = std::fabs(p["head.bias"][o]), of_input = 0;
      for (std::size_t i = 0; i < H; ++i) {
        size += std::fabs(p["head.weight"][o * H + i] * x[i]);
        of_input += std::fabs(p["head.weight"][o * H + i]) * largest;
      }
      // The norm (H/2 + 3 roundings), the mean's sum and its quotient of what is at most √H·1.5, the product; in 8 bits
      // half a step of the largest input beside it.
      double const mean_off = over == model::pooling::mean ? L * 1.5 * std::sqrt(H) * H * 1.5 : 0;
      double const allowed = 0x1p-23 * ((H / 2 + 3 + H + 2) * size + mean_off) + weight_off * of_input;
      CHECK(std::fabs(static_cast<double>(all[last ? o : t * O + o]) - y[o]) <= allowed);
    }
  }
}

TEST_CASE("output_map: pooling none, an output for every row, in any split") {
  check_pooling<float>(model::pooling::none, 0);
  check_pooling<mamba::q8>(model::pooling::none, 1.01 / 254);
}

TEST_CASE("output_map: pooling last, one output at the end, in any split") {
  check_pooling<float>(model::pooling::last, 0);
  check_pooling<mamba::q8>(model::pooling::last, 1.01 / 254);
}

TEST_CASE("output_map: pooling mean, of all rows so far, in any split") {
  check_pooling<float>(model::pooling::mean, 0);
  check_pooling<mamba::q8>(model::pooling::mean, 1.01 / 254);
}

TEST_CASE("output_map: a language model's head is tied or its own") {
  model::language_head<float> tied({.vocab = 7, .d_model = 4, .padded_vocab = 8});
  model::language_head<float> own({.vocab = 7, .d_model = 4, .padded_vocab = 8, .tied = false});
  CHECK(tied.tied());
  CHECK_FALSE(own.tied());
  CHECK(own.lm_head.weight().out() == 8);
  int tensors = 0;
  model::language_head<float>::for_each(own, [&](auto const&, auto const&, auto&, auto) { ++tensors; });
  model::language_head<float>::for_each(tied, [&](auto const&, auto const&, auto&, auto) { ++tensors; });
  CHECK(tensors == 3);
}

TEST_CASE_FIXTURE(fixture, "output_map: a mean refuses the state of a map without one, and a count that is none") {
  auto of_last = head::initial_state({.d_model = 6, .outputs = 3});
  CHECK_THROWS_AS(collect(map, 0, 2, of_last, 1), mamba::contract_violation);
  auto state = head::initial_state(config);
  auto const restore = [&](float units, float ones) {
    head::state::for_each(state, [&](std::string const& name, auto const&, auto rows) {
      std::vector<float> const count{units, ones};
      if (name == "mean.count") rows.set_row(0, count);
    });
  };
  restore(1, 3);
  CHECK(state.count == (std::size_t{1} << 20U) + 3);
  for (float const wrong : {-1.F, std::nanf(""), 1e30F}) {
    CHECK_THROWS_AS(restore(wrong, 0), mamba::contract_violation);
    CHECK_THROWS_AS(restore(0, wrong), mamba::contract_violation);
  }
  CHECK(state.count == (std::size_t{1} << 20U) + 3);
}

}  // namespace
