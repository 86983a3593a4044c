// SPDX-License-Identifier: MIT
// Runs every unit that this machine can run, and checks that each is its own copy and that all results agree.
#include "mixed.hpp"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

mixed_report report_plain_serial();
mixed_report report_plain_checked();
mixed_report report_plain_threads();
mixed_report report_haswell_serial();
mixed_report report_haswell_threads();

namespace {

int faults = 0;

void expect(bool condition, std::string const& sentence) {
  if (condition) return;
  ++faults;
  std::printf("FAILED: %s\n", sentence.c_str());
}

bool contains(char const* text, char const* part) { return std::strstr(text, part) != nullptr; }

struct run {
  std::string name;
  mixed_report report;
};

[[maybe_unused]] bool this_machine_runs_haswell_code() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
#else
  return false;
#endif
}

std::vector<run> run_all() {
  std::vector<run> all;
#ifdef MIXED_HAS_haswell_threads
  // First those with the larger instruction set: had the linker merged functions, the others would run code of theirs.
  if (this_machine_runs_haswell_code()) {
    all.push_back({"haswell_serial", report_haswell_serial()});
    all.push_back({"haswell_threads", report_haswell_threads()});
  }
#endif
#ifdef MIXED_HAS_plain_checked
  all.push_back({"plain_checked", report_plain_checked()});
#endif
  all.push_back({"plain_serial", report_plain_serial()});
  all.push_back({"plain_threads", report_plain_threads()});
  return all;
}

void look_at(run const& one) {
  mixed_report const& r = one.report;
  std::printf("%-16s %s\n", one.name.c_str(), r.abi);
  expect(r.lanes == r.compiled_lanes, one.name + " runs batches of another instruction set");
  expect(contains(r.abi, "openmp") == r.compiled_openmp,
         one.name + " was compiled with other threads than its ABI says");
  expect(contains(r.abi, "_checked") == r.expects_checks, one.name + " has another contract mode than its ABI says");
  expect(r.checks_contracts == r.expects_checks, one.name + " checks contracts, or doesn't, against its flags");
  if (one.name.find("haswell") == 0) expect(contains(r.abi, "avx2_fma"), one.name + ": the ABI must name avx2 and fma");
  for (int i = 0; i < 64; ++i) {
    // math::exp promises 1.05 ulp, and float has 24 bits.
    double const exact = std::exp(static_cast<double>(i) - 31.5);
    expect(std::fabs(static_cast<double>(r.exps[i]) - exact) <= 1.05 * 0x1p-23 * exact, one.name + ": exp is wrong");
  }
}

/// The ABI name without its last part, which is serial or openmp.
std::string without_threads(char const* abi) {
  std::string const text = abi;
  return text.substr(0, text.rfind('_'));
}

void compare(run const& a, run const& b) {
  std::string const pair = a.name + " and " + b.name;
  expect(std::strcmp(a.report.abi, b.report.abi) != 0, pair + " have the same ABI name");
  expect(a.report.function != b.report.function && a.report.model_memory != b.report.model_memory,
         pair + " share functions");
  if (without_threads(a.report.abi) == without_threads(b.report.abi)) {
    expect(std::memcmp(a.report.logits, b.report.logits, sizeof a.report.logits) == 0,
           pair + " differ in threads only, but their logits differ in bits");
  }
  // Two layers of width 24 to 48, weights below ½ and RMS-normed inputs: sums of 48 terms, each off by less than 48 ε
  // of logits near 4, so a difference of 2e-4 means other code, not other rounding.
  double largest = 0;
  for (int i = 0; i < 40; ++i) largest = std::fmax(largest, std::fabs(double(a.report.logits[i] - b.report.logits[i])));
  expect(largest < 2e-4, pair + " compute different logits: " + std::to_string(largest));
}

}  // namespace

int main() {
  std::vector<run> const all = run_all();
  for (run const& one : all) look_at(one);
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = i + 1; j < all.size(); ++j) compare(all[i], all[j]);
  }
  std::printf("%d faults in %d units\n", faults, static_cast<int>(all.size()));
  return faults == 0 ? 0 : 1;
}
