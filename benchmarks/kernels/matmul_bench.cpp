// SPDX-License-Identifier: MIT
// kernels/matmul_bench.cpp — y = x Wᵀ on the shapes of mamba-130m: packed panels in each format, Eigen's, a plain loop.
//
// Roofline: 2 operations per weight and token, 4, 2, 17/16, 5/8 or 5/16 bytes per weight. One token of float does
// half a FLOP per byte: reading is the bound (9.4 MB of 768→3072, 0.55 ms at 17 GB/s, 34 times what the multiply-adds
// take at 100 GFLOP/s). The two are equal at about 12 tokens in float and 6 in bfloat16; with 128 or 512 tokens the FMA
// peak is.
//
// Between two uses of one matrix a model reads all its others. So up to 12 tokens walk through copies of the matrix
// that fill half a gigabyte, the weights of the whole 130m, and no copy is still in a cache when it is used again
// (unless the last-level cache is that large).
//
// The loss of partial tiles (full: 6 tokens with AVX2, 12 with AVX-512, of bytes 7 or 8) shows where reading is not the
// bound: the rows called "resident" use one copy, which stays in the last-level cache, and have the time per token.
#include <mamba/kernels/quantization/quantized_matmul.hpp>
#include <mamba/tensor/eigen.hpp>
#include <mamba/tensor/tensor.hpp>
#include <support/random.hpp>
#include <support/run.hpp>
#include <support/verify.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <vector>

namespace {

using mamba::dynamic;
using matrix = mamba::tensor<float, dynamic, dynamic>;
using mamba::kernels::quantized_buffer;

/// The kind of a row of the table.
struct shape {
  std::size_t tokens, in, out;
  bool resident = false;  ///< in a cache already
  [[nodiscard]] std::string name() const {
    return std::string(resident ? "/resident" : "") + "/tokens:" + std::to_string(tokens) +
           "/in:" + std::to_string(in) + "/out:" + std::to_string(out);
  }
};

/// Row-major weights [out, in], as a checkpoint has them.
struct plain_weights {
  explicit plain_weights(shape const& s) : w(s.out, s.in) {
    test::random rng(s.in * 1000003 + s.out);
    rng.fill(w.span(), -1, 1);
  }
  void multiply(matrix const& x, matrix& y, quantized_buffer&) const {
    for (std::size_t t = 0; t < x.extent(0); ++t) {
      for (std::size_t o = 0; o < w.extent(0); ++o) {
        float sum = 0;
        for (std::size_t k = 0; k < w.extent(1); ++k) sum += x(t, k) * w(o, k);
        y(t, o) = sum;
      }
    }
  }
  [[nodiscard]] std::size_t bytes() const { return w.size() * sizeof(float); }
  matrix w;
};

/// The same for Eigen, whose expression is one line.
struct eigen_weights : plain_weights {
  using plain_weights::plain_weights;
  void multiply(matrix const& x, matrix& y, quantized_buffer&) const {
    mamba::as_eigen(y.view()).noalias() = mamba::as_eigen(x.view()) * mamba::as_eigen(w.view()).transpose();
  }
};

/// Ours in storage format W. With a block format, rounding x to 8 bits is part of the product.
template <class W>
struct packed_weights {
  explicit packed_weights(shape const& s) : w(s.out, s.in) {
    plain_weights const plain(s);
    for (std::size_t o = 0; o < s.out; ++o) w.set_row(o, plain.w.view().row(o));
  }
  void multiply(matrix const& x, matrix& y, quantized_buffer& quantized) const {
    mamba::matrix_view<float> const out(y.view());
    mamba::matrix_view<float const> const in(x.view());
    if constexpr (mamba::block_format<W>) {
      quantized.assign(in);
      mamba::kernels::matmul(quantized, w, std::span<float const>{}, out);
    } else {
      mamba::kernels::matmul(in, w, std::span<float const>{}, out);
    }
  }
  [[nodiscard]] std::size_t bytes() const { return w.bytes(); }
  mamba::kernels::packed_matrix<W> w;
};

/// Rounded to the storage format, for the reference.
void widen(plain_weights const& from, std::size_t o, std::span<float> row) {
  std::copy_n(&from.w(o, 0), row.size(), row.begin());
}
template <class W>
void widen(packed_weights<W> const& from, std::size_t o, std::span<float> row) {
  from.w.get_row(o, row);
}

/// x as the reference reads it: itself, or quantised to 8 bits.
template <class Weights>
matrix multiplied(Weights const&, matrix const& x, quantized_buffer const&) {
  return x;
}
template <mamba::block_format W>
matrix multiplied(packed_weights<W> const&, matrix const& x, quantized_buffer const& quantized) {
  matrix out = x;
  for (std::size_t t = 0; t < x.extent(0); ++t) {
    for (std::size_t k = 0; k < x.extent(1); ++k) {
      auto const& block = quantized.row(t)[k / mamba::activation_block_size];
      out(t, k) = block.scale * static_cast<float>(block.c[k % mamba::activation_block_size]);
    }
  }
  return out;
}

/// Against double, with the bound of recursive summation: |Δy| ≤ in·u·Σ|x||W|, whatever the order of the sum. Of large
/// products every seventh output is checked, which covers every lane.
template <class Weights>
void check(std::string const& what, Weights const& weights, matrix const& x, matrix const& y,
           quantized_buffer const& quantized) {
  std::size_t const tokens = x.extent(0);
  std::size_t const in = x.extent(1);
  matrix const with = multiplied(weights, x, quantized);
  std::vector<double> columns(in * tokens);  // x transposed: the loop over tokens has no dependence, so it is not slow
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t k = 0; k < in; ++k) columns[k * tokens + t] = static_cast<double>(with(t, k));
  }
  std::vector<float> row(in);
  std::vector<double> sum(tokens);
  std::vector<double> size(tokens);
  std::size_t const step = tokens * in * y.extent(1) >> 32U == 0 ? 1 : 7;
  for (std::size_t o = 0; o < y.extent(1); o += step) {
    widen(weights, o, row);
    std::fill(sum.begin(), sum.end(), 0.0);
    std::fill(size.begin(), size.end(), 0.0);
    for (std::size_t k = 0; k < in; ++k) {
      auto const w = static_cast<double>(row[k]);
      double const* const column = columns.data() + k * tokens;
      for (std::size_t t = 0; t < tokens; ++t) {
        sum[t] += w * column[t];
        size[t] += std::fabs(w * column[t]);
      }
    }
    for (std::size_t t = 0; t < tokens; ++t) {
      bench::require_near(what, t * y.extent(1) + o, static_cast<double>(y(t, o)), sum[t],
                          static_cast<double>(in) * bench::unit * size[t]);
    }
  }
}

