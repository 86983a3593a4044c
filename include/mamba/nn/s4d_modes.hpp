// SPDX-License-Identifier: MIT
// mamba/nn/s4d_modes.hpp — the parameters of S4D's diagonal systems, and what the recurrence makes of them.  [floor 5]
//
// A checkpoint has C, log Δ, log(−Re A) and Im A; the recurrence reads Ā and C·B̄. Each of the four is a storage
// (nn/parameter.hpp) of its own, and a row that is set forms that channel's Ā and C·B̄ anew. Constant storage has Ā and
// C·B̄ alone.
#pragma once

#include <mamba/kernels/scan/complex_blocked_view.hpp>
#include <mamba/math/complex_phi.hpp>
#include <mamba/nn/storage.hpp>

#include <algorithm>
#include <cmath>
#include <complex>

namespace mamba::inline MAMBA_ABI::nn {

/// The tensors of S4D's kernel.
enum class s4d_tensor {
  c,           ///< C [H, N/2, 2]: real and imaginary parts
  log_dt,      ///< ln Δ [H]
  log_a_real,  ///< ln(−Re A) [H, N/2]
  a_imag       ///< Im A [H, N/2]
};

namespace detail {

/// The four in the storages C, LogDt, LogAReal and AImag.
template <class C, class LogDt, class LogAReal, class AImag>
struct s4d_tensors {
  C c;
  LogDt log_dt;
  LogAReal log_a_real;
  AImag a_imag;

  template <s4d_tensor Which>
  [[nodiscard]] constexpr auto& get() noexcept {
    return of<Which>(*this);
  }
  template <s4d_tensor Which>
  [[nodiscard]] constexpr auto const& get() const noexcept {
    return of<Which>(*this);
  }

 private:
  template <s4d_tensor Which, class Self>
  [[nodiscard]] static constexpr auto& of(Self& self) noexcept {
    if constexpr (Which == s4d_tensor::c) {
      return self.c;
    } else if constexpr (Which == s4d_tensor::log_dt) {
      return self.log_dt;
    } else if constexpr (Which == s4d_tensor::log_a_real) {
      return self.log_a_real;
    } else {
      return self.a_imag;
    }
  }
};

}  // namespace detail

/// One of them as rows: a base of s4d_modes, which keeps the numbers.
template <class Modes, class T, s4d_tensor Which>
class s4d_rows {
 public:
  using storage_format = T;
  [[nodiscard]] std::size_t rows() const noexcept { return stored().extent(0); }
  [[nodiscard]] std::size_t row_size() const noexcept { return stored().extent(1); }
  [[nodiscard]] bool empty() const noexcept { return rows() == 0; }
  void set_row(std::size_t d, std::span<T const> values) noexcept(!core::contracts_checked) {
    detail::expect_row(*this, d, values.size());
    auto& self = static_cast<Modes&>(*this);
    auto const row = self.tensors_.template get<Which>().view().row(d);
    std::copy(values.begin(), values.end(), row.begin());
    self.refresh(d);
  }
  void get_row(std::size_t d, std::span<T> values) const noexcept(!core::contracts_checked) {
    detail::expect_row(*this, d, values.size());
    auto const row = stored().view().row(d);
    std::copy_n(row.begin(), values.size(), values.begin());
  }

  /// f(plane) for each plane of numbers that constant storage has in this tensor's place: C·B̄ in the place of C, Re Ā
  /// and Im Ā in those of log_A_real and A_imag, and none in that of log_dt.
  template <class F>
  void for_each_plane(F const& f) const {
    auto const& self = static_cast<Modes const&>(*this);
    if constexpr (Which == s4d_tensor::c) f(self.c_bar().re), f(self.c_bar().im);
    if constexpr (Which == s4d_tensor::log_a_real) f(self.a_bar().re);
    if constexpr (Which == s4d_tensor::a_imag) f(self.a_bar().im);
  }

 private:
  [[nodiscard]] auto const& stored() const noexcept {
    return static_cast<Modes const&>(*this).tensors_.template get<Which>();
  }
};

/// The tensors of S4D's kernel in a storage without arithmetic (meta, dense).
template <class T, std::size_t H, std::size_t P, class Storage>
class s4d_modes {
  static_assert(!Storage::computes, "s4d_modes: S4D computes in packed and in constant storage");
  using parameter = typename Storage::template vector<T, dynamic>;

 public:
  s4d_modes() = default;
  s4d_modes(std::size_t channels, std::size_t pairs)
      : tensors_{parameter(channels, 2 * pairs), parameter(channels), parameter(channels, pairs),
                 parameter(channels, pairs)} {}

  template <s4d_tensor Which>
  [[nodiscard]] parameter& tensor() noexcept {
    return tensors_[static_cast<std::size_t>(Which)];
  }
  template <s4d_tensor Which>
  [[nodiscard]] parameter const& tensor() const noexcept {
    return tensors_[static_cast<std::size_t>(Which)];
  }

