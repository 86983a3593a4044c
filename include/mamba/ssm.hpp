// SPDX-License-Identifier: MIT
// mamba/ssm.hpp — every public header of ssm/, nothing else: from a differential equation to the selective scan.
//
// README.md in ssm/ shows how each function is called.
#pragma once

#include <mamba/ssm/convolution/cauchy_kernel.hpp>
#include <mamba/ssm/convolution/causal_convolution.hpp>
#include <mamba/ssm/convolution/chunk_convolution.hpp>
#include <mamba/ssm/convolution/convolution.hpp>
#include <mamba/ssm/convolution/fft_convolution.hpp>
#include <mamba/ssm/convolution/fourier_transform.hpp>
#include <mamba/ssm/convolution/generating_function.hpp>
#include <mamba/ssm/convolution/krylov_kernel.hpp>
#include <mamba/ssm/convolution/overlap_add.hpp>
#include <mamba/ssm/convolution/vandermonde_kernel.hpp>
#include <mamba/ssm/discretize/dense_rules.hpp>
#include <mamba/ssm/discretize/discretize.hpp>
#include <mamba/ssm/discretize/low_rank_rules.hpp>
#include <mamba/ssm/discretize/matrix_exponential.hpp>
#include <mamba/ssm/discretize/plane.hpp>
#include <mamba/ssm/discretize/rules.hpp>
#include <mamba/ssm/discretize/s4_step.hpp>
#include <mamba/ssm/hippo/fourier.hpp>
#include <mamba/ssm/hippo/laguerre.hpp>
#include <mamba/ssm/hippo/legendre.hpp>
#include <mamba/ssm/hippo/low_rank.hpp>
#include <mamba/ssm/hippo/nplr.hpp>
#include <mamba/ssm/hippo/orthogonal_polynomials.hpp>
#include <mamba/ssm/hippo/reconstruction.hpp>
#include <mamba/ssm/hippo/s4d.hpp>
#include <mamba/ssm/hippo/s4d_modes.hpp>
#include <mamba/ssm/hippo/state.hpp>
#include <mamba/ssm/scan/affine.hpp>
#include <mamba/ssm/scan/diagonal_recurrence.hpp>
#include <mamba/ssm/scan/intermediate_states.hpp>
#include <mamba/ssm/scan/irregular.hpp>
#include <mamba/ssm/scan/recurrence.hpp>
#include <mamba/ssm/scan/scan.hpp>
#include <mamba/ssm/selective/selective_inputs.hpp>
#include <mamba/ssm/selective/selective_maps.hpp>
#include <mamba/ssm/selective/selective_scan.hpp>
#include <mamba/ssm/systems/change_basis.hpp>
#include <mamba/ssm/systems/continuous.hpp>
#include <mamba/ssm/systems/discrete.hpp>
#include <mamba/ssm/systems/matrix.hpp>
#include <mamba/ssm/systems/modes.hpp>
#include <mamba/ssm/systems/scalar.hpp>
#include <mamba/ssm/systems/structured_matrix.hpp>
#include <mamba/ssm/systems/transition.hpp>
