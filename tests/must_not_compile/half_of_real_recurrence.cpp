// SPDX-License-Identifier: MIT
// EXPECT: modes::half needs complex modes
// The same where the modes are given by the state's type.
#include <mamba/ssm/scan/diagonal_recurrence.hpp>
#include <mamba/tensor/view.hpp>

#ifdef CORRECTED
using number = std::complex<double>;
#else
using number = double;
#endif

void use(mamba::matrix_view<number> modes, mamba::matrix_view<double> x, mamba::matrix_view<double> y) {
  mamba::ssm::diagonal_recurrence<mamba::ssm::modes::half>(modes, modes, modes, std::span<double>(), x, modes, y);
}
