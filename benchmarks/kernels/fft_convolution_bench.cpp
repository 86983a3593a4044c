// SPDX-License-Identifier: MIT
// kernels/fft_convolution_bench.cpp — long causal convolutions of 256 channels, beside FFTW where that is installed.
//
// Roofline: a channel of n numbers takes three transforms of log₂n − 2 levels and products of four by four, which are
// (10 (log₂n − 2) + 19) n vector operations of W lanes, nearly all of them fused multiply-adds; FMA_% is their share.
// Transposing squares takes 24 n / W shuffles more, on one of the two ports. L 4096: 119 n, 125 M operations of
// one lane, 1.4 ms at 88 G/s; from memory 12.6 MB come and go, 0.8 ms. L 65536: 159 n, 30 ms and 13 ms.
//
// FFTW transforms real sequences padded to 2L, all channels of a thread in one plan (batched), sixteen at a time, and
// one by one (looped); FFTW_MEASURE. All variants are interleaved, call by call, kernel transformed in every call, and
// medians are compared: `ratio` is ours over the best of FFTW's.
#include <mamba/kernels/convolution/fft_convolution.hpp>
#include <mamba/ssm/convolution/causal_convolution.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/random.hpp>
#include <support/run.hpp>
#include <support/verify.hpp>

#include <algorithm>
#include <functional>
#include <memory>

#if defined(MAMBA_BENCH_HAS_FFTW)
#include <fftw3.h>
#endif

namespace {

using mamba::dynamic;
using mamba::kernels::channel_major;
using mamba::kernels::fft_convolution;
using mamba::kernels::kernel_spectrum;
template <class T>
using matrix = mamba::tensor<T, dynamic, dynamic>;

#if defined(MAMBA_BENCH_HAS_FFTW)
/// FFTW's convolution of the channels that one thread has, `batch` at a time.
class fftw_share {
 public:
  fftw_share(std::size_t L, std::size_t batch)
      : L_(L),
        batch_(batch),
        x_(fftwf_alloc_real(batch * 2 * L)),
        y_(fftwf_alloc_real(batch * 2 * L)),
        kernel_spectrum_(fftwf_alloc_complex(batch * (L + 1))),
        spectrum_(fftwf_alloc_complex(batch * (L + 1))) {
    int const n = static_cast<int>(2 * L), many = static_cast<int>(batch), bins = static_cast<int>(L + 1);
    forward_ = fftwf_plan_many_dft_r2c(1, &n, many, x_, nullptr, 1, n, spectrum_, nullptr, 1, bins, FFTW_MEASURE);
    back_ = fftwf_plan_many_dft_c2r(1, &n, many, spectrum_, nullptr, 1, bins, y_, nullptr, 1, n, FFTW_MEASURE);
    std::fill_n(x_, batch * 2 * L, 0.0F);  // planning has used the memory; the upper halves stay zero from here on
  }
  fftw_share(fftw_share const&) = delete;
  fftw_share& operator=(fftw_share const&) = delete;
  ~fftw_share() {
    fftwf_destroy_plan(forward_);
    fftwf_destroy_plan(back_);
    fftwf_free(x_);
    fftwf_free(y_);
    fftwf_free(kernel_spectrum_);
    fftwf_free(spectrum_);
  }

  /// Channels first … last−1, a multiple of the batch.
  void run(matrix<float> const& kernel, matrix<float> const& x, matrix<float>& y, std::size_t first, std::size_t last) {
    for (std::size_t d = first; d < last; d += batch_) {
      fill(kernel, d);
      fftwf_execute_dft_r2c(forward_, x_, kernel_spectrum_);
      fill(x, d);
      fftwf_execute_dft_r2c(forward_, x_, spectrum_);
      multiply(reinterpret_cast<float*>(spectrum_), reinterpret_cast<float const*>(kernel_spectrum_));
      fftwf_execute_dft_c2r(back_, spectrum_, y_);
      for (std::size_t i = 0; i < batch_; ++i) std::copy_n(y_ + i * 2 * L_, L_, &y(d + i, 0));
    }
  }

 private:
  void fill(matrix<float> const& from, std::size_t d) {
    for (std::size_t i = 0; i < batch_; ++i) std::copy_n(&from(d + i, 0), L_, x_ + i * 2 * L_);
  }

