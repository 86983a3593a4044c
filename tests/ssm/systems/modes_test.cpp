// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <mamba/ssm/systems/matrix.hpp>
#include <mamba/ssm/systems/modes.hpp>

#include <complex>

namespace {

using namespace mamba::ssm;
using complex = std::complex<double>;

TEST_CASE("modes: a number of half of the modes counts twice, in its real part") {
  static_assert(std::is_same_v<decltype(whole<modes::half>(std::complex<float>())), float>);
  CHECK(whole<modes::half>(complex(3, 4)) == 6);
  CHECK(whole<modes::all>(complex(3, 4)) == complex(3, 4));
  CHECK(whole<modes::all>(3.0) == 3);
}

TEST_CASE("modes: of a matrix, entry by entry") {
  matrix<complex, 2> const v{{complex(1, 2), complex(0, 1)}, {complex(-3, 0), complex(0.5, -1)}};
  CHECK(whole<modes::half>(v) == matrix<double, 2>{{2, 0}, {-6, 1}});
  CHECK(whole<modes::all>(v) == v);
  static_assert(can_keep<modes::half, complex> && !can_keep<modes::half, double> && can_keep<modes::all, double>);
}

}  // namespace
