// SPDX-License-Identifier: MIT
// EXPECT: (float const|const float)
// What is read-only stays read-only: a view of const numbers doesn't become a view of mutable ones.
#include <mamba/tensor/view.hpp>

#ifdef CORRECTED
mamba::matrix_view<float const> same(mamba::matrix_view<float> v) { return v; }
#else
mamba::matrix_view<float> same(mamba::matrix_view<float const> v) { return v; }
#endif
