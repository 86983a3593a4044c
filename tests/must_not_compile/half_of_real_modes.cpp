// SPDX-License-Identifier: MIT
// EXPECT: modes::half needs complex modes
// A real mode has no conjugate: 2 Re of it would be twice the output.
#include <mamba/ssm/systems/discrete.hpp>

#ifdef CORRECTED
using number = std::complex<double>;
#else
using number = double;
#endif

mamba::ssm::discrete_diagonal<number, 2, 1, 1, mamba::ssm::modes::half> use() { return {}; }