/// One matrix, as many copies as keep the caches cold, and which numbers of tokens have been checked with it.
template <class Weights>
struct product_case {
  explicit product_case(shape const& s, std::size_t copies) : weights(copies, Weights(s)) {}

  void prepare(std::string const& what, shape const& s) {
    x = matrix(s.tokens, s.in);
    y = matrix(s.tokens, s.out);
    quantized = quantized_buffer(s.tokens, s.in);
    test::random rng(s.tokens);
    rng.fill(x.span(), -1, 1);
    if (!checked.insert(s.tokens).second) return;
    weights.back().multiply(x, y, quantized);
    check(what, weights.back(), x, y, quantized);
  }
  void next() {
    weights[turn].multiply(x, y, quantized);
    turn = turn + 1 == weights.size() ? 0 : turn + 1;
  }

  std::vector<Weights> weights;
  matrix x, y;
  quantized_buffer quantized;
  std::set<std::size_t> checked;
  std::size_t turn = 0;
};

/// Only the last case is kept: half a gigabyte each would add up.
template <class Weights>
product_case<Weights>& latest(shape const& s, std::size_t copies) {
  static std::unique_ptr<product_case<Weights>> kept;
  static std::string key;
  std::string const wanted = shape{copies, s.in, s.out}.name();
  if (key != wanted) {
    kept.reset();
    kept = std::make_unique<product_case<Weights>>(s, copies);
    key = wanted;
  }
  return *kept;
}

template <class Weights>
void add_product(bench::machine const& m, std::string const& kind, shape const& s, double weight_size,
                 std::vector<int> const& thread_counts, bool of_bytes = false) {
  auto const bytes = static_cast<std::size_t>(weight_size * static_cast<double>(s.in * s.out));
  constexpr std::size_t half_a_gigabyte = std::size_t{1} << 29U;
  bool const cold = m.size == bench::scale::full && s.tokens <= 12 && !s.resident;
  std::size_t const copies = cold ? half_a_gigabyte / bytes + 1 : 1;
  auto const products = static_cast<double>(s.tokens * s.in * s.out);
  bench::work const per_call{.tokens = static_cast<double>(s.tokens),
                             .bytes = static_cast<double>(bytes),
                             .flops = of_bytes ? 0 : 2 * products,
                             .bytes_multiplied = of_bytes ? 2 * products : 0};
  for (int const threads : thread_counts) {
    std::string const name = "matmul/" + kind + s.name() + "/threads:" + std::to_string(threads);
    bench::add(name, [=](benchmark::State& state) {
      auto& c = latest<Weights>(s, copies);
      c.prepare(name, s);
      bench::time(state, m, threads, per_call, [&] { c.next(); });
      auto const seconds_per = benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert;
      state.counters["s_per_token"] = benchmark::Counter(per_call.tokens, seconds_per);
    });
  }
}

/// Ours in every format.
void add_formats(bench::machine const& m, shape const& s, std::vector<int> const& thread_counts) {
  add_product<packed_weights<float>>(m, "ours_float", s, sizeof(float), thread_counts);
  add_product<packed_weights<mamba::float16>>(m, "ours_float16", s, 2, thread_counts);
  add_product<packed_weights<mamba::bfloat16>>(m, "ours_bfloat16", s, 2, thread_counts);
  add_product<packed_weights<mamba::q8>>(m, "ours_q8", s, 8.5 / 8, thread_counts, true);
  add_product<packed_weights<mamba::q4>>(m, "ours_q4", s, 5.0 / 8, thread_counts, true);
  add_product<packed_weights<mamba::ternary>>(m, "ours_ternary", s, 2.5 / 8, thread_counts, true);
}

void add_shape(bench::machine const& m, shape const& s) {
  add_formats(m, s, m.thread_counts());
  add_product<eigen_weights>(m, "eigen_float", s, sizeof(float), m.thread_counts());
  add_product<plain_weights>(m, "plain_float", s, sizeof(float), {1});
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    if (m.size == bench::scale::small) {
      for (std::size_t const tokens : {1U, 5U, 6U, 13U, 29U}) add_shape(m, {tokens, 131, 301});
      return;
    }
    for (std::size_t const tokens : {1U, 5U, 6U, 7U, 12U, 13U, 24U}) add_formats(m, {tokens, 768, 3072, true}, {1});
    for (std::size_t const tokens : {1U, 6U, 12U, 128U, 512U}) add_shape(m, {tokens, 768, 3072});  // in_proj
    add_formats(m, {512, 2048, 8192}, m.thread_counts());                                          // in_proj of 1.4b
    for (std::size_t const tokens : {1U, 6U, 12U, 128U, 512U}) add_shape(m, {tokens, 1536, 768});  // out_proj
    add_shape(m, {1, 768, 50280});                                                                 // the head
  });
}