  void multiply(float* a, float const* b) const {
    float const scale = 0.5F / static_cast<float>(L_);
    for (std::size_t i = 0; i < 2 * batch_ * (L_ + 1); i += 2) {
      float const re = a[i] * b[i] - a[i + 1] * b[i + 1];
      float const im = a[i] * b[i + 1] + a[i + 1] * b[i];
      a[i] = re * scale;
      a[i + 1] = im * scale;
    }
  }

  std::size_t L_, batch_;
  float *x_, *y_;
  fftwf_complex *kernel_spectrum_, *spectrum_;
  fftwf_plan forward_, back_;
};

/// A share for each thread; the batch is the channels of a thread, sixteen, or one.
class fftw_convolution {
 public:
  fftw_convolution(std::size_t L, std::size_t D, std::size_t threads, std::size_t batch) : D_(D) {
    for (std::size_t i = 0; i < threads; ++i) shares_.push_back(std::make_unique<fftw_share>(L, batch));
  }
  void operator()(matrix<float> const& kernel, matrix<float> const& x, matrix<float>& y) {
    std::size_t const each = D_ / shares_.size();
    mamba::parallel::parallel_for(shares_.size(), mamba::parallel::cost::seconds(1),
                                  [&](std::size_t first, std::size_t last) {
                                    for (std::size_t i = first; i < last; ++i)
                                      shares_[i]->run(kernel, x, y, i * each, (i + 1) * each);
                                  });
  }

 private:
  std::size_t D_;
  std::vector<std::unique_ptr<fftw_share>> shares_;
};
#endif

/// Everything of one size; made, and checked, when its turn comes.
struct convolution_case {
  std::size_t L, D;
  std::string name;
  matrix<float> kernel, x, y;                 // [D, L]
  matrix<float> kernel_time, x_time, y_time;  // [L, D]
  fft_convolution<float> convolve;
  kernel_spectrum<float> known;
  matrix<double> exact;
  mamba::tensor<double, dynamic> allowed;  // for each channel

  convolution_case(std::string label, std::size_t length, std::size_t channels)
      : L(length),
        D(channels),
        name(std::move(label)),
        kernel(D, L),
        x(D, L),
        y(D, L),
        kernel_time(L, D),
        x_time(L, D),
        y_time(L, D),
        convolve(L),
        exact(D, L),
        allowed(D) {
    test::random rng(20220414);
    rng.fill(kernel.span(), -1, 1);
    rng.fill(x.span(), -1, 1);
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t k = 0; k < L; ++k) kernel_time(k, d) = kernel(d, k), x_time(k, d) = x(d, k);
    }
    known = convolve.spectrum(channel_major<float>{kernel});
    check();
  }

  void ours() {
    convolve({.kernel = channel_major<float>{kernel}, .x = channel_major<float>{x}}, channel_major<float>{y});
  }
  void reused() { convolve({.spectrum = known, .x = channel_major<float>{x}}, channel_major<float>{y}); }
  void time_major() { convolve({.kernel = kernel_time, .x = x_time}, y_time); }

  /// The reference, in double: the same algorithm over 2L, so that nothing is cut off, checked by the definition at
  /// some places; and from it what right_angle_convolution.hpp allows in each channel.
  void make_reference() {
    fft_convolution<double> wide(2 * L);
    matrix<double> row(1, 2 * L), taps(1, L), full(1, 2 * L);
    test::random rng(7);
    auto const n = static_cast<double>(convolve.size());
    for (std::size_t d = 0; d < D; ++d) {
      double sum_k = 0, sum_x = 0, sum_full = 0;
      for (std::size_t k = 0; k < L; ++k) {
        row(0, k) = static_cast<double>(x(d, k));
        taps(0, k) = static_cast<double>(kernel(d, k));
        sum_k += taps(0, k) * taps(0, k);
        sum_x += row(0, k) * row(0, k);
      }
      wide({.kernel = channel_major<double>{taps}, .x = channel_major<double>{row}}, channel_major<double>{full});
      for (double const v : full.span()) sum_full += v * v;
      std::copy_n(full.data(), L, &exact(d, 0));
      // ε is two unit roundoffs.
      allowed(d) = 2 * bench::unit * std::log2(n) * (10 * std::sqrt(sum_k * sum_x) + 2.5 * std::sqrt(sum_full));
      std::size_t const k = rng.below(L);
      double defined = 0;
      for (std::size_t j = 0; j <= k; ++j) defined += taps(0, j) * row(0, k - j);
      bench::require_near("the reference in double" + name, d, exact(d, k), defined, 1e-8 * allowed(d));
    }
  }

  void hold(std::string const& what) const {
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t k = 0; k < L; ++k) {
        bench::require_near(what + name, d * L + k, static_cast<double>(y(d, k)), exact(d, k), allowed(d));
      }
    }
  }

  void check() {
    make_reference();
    ours();
    hold("fft_convolution/ours");
    matrix<float> const first = y;
    y.fill(0);
    reused();
    bench::require_equal("fft_convolution/reused" + name, first == y);
    time_major();
    for (std::size_t d = 0; d < D; ++d) {
      for (std::size_t k = 0; k < L; ++k) y(d, k) = y_time(k, d);
    }
    bench::require_equal("fft_convolution/time_major" + name, first == y);
  }
};

