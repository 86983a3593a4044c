// SPDX-License-Identifier: MIT
// mamba/nn/block.hpp — norm, mixer and residual: a layer from any mixer.  [floor 5]
#pragma once

#include <mamba/nn/format_policy.hpp>
#include <mamba/nn/layer.hpp>
#include <mamba/nn/parameter_names.hpp>
#include <mamba/nn/rms_norm.hpp>

#include <array>

namespace mamba::inline MAMBA_ABI::nn {

/// The configuration of a block: its mixer's, and the norm's ε.
template <class Config>
struct block_config {
  Config mixer;
  double norm_epsilon = 1e-5;

  friend constexpr bool operator==(block_config const&, block_config const&) noexcept = default;
};

/// A pre-norm residual layer (Block(mixer, norm) of mamba_ssm): r ← r + mixer(rms_norm(r)).
///
/// Shapes:  r [L, width].
/// Determinism: that of the mixer.
template <class Mixer>
class block {
 public:
  using mixer_type = Mixer;
  using scalar = typename Mixer::scalar;
  using config = block_config<typename Mixer::config>;
  using state = typename Mixer::state;
  using storage = typename Mixer::storage;
  template <class Other>
  using with_storage = block<typename Mixer::template with_storage<Other>>;

  constexpr explicit block(config const& c) : mixer(c.mixer), norm(Mixer::width(c.mixer), c.norm_epsilon) {}

  [[nodiscard]] static state initial_state(config const& c) { return state(c.mixer); }

  /// f(name, shape, storage, role): the norm, then the mixer's parameters behind "mixer.".
  template <class Self, class F>
  static constexpr void for_each(Self& self, F&& f) {
    f("norm.weight", std::array{self.norm.weight().rows()}, self.norm.weight(), role::vector);
    Mixer::for_each(self.mixer, prefixed("mixer.", f));
  }

  /// Bytes of workspace for so many rows.
  [[nodiscard]] static constexpr std::size_t workspace(config const& c, std::size_t rows) noexcept {
    arena at;
    auto const u = at.matrix<scalar>(rows, Mixer::width(c.mixer));
    [[maybe_unused]] typename Mixer::input const measured(at, u);
    return saturated_sum(at.used(), Mixer::workspace(c.mixer, rows));
  }

  /// r ← r + mixer(norm(r)) for the rows of all segments.
  void operator()(matrix_view<scalar> r, std::span<segment<state> const> segments, arena at) const
      noexcept(!core::contracts_checked)
    requires storage::computes
  {
    if (r.extent(0) == 0) return;
    matrix_view<scalar> const u = at.matrix<scalar>(r.extent(0), r.extent(1));
    typename Mixer::input const input(at, u);
    parallel::parallel_for(r.extent(0), norm.cost(r.extent(0)), [&](std::size_t first, std::size_t last) {
      norm.normalize(r.rows(first, last - first), u.rows(first, last - first));
      input.quantize(first, last - first);
    });
    mixer.template apply<kernels::output::add>(input, segments, at, r);
  }

  /// The mixer's: the norm has no state (nn/replay.hpp).
  [[nodiscard]] constexpr std::size_t replay_width() const noexcept
    requires replayable<Mixer>
  {
    return mixer.replay_width();
  }
  void replay(matrix_view<scalar const> rows, state& s, arena at) const noexcept(!core::contracts_checked)
    requires(storage::computes && replayable<Mixer>)
  {
    mixer.replay(rows, s, at);
  }

  /// The cost of L rows on one thread.
  [[nodiscard]] parallel::cost cost(std::size_t L) const noexcept { return norm.cost(L) + mixer.cost(L); }

  Mixer mixer;
  rms_norm<scalar, Mixer::static_width, storage> norm;
};

}  // namespace mamba::inline MAMBA_ABI::nn