 private:
  std::array<parameter, 4> tensors_;
};

/// The same as checkpoints have them, beside Ā and C·B̄ in the recurrence's layout.
///
///     A = −exp(log_A_real) + i A_imag        Ā = exp(ΔA)        C·B̄ = C (exp(ΔA) − 1)/A        zero-order hold, B = 1
///
/// Why:     formed once, in double, and then rounded. (exp(ΔA) − 1)/A = Δ φ₁(ΔA) has no cancellation for small ΔA.
/// Shapes:  H channels, P = N/2 modes each, one of each conjugate pair.
/// Error:   Ā: (2 + |ΔA|) ε in double, then half a unit of T in each part; C·B̄: (8 + |ΔA|) ε, likewise.
/// Throws:  std::bad_alloc.
template <class T, std::size_t H, std::size_t P>
class s4d_modes<T, H, P, packed> : public s4d_rows<s4d_modes<T, H, P, packed>, T, s4d_tensor::c>,
                                   public s4d_rows<s4d_modes<T, H, P, packed>, T, s4d_tensor::log_dt>,
                                   public s4d_rows<s4d_modes<T, H, P, packed>, T, s4d_tensor::log_a_real>,
                                   public s4d_rows<s4d_modes<T, H, P, packed>, T, s4d_tensor::a_imag> {
 public:
  using blocked = kernels::complex_blocked<T, H, P>;

  s4d_modes() : s4d_modes(H == dynamic ? 0 : H, P == dynamic ? 0 : P) {}
  s4d_modes(std::size_t channels, std::size_t pairs)
      : tensors_{mamba::tensor<T, H, parts>(channels, 2 * pairs), mamba::tensor<T, H, 1>(channels, 1),
                 mamba::tensor<T, H, P>(channels, pairs), mamba::tensor<T, H, P>(channels, pairs)},
        a_bar_(channels, pairs),
        c_bar_(channels, pairs) {
    for (std::size_t d = 0; d < channels; ++d) refresh(d);
  }

  template <s4d_tensor Which>
  [[nodiscard]] s4d_rows<s4d_modes, T, Which>& tensor() noexcept {
    return *this;
  }
  template <s4d_tensor Which>
  [[nodiscard]] s4d_rows<s4d_modes, T, Which> const& tensor() const noexcept {
    return *this;
  }

  [[nodiscard]] blocked const& a_bar() const noexcept { return a_bar_; }
  [[nodiscard]] blocked const& c_bar() const noexcept { return c_bar_; }  ///< C·B̄

 private:
  template <class, class, s4d_tensor>
  friend class s4d_rows;

  void refresh(std::size_t d) noexcept {
    double const delta = std::exp(static_cast<double>(tensors_.log_dt(d, 0)));
    for (std::size_t n = 0; n < a_bar_.depth(); ++n) {
      std::complex<double> const c(static_cast<double>(tensors_.c(d, 2 * n)),
                                   static_cast<double>(tensors_.c(d, 2 * n + 1)));
      std::complex<double> const z(-delta * std::exp(static_cast<double>(tensors_.log_a_real(d, n))),
                                   delta * static_cast<double>(tensors_.a_imag(d, n)));
      a_bar_.set(d, n, rounded(std::exp(z)));
      c_bar_.set(d, n, rounded(c * (delta * math::phi1(z))));
    }
  }

  [[nodiscard]] static std::complex<T> rounded(std::complex<double> v) noexcept {
    return {static_cast<T>(v.real()), static_cast<T>(v.imag())};
  }

  static constexpr std::size_t parts = P == dynamic ? dynamic : 2 * P;
  detail::s4d_tensors<mamba::tensor<T, H, parts>, mamba::tensor<T, H, 1>, mamba::tensor<T, H, P>,
                      mamba::tensor<T, H, P>>
      tensors_;
  blocked a_bar_, c_bar_;
};

/// Ā and C·B̄ in constant storage, as packed storage formed them (for_each_plane). What they were formed of isn't kept.
template <class T, std::size_t H, std::size_t P>
class s4d_modes<T, H, P, constant> {
 public:
  using blocked = kernels::complex_blocked_view<T const>;

  constexpr s4d_modes() noexcept = default;
  constexpr s4d_modes(std::size_t channels, std::size_t pairs) noexcept(!core::contracts_checked)
      : tensors_{{channels, pairs}, {channels, pairs}, {channels, pairs}, {channels, pairs}} {}

  template <s4d_tensor Which>
  [[nodiscard]] constexpr auto& tensor() noexcept {
    return tensors_.template get<Which>();
  }
  template <s4d_tensor Which>
  [[nodiscard]] constexpr auto const& tensor() const noexcept {
    return tensors_.template get<Which>();
  }

  [[nodiscard]] blocked a_bar() const noexcept(!core::contracts_checked) {
    return {tensors_.log_a_real.plane(0), tensors_.a_imag.plane(0)};
  }
  [[nodiscard]] blocked c_bar() const noexcept(!core::contracts_checked) {
    return {tensors_.c.plane(0), tensors_.c.plane(1)};
  }

 private:
  detail::s4d_tensors<constant_planes<T, H, P, 2>,  // C·B̄
                      constant_planes<T, H, P, 0>,  // nothing
                      constant_planes<T, H, P, 1>,  // Re Ā
                      constant_planes<T, H, P, 1>>  // Im Ā
      tensors_;
};

}  // namespace mamba::inline MAMBA_ABI::nn
