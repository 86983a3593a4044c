// SPDX-License-Identifier: MIT
#include <mamba/nn/s4d_modes.hpp>
#include <support/bits.hpp>
#include <support/parameters.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <type_traits>
#include <vector>

namespace nn = mamba::nn;
using nn::s4d_tensor;

namespace {

using modes = nn::s4d_modes<double, mamba::dynamic, mamba::dynamic, nn::packed>;

template <class T>
void set(nn::s4d_modes<T, mamba::dynamic, mamba::dynamic, nn::packed>& m, T log_dt, T log_a, T a_imag) {
  std::array<T, 2> const c{T(0.75), T(-0.5)};
  m.template tensor<s4d_tensor::c>().set_row(0, c);
  m.template tensor<s4d_tensor::log_dt>().set_row(0, std::span<T const>(&log_dt, 1));
  m.template tensor<s4d_tensor::log_a_real>().set_row(0, std::span<T const>(&log_a, 1));
  m.template tensor<s4d_tensor::a_imag>().set_row(0, std::span<T const>(&a_imag, 1));
}

}  // namespace

TEST_CASE_TEMPLATE("s4d_modes: zero-order hold within its bound, for ΔA from 1e-12 up", T, float, double) {
  using complex = std::complex<long double>;
  test::random rng(1);
  constexpr double half_unit = std::numeric_limits<T>::epsilon() / 2;
  for (int i = 0; i < 3000; ++i) {
    auto const log_dt = static_cast<T>(rng.uniform(-27, 0.5));
    auto const log_a = static_cast<T>(rng.uniform(-3, 3));
    auto const a_imag = static_cast<T>(rng.uniform(-30, 30));
    nn::s4d_modes<T, mamba::dynamic, mamba::dynamic, nn::packed> m(1, 1);
    set<T>(m, log_dt, log_a, a_imag);
    long double const delta = std::exp(static_cast<long double>(log_dt));
    complex const a(-std::exp(static_cast<long double>(log_a)), static_cast<long double>(a_imag));
    complex const z = delta * a;
    complex phi(1);  // φ₁ = 1 + z/2 (1 + z/3 (1 + …)) where the quotient would cancel
    if (std::abs(z) < 0.5L) {
      for (int k = 20; k > 1; --k) phi = complex(1) + z * phi / static_cast<long double>(k);
    } else {
      phi = (std::exp(z) - complex(1)) / z;
    }
    complex const c_bar = complex(0.75L, -0.5L) * delta * phi;
    auto const size = static_cast<double>(std::abs(z));
    auto const off = [](auto found, complex exact) {
      return static_cast<double>(std::abs(complex(found) - exact) / std::abs(exact));
    };
    REQUIRE(off(m.a_bar()(0, 0), std::exp(z)) <= (2 + size) * 0x1p-52 + half_unit);
    REQUIRE(off(m.c_bar()(0, 0), c_bar) <= (8 + size) * 0x1p-52 + half_unit);
  }
}

TEST_CASE("s4d_modes: tensors come back to the bit, and copies keep them") {
  modes m(3, 2);
  test::random rng(2);
  test::fill_rows<double>(m.tensor<s4d_tensor::c>(), rng, -1, 1);
  test::fill_rows<double>(m.tensor<s4d_tensor::log_dt>(), rng, -7, -2);
  test::fill_rows<double>(m.tensor<s4d_tensor::log_a_real>(), rng, -1, 1);
  test::fill_rows<double>(m.tensor<s4d_tensor::a_imag>(), rng, 0, 6);
  modes copy;
  copy = m;
  modes again(3, 2);
  for (std::size_t d = 0; d < 3; ++d) {  // in another order, out of the copy
    std::vector<double> c(4), dt(1), a(2), b(2);
    copy.tensor<s4d_tensor::a_imag>().get_row(d, b);
    copy.tensor<s4d_tensor::log_a_real>().get_row(d, a);
    copy.tensor<s4d_tensor::log_dt>().get_row(d, dt);
    copy.tensor<s4d_tensor::c>().get_row(d, c);
    again.tensor<s4d_tensor::a_imag>().set_row(d, b);
    again.tensor<s4d_tensor::log_a_real>().set_row(d, a);
    again.tensor<s4d_tensor::log_dt>().set_row(d, dt);
    again.tensor<s4d_tensor::c>().set_row(d, c);
  }
  CHECK(test::rows_of<double>(again.tensor<s4d_tensor::c>()) == test::rows_of<double>(m.tensor<s4d_tensor::c>()));
  CHECK(again.a_bar() == m.a_bar());
  CHECK(again.c_bar() == m.c_bar());
  CHECK_FALSE(again.a_bar() == modes(3, 2).a_bar());
  static_assert(nn::parameter_storage<std::remove_cvref_t<decltype(m.tensor<s4d_tensor::c>())>, double>);
}

TEST_CASE("s4d_modes: rows that are not there, and rows of another size, are refused") {
  modes m(3, 2);
  std::vector<double> const five(5);
  std::span<double const> const row(five);
  CHECK_NOTHROW(m.tensor<s4d_tensor::c>().set_row(2, row.first(4)));
  CHECK_THROWS_AS(m.tensor<s4d_tensor::c>().set_row(3, row.first(4)), mamba::contract_violation);
  CHECK_THROWS_AS(m.tensor<s4d_tensor::c>().set_row(0, row), mamba::contract_violation);
  CHECK_THROWS_AS(m.tensor<s4d_tensor::log_dt>().set_row(0, {}), mamba::contract_violation);
}

TEST_CASE("s4d_modes: constant storage reads the planes that packed storage gives for each tensor") {
  modes m(21, 3);
  test::random rng(3);
  test::fill_rows<double>(m.tensor<s4d_tensor::c>(), rng, -1, 1);
  test::fill_rows<double>(m.tensor<s4d_tensor::log_dt>(), rng, -7, -2);
  test::fill_rows<double>(m.tensor<s4d_tensor::log_a_real>(), rng, -1, 1);
  test::fill_rows<double>(m.tensor<s4d_tensor::a_imag>(), rng, 0, 6);
  nn::s4d_modes<double, 21, 3, nn::constant> read;
  std::array<std::vector<double>, 4> planes;
  auto const lay = [&]<s4d_tensor Which>(std::integral_constant<s4d_tensor, Which>) {
    auto& numbers = planes[static_cast<std::size_t>(Which)];
    m.tensor<Which>().for_each_plane(
        [&](auto const& plane) { numbers.insert(numbers.end(), plane.span().begin(), plane.span().end()); });
    CHECK(read.tensor<Which>().rows() == m.tensor<Which>().rows());
    CHECK(read.tensor<Which>().row_size() == m.tensor<Which>().row_size());
    read.tensor<Which>().borrow(numbers);
  };
  lay(std::integral_constant<s4d_tensor, s4d_tensor::c>{});
  lay(std::integral_constant<s4d_tensor, s4d_tensor::log_dt>{});
  lay(std::integral_constant<s4d_tensor, s4d_tensor::log_a_real>{});
  CHECK_THROWS_AS(static_cast<void>(read.a_bar()), mamba::contract_violation);  // half of it
  lay(std::integral_constant<s4d_tensor, s4d_tensor::a_imag>{});
  CHECK(planes[1].empty());
  for (std::size_t d = 0; d < 21; ++d) {
    for (std::size_t n = 0; n < 3; ++n) {
      REQUIRE(read.a_bar()(d, n) == m.a_bar()(d, n));
      REQUIRE(read.c_bar()(d, n) == m.c_bar()(d, n));
    }
  }
}
