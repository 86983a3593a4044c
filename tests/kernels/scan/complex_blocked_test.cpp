// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/kernels/scan/complex_blocked.hpp>

#include <complex>
#include <cstddef>

namespace {

using mamba::kernels::complex_blocked;

TEST_CASE("complex_blocked: what is set is read back, and lies in two planes") {
  complex_blocked<float> m(19, 3);
  for (std::size_t d = 0; d < 19; ++d) {
    for (std::size_t n = 0; n < 3; ++n) m.set(d, n, {static_cast<float>(d), -static_cast<float>(n) - 1});
  }
  CHECK(m.extent(0) == 19);
  CHECK(m.channels() == 19);
  CHECK(m.extent(1) == 3);
  CHECK(m.depth() == 3);
  CHECK(m.blocks() == m.re.blocks());
  for (std::size_t d = 0; d < 19; ++d) {
    for (std::size_t n = 0; n < 3; ++n) {
      CHECK(m(d, n) == std::complex<float>(m.re(d, n), m.im(d, n)));
      CHECK(m(d, n) == std::complex<float>(static_cast<float>(d), -static_cast<float>(n) - 1));
    }
  }
}

TEST_CASE("complex_blocked: a value: copied, compared, changed apart; static extents as dynamic ones") {
  complex_blocked<double, 5, 2> m;
  m.set(4, 1, {1, 2});
  auto copy = m;
  CHECK(copy == m);
  copy.set(4, 1, {1, 3});
  CHECK(!(copy == m));
  CHECK(m(4, 1) == std::complex<double>(1, 2));
  CHECK(m(0, 0) == std::complex<double>());
  CHECK(!(complex_blocked<double>(5, 2) == complex_blocked<double>(2, 5)));
}

TEST_CASE("complex_blocked: from a row-major array or a tensor, and back") {
  std::complex<float> const numbers[] = {{1, -1}, {2, -2}, {3, -3}, {4, -4}};
  complex_blocked<float> const from_array({numbers, 2, 2});
  CHECK(from_array(1, 0) == numbers[2]);
  CHECK(from_array.re(1, 1) == 4);
  CHECK(from_array.plane(1)(1, 1) == -4);
  mamba::tensor<std::complex<float>, 2, 2> back;
  from_array.copy_to(back);
  for (std::size_t i = 0; i < 4; ++i) CHECK(back.span()[i] == numbers[i]);
  complex_blocked const from_tensor(back);
  static_assert(std::is_same_v<decltype(from_tensor), complex_blocked<float, 2, 2> const>);
  CHECK(from_tensor == complex_blocked<float, 2, 2>(mamba::matrix_view<std::complex<float> const>(numbers, 2, 2)));
  mamba::tensor<std::complex<float>, 3, 2> taller;
  CHECK_THROWS_AS(from_array.copy_to(taller), mamba::contract_violation);
}

}  // namespace
