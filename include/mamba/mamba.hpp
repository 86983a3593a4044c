// SPDX-License-Identifier: MIT
// mamba/mamba.hpp — every public header but those of io/, nothing else.
#pragma once

#include <mamba/core/abi.hpp>
#include <mamba/core/bfloat16.hpp>
#include <mamba/core/contracts.hpp>
#include <mamba/core/error.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/core/version.hpp>

#include <mamba/parallel/parallel_for.hpp>
#include <mamba/parallel/thread_pool.hpp>

#include <mamba/simd/compat.hpp>
#include <mamba/simd/dot4.hpp>
#include <mamba/simd/lane_sums.hpp>
#include <mamba/simd/load_store.hpp>
#include <mamba/simd/real.hpp>
#include <mamba/simd/reduce.hpp>
#include <mamba/simd/transform.hpp>
#include <mamba/simd/transpose.hpp>

#include <mamba/tensor/eigen.hpp>
#include <mamba/tensor/extents.hpp>
#include <mamba/tensor/storage.hpp>
#include <mamba/tensor/tensor.hpp>
#include <mamba/tensor/view.hpp>

#include <mamba/math/complex_phi.hpp>
#include <mamba/math/exp.hpp>
#include <mamba/math/fft.hpp>
#include <mamba/math/halving_roots.hpp>
#include <mamba/math/log.hpp>
#include <mamba/math/phi.hpp>
#include <mamba/math/polynomial.hpp>
#include <mamba/math/rms_norm.hpp>
#include <mamba/math/sigmoid.hpp>
#include <mamba/math/softplus.hpp>

#include <mamba/ssm/affine.hpp>
#include <mamba/ssm/cauchy_kernel.hpp>
#include <mamba/ssm/causal_convolution.hpp>
#include <mamba/ssm/chunk_convolution.hpp>
#include <mamba/ssm/continuous.hpp>
#include <mamba/ssm/convolution.hpp>
#include <mamba/ssm/diagonal_recurrence.hpp>
#include <mamba/ssm/discrete.hpp>
#include <mamba/ssm/discretize.hpp>
#include <mamba/ssm/discretize_dense.hpp>
#include <mamba/ssm/discretize_diagonal.hpp>
#include <mamba/ssm/discretize_dplr.hpp>
#include <mamba/ssm/fft_convolution.hpp>
#include <mamba/ssm/generating_function.hpp>
#include <mamba/ssm/hippo_fourier.hpp>
#include <mamba/ssm/hippo_laguerre.hpp>
#include <mamba/ssm/hippo_legendre.hpp>
#include <mamba/ssm/hippo_memory.hpp>
#include <mamba/ssm/intermediate_states.hpp>
#include <mamba/ssm/irregular.hpp>
#include <mamba/ssm/krylov_kernel.hpp>
#include <mamba/ssm/low_rank.hpp>
#include <mamba/ssm/matrix.hpp>
#include <mamba/ssm/matrix_exponential.hpp>
#include <mamba/ssm/nplr.hpp>
#include <mamba/ssm/orthogonal_polynomials.hpp>
#include <mamba/ssm/overlap_add.hpp>
#include <mamba/ssm/plane.hpp>
#include <mamba/ssm/reconstruction.hpp>
#include <mamba/ssm/recurrence.hpp>
#include <mamba/ssm/s4_step.hpp>
#include <mamba/ssm/s4d.hpp>
#include <mamba/ssm/scan.hpp>
#include <mamba/ssm/selective_inputs.hpp>
#include <mamba/ssm/selective_maps.hpp>
#include <mamba/ssm/selective_scan.hpp>
#include <mamba/ssm/transition.hpp>
#include <mamba/ssm/vandermonde_kernel.hpp>

#include <mamba/kernels/convolution/causal_conv1d.hpp>
#include <mamba/kernels/convolution/fft_convolution.hpp>
#include <mamba/kernels/convolution/right_angle_product.hpp>
#include <mamba/kernels/convolution/vandermonde_kernel.hpp>
#include <mamba/kernels/gemm/matmul.hpp>
#include <mamba/kernels/gemm/packed_matrix.hpp>
#include <mamba/kernels/quantization/activations.hpp>
#include <mamba/kernels/quantization/formats.hpp>
#include <mamba/kernels/quantization/least_squares.hpp>
#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/kernels/quantization/quantized_matrix.hpp>
#include <mamba/kernels/scan/channel_blocked.hpp>
#include <mamba/kernels/scan/chunked_recurrence.hpp>
#include <mamba/kernels/scan/complex_blocked.hpp>
#include <mamba/kernels/scan/diagonal_recurrence.hpp>
#include <mamba/kernels/scan/selective_scan.hpp>

#include <mamba/nn/causal_conv1d.hpp>
#include <mamba/nn/embedding.hpp>
#include <mamba/nn/format_policy.hpp>
#include <mamba/nn/linear.hpp>
#include <mamba/nn/mamba_block.hpp>
#include <mamba/nn/parameter.hpp>
#include <mamba/nn/rms_norm.hpp>
#include <mamba/nn/silu_gate.hpp>

#include <mamba/model/config.hpp>
#include <mamba/model/for_each_tensor.hpp>
#include <mamba/model/forward.hpp>
#include <mamba/model/outline.hpp>
#include <mamba/model/sampling.hpp>
#include <mamba/model/state.hpp>
#include <mamba/model/weights.hpp>
