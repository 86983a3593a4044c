// SPDX-License-Identifier: MIT
// EXPECT: ignoring.*nodiscard
// FLAGS: -Werror
// A temporary ends before any work begins.
#include <mamba/parallel/executor.hpp>

void use(mamba::parallel::executor& pool) {
#ifdef CORRECTED
  mamba::parallel::use_executor const kept(pool);
#else
  mamba::parallel::use_executor{pool};
#endif
}
