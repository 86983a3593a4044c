// SPDX-License-Identifier: MIT
// tests/support/stack_use.hpp — how many bytes of stack a call touches: it runs on a painted stack.
#pragma once

#include <pthread.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstring>
#include <stdexcept>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_STACK_IS_MEASURABLE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TEST_STACK_IS_MEASURABLE 0
#endif
#endif
#if !defined(TEST_STACK_IS_MEASURABLE) && !defined(__OPTIMIZE__)
#define TEST_STACK_IS_MEASURABLE 0  // without optimisation every inlined function has a frame
#endif
#ifndef TEST_STACK_IS_MEASURABLE
#define TEST_STACK_IS_MEASURABLE 1
#endif

namespace test {

/// Bytes of stack that f() touches at most, over those of a thread that does nothing. f is called twice: the first call
/// pays for the dynamic linker, which saves all registers.
template <class F>
[[nodiscard]] std::size_t stack_use(F&& f) {
  constexpr std::size_t size = std::size_t{1} << 20U;
  constexpr unsigned char paint = 0xa7;
  auto const touched = [&](void* (*run)(void*), void* argument) {
    void* const memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("stack_use: no memory");
    std::memset(memory, paint, size);
    pthread_attr_t attributes;
    pthread_t thread;
    bool const ran = pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, memory, size) == 0 &&
                     pthread_create(&thread, &attributes, run, argument) == 0 && pthread_join(thread, nullptr) == 0;
    std::size_t untouched = 0;
    while (untouched < size && static_cast<unsigned char const*>(memory)[untouched] == paint) ++untouched;
    pthread_attr_destroy(&attributes);
    munmap(memory, size);
    if (!ran) throw std::runtime_error("stack_use: no thread");
    return size - untouched;
  };
  using function = std::remove_reference_t<F>;
  f();
  auto const nothing = touched([](void*) -> void* { return nullptr; }, nullptr);
  auto const all = touched(
      [](void* p) -> void* {
        (*static_cast<function*>(p))();
        return nullptr;
      },
      &f);
  return all > nothing ? all - nothing : 0;
}

}  // namespace test
