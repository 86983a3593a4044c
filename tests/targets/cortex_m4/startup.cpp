// SPDX-License-Identifier: MIT
// What a Cortex-M4 needs before main(), and the C library below printf and malloc: semihosting, which qemu answers.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {

extern std::uint32_t stack_top, data_load, data_start, data_end, bss_start, bss_end, heap_start, heap_end;
void* __dso_handle = nullptr;
void __libc_init_array();
int application() asm("main");

/// One request to the host: ARM's "Semihosting for AArch32 and AArch64".
static int semihost(int operation, void const* argument) {
  register int r0 asm("r0") = operation;
  register void const* r1 asm("r1") = argument;
  asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

void _exit(int status) {
  std::uint32_t const block[] = {0x20026, static_cast<std::uint32_t>(status)};  // ADP_Stopped_ApplicationExit
  semihost(0x20, block);                                                        // SYS_EXIT_EXTENDED
  for (;;) {
  }
}

void fault() {
  char const text[] = "fault\n";
  semihost(4, text);  // SYS_WRITE0
  _exit(3);
}

void reset() {
  *reinterpret_cast<std::uint32_t volatile*>(0xe000ed88) = 0xfU << 20U;  // CPACR: the floating-point unit
  asm volatile("dsb\nisb");
  std::uint32_t const* from = &data_load;
  for (std::uint32_t* to = &data_start; to < &data_end;) *to++ = *from++;
  for (std::uint32_t* to = &bss_start; to < &bss_end;) *to++ = 0;
  __libc_init_array();
  std::exit(application());
}

using handler = void (*)();
__attribute__((section(".vectors"), used))
handler const vectors[16] = {reinterpret_cast<handler>(&stack_top), reset, fault, fault, fault, fault, fault};

int _write(int, char const* text, int size) {
  for (int i = 0; i < size; ++i) semihost(3, text + i);  // SYS_WRITEC
  return size;
}

void* _sbrk(std::ptrdiff_t more) {
  static char* end = reinterpret_cast<char*>(&heap_start);
  if (more > reinterpret_cast<char*>(&heap_end) - end) return reinterpret_cast<void*>(-1);
  char* const old = end;
  end += more;
  return old;
}

int _read(int, char*, int) { return 0; }
int _close(int) { return -1; }
int _lseek(int, int, int) { return 0; }
int _fstat(int, void*) { return -1; }
int _isatty(int) { return 1; }
int _kill(int, int) { return -1; }
int _getpid() { return 1; }
void _init() {}
void _fini() {}

}  // extern "C"