double median(std::vector<double> seconds) {
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2), seconds.end());
  return seconds[seconds.size() / 2];
}

template <class F>
double seconds_of(F&& f) {
  auto const start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// One row: every variant once per iteration, in turn; Time is ours.
void take_turns(benchmark::State& state, bench::machine const& m, int threads, convolution_case& c) {
  mamba::parallel::set_thread_count(threads);
  struct variant {
    char const* name;
    std::function<void()> run;
    std::vector<double> seconds;
  };
  std::vector<variant> variants;
  variants.push_back({"ours_ms", [&] { c.ours(); }, {}});
  variants.push_back({"reused_ms", [&] { c.reused(); }, {}});
  variants.push_back({"time_major_ms", [&] { c.time_major(); }, {}});
#if defined(MAMBA_BENCH_HAS_FFTW)
  auto const shares = static_cast<std::size_t>(threads);
  if (c.D % (16 * shares) == 0) {
    std::size_t const batches[] = {c.D / shares, 16, 1};
    char const* const names[] = {"fftw_batched_ms", "fftw_sixteen_ms", "fftw_looped_ms"};
    for (std::size_t i = 0; i < 3; ++i) {
      auto const plan = std::make_shared<fftw_convolution>(c.L, c.D, shares, batches[i]);
      c.y.fill(0);
      (*plan)(c.kernel, c.x, c.y);
      c.hold(names[i]);
      variants.push_back({names[i], [plan, &c] { (*plan)(c.kernel, c.x, c.y); }, {}});
    }
  } else {
    state.SetLabel("no FFTW: its plans need a multiple of 16 channels a thread");
  }
#endif
  for (auto _ : state) {
    for (variant& v : variants) {
      v.seconds.push_back(seconds_of(v.run));
      benchmark::ClobberMemory();
    }
    state.SetIterationTime(variants[0].seconds.back());
  }
  mamba::parallel::set_thread_count(m.threads);
  double fftw = 0;
  for (std::size_t i = 0; i < variants.size(); ++i) {
    double const middle = median(variants[i].seconds);
    state.counters[variants[i].name] = 1e3 * middle;
    if (i >= 3) fftw = fftw == 0 ? middle : std::min(fftw, middle);
  }
  double const ours = median(variants[0].seconds);
  if (fftw > 0) state.counters["ratio"] = ours / fftw;
  auto const n = static_cast<double>(c.convolve.size());
  double const operations = static_cast<double>(c.D) * n * (10 * (std::log2(n) - 2) + 19);
  state.counters["FMA_%"] = 100 * 2 * operations / m.at(threads).multiply_add / ours;
  state.SetItemsProcessed(static_cast<std::int64_t>(c.L) * static_cast<std::int64_t>(state.iterations()));
}

void add_size(bench::machine const& m, std::size_t L, std::size_t D) {
  std::string const name = "/L:" + std::to_string(L) + "/D:" + std::to_string(D);
  for (int const threads : m.thread_counts()) {
    auto const run = [=](benchmark::State& state) {
      static std::unique_ptr<convolution_case> current;  // one at a time: the largest takes a gigabyte
      if (current == nullptr || current->name != name) {
        current.reset();
        current = std::make_unique<convolution_case>(name, L, D);
      }
      take_turns(state, m, threads, *current);
    };
    benchmark::RegisterBenchmark(("fft_convolution" + name + "/threads:" + std::to_string(threads)).c_str(), run)
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    if (m.size == bench::scale::small) {
      add_size(m, 300, 32);  // padded to 512
      add_size(m, 1024, 37);
      return;
    }
    for (std::size_t L = 1024; L <= 65536; L *= 2) add_size(m, L, 256);
  });
}
