// SPDX-License-Identifier: MIT
// EXPECT: view: a view has at least one axis
#include <mamba/tensor/view.hpp>

#ifdef CORRECTED
template class mamba::view<float, 1>;
#else
template class mamba::view<float>;
#endif
