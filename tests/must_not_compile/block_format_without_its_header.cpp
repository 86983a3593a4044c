// SPDX-License-Identifier: MIT
// EXPECT: block formats need <mamba/kernels/quantization/quantized_matrix.hpp>
// Without it q8 would be stored as if it were a number, one byte each.
#include <mamba/kernels/gemm/packed_matrix.hpp>

#ifdef CORRECTED
#include <mamba/kernels/quantization/quantized_matrix.hpp>
#endif

mamba::kernels::packed_matrix<mamba::q8> use() { return {}; }
