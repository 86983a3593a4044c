// SPDX-License-Identifier: MIT
// mamba/nn/s4d_state.hpp — the sizes and the state of a diagonal S4 layer.  [floor 5]
#pragma once

#include <mamba/kernels/scan/complex_blocked.hpp>
#include <mamba/nn/state_storage.hpp>

#include <array>
#include <complex>
#include <cstddef>
#include <span>
#include <type_traits>

namespace mamba::inline MAMBA_ABI::nn {

/// What follows the diagonal system of an S4D layer.
enum class s4d_output {
  gelu,  ///< y = gelu(·)
  glu    ///< y = glu(output_linear(gelu(·))), as in s4's s4d.py
};

/// The sizes of an S4D layer; d_model and d_state may be dynamic where they are a template argument.
struct s4d_config {
  std::size_t d_model;       ///< H: channels, each a system of its own
  std::size_t d_state = 64;  ///< N, even: N/2 modes are kept, one of each conjugate pair
  s4d_output output = s4d_output::glu;

  [[nodiscard]] constexpr std::size_t pairs() const noexcept { return d_state == dynamic ? dynamic : d_state / 2; }

  friend constexpr bool operator==(s4d_config const&, s4d_config const&) noexcept = default;
};

/// Every extent dynamic; `output` is then that of the configuration at run time.
inline constexpr s4d_config any_s4d{.d_model = dynamic, .d_state = dynamic};

/// True if every extent is static.
[[nodiscard]] constexpr bool all_static(s4d_config const& c) noexcept {
  return c.d_model != dynamic && c.d_state != dynamic;
}

/// Complex numbers of a state, [H, N/2], as rows of real ones: re, im, re, im, …
template <class Part>
class complex_rows {
 public:
  using value_type = typename Part::value_type;
  explicit complex_rows(Part& part) noexcept : part_(part) {}

  [[nodiscard]] std::size_t rows() const noexcept { return part_.channels(); }
  [[nodiscard]] std::size_t row_size() const noexcept { return 2 * part_.depth(); }
  void get_row(std::size_t i, std::span<value_type> values) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, i, values.size());
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = part_.plane(k % 2)(i, k / 2);
  }
  void set_row(std::size_t i, std::span<value_type const> values) const noexcept(!core::contracts_checked)
    requires(!std::is_const_v<Part>)
  {
    detail::expect_row(*this, i, values.size());
    for (std::size_t k = 0; k < values.size(); ++k) part_.plane(k % 2)(i, k / 2) = values[k];
  }

 private:
  Part& part_;
};

/// The state of an S4D layer between steps: a value that holds its numbers and nothing else.
///
/// Units:   h is in units of B̄ = (exp(ΔA) − 1)/A: the state of s4's step() is h · B̄.
template <s4d_config S, class T>
struct s4d_state {
  using scalar = T;
  kernels::complex_blocked<T, S.d_model, S.pairs()> ssm;  ///< [H, N/2]

  s4d_state() = default;
  explicit s4d_state(s4d_config const& sizes) : ssm(sizes.d_model, sizes.pairs()) {}

  /// True if it has the shape, and the numbers, of a layer of these sizes: not if it was moved from.
  [[nodiscard]] bool made_for(s4d_config const& sizes) const noexcept {
    std::size_t const numbers = sizes.d_model * sizes.pairs();
    return ssm.channels() == sizes.d_model && ssm.depth() == sizes.pairs() && ssm.re.span().size() >= numbers &&
           ssm.im.span().size() >= numbers;
  }

  /// Back to the state before the first step: all zero.
  void reset() noexcept { ssm.fill({}); }

  /// f(name, shape, rows): for saving, restoring and inspecting a state, in a row-major layout.
  template <class Self, class F>
  static void for_each(Self& self, F&& f) {
    f("ssm", std::array<std::size_t, 3>{self.ssm.channels(), self.ssm.depth(), 2}, complex_rows(self.ssm));
  }

  friend bool operator==(s4d_state const&, s4d_state const&) noexcept = default;
};

}  // namespace mamba::inline MAMBA_ABI::nn
