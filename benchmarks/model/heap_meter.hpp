// SPDX-License-Identifier: MIT
// model/heap_meter.hpp — how many bytes of the heap are in use.
#pragma once

#include <cstddef>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace bench {

/// By the statistics of the C library; 0 where it has none.
inline std::size_t heap_in_use() {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  auto const all = mallinfo2();
  return all.uordblks + all.hblkhd;
#else
  return 0;
#endif
}

}  // namespace bench
