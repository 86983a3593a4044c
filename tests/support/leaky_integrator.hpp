// SPDX-License-Identifier: MIT
// tests/support/leaky_integrator.hpp — a mixer of a caller's own: it uses the library's public concepts and no more.
#pragma once

#include <mamba/nn/layer.hpp>
#include <mamba/nn/state_storage.hpp>
#include <mamba/tensor/tensor.hpp>

#include <array>
#include <cstddef>
#include <span>

namespace test {

struct leaky_config {
  std::size_t width;
};

struct leaky_state {
  mamba::tensor<float, mamba::dynamic, mamba::dynamic> h;
  leaky_state() = default;
  explicit leaky_state(leaky_config const& c) : h(1, c.width) {}
  void reset() noexcept { h.fill(0); }
  template <class Self, class F>
  static void for_each(Self& self, F&& f) {
    f("h", std::array{self.h.extent(0), self.h.extent(1)}, mamba::nn::state_rows(self.h));
  }
  friend bool operator==(leaky_state const&, leaky_state const&) = default;
};

/// A leaky integrator of every channel: h ← h + leak · (x − h), y = h. One parameter, `leak`.
template <class Storage = mamba::nn::packed>
class leaky_integrator {
 public:
  using config = leaky_config;
  using state = leaky_state;
  using scalar = float;
  using storage = Storage;
  using input = mamba::nn::activations<float>;
  template <class Other>
  using with_storage = leaky_integrator<Other>;
  static constexpr std::size_t static_width = mamba::dynamic;
  static std::size_t width(config const& c) { return c.width; }
  static constexpr std::size_t workspace(config const&, std::size_t) { return 0; }

  explicit leaky_integrator(config const& c) : config_(c) { mamba::nn::allocate(*this); }
  config const& sizes() const { return config_; }

  template <class Self, class F>
  static void for_each(Self& self, F&& f) {
    f("leak", std::array<std::size_t, 1>{1}, self.leak, mamba::nn::role::vector);
  }

  template <mamba::kernels::output Mode>
  void apply(input const& x, std::span<mamba::nn::segment<state> const> segments, mamba::arena,
             mamba::matrix_view<float> y) const {
    for (auto const& s : segments) {
      s.log.write(0, x.values.rows(s.first, s.count));
      for (std::size_t t = s.first; t < s.first + s.count; ++t) {
        advance(x.values.row(t), *s.state);
        for (std::size_t i = 0; i < config_.width; ++i) {
          float const h = s.state->h(0, i);
          y(t, i) = Mode == mamba::kernels::output::add ? y(t, i) + h : h;
        }
      }
    }
  }
  // What its states need to be rolled back: x, and the recurrence without outputs.
  std::size_t replay_width() const { return config_.width; }
  void replay(mamba::matrix_view<float const> rows, state& s, mamba::arena) const {
    for (std::size_t t = 0; t < rows.extent(0); ++t) advance(rows.row(t), s);
  }
  mamba::parallel::cost cost(std::size_t L) const { return mamba::parallel::cost::elementwise(L * config_.width); }

 private:
  void advance(std::span<float const> x, state& s) const {
    float const share = leak.span()[0];
    for (std::size_t i = 0; i < x.size(); ++i) {
      float& h = s.h(0, i);
      h = mamba::simd::fma(share, x[i] - h, h);
    }
  }

  config config_;

 public:
  typename Storage::template vector<float, mamba::dynamic> leak;
};

}  // namespace test
