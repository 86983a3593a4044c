// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/model/output_map.hpp>
#include <mamba/nn/reference/plain.hpp>
#include <mamba/nn/workspace.hpp>
#include <support/bits.hpp>
#include <support/parameters.hpp>

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

}  // namespace
