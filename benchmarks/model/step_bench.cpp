// SPDX-License-Identifier: MIT
// model/step_bench.cpp — one token at a time, as a model is when it talks.
//
// Roofline: every weight is read once per token. mamba-130m: 129 M weights, 517 MB in float, 260 in bfloat16: 18.5 and
// 9.3 ms at 28 GB/s, that is 54 and 108 tokens/s. The 256 MFLOP take 2.6 ms at 100 GFLOP/s, 0.7 M exponentials 0.2 ms.
// The small model has 1.6 M weights, 6.5 MB, which stay in a cache: there the arithmetic and the waking of threads
// count.
#include <support/model_case.hpp>

namespace {

template <class W>
void add_step(bench::machine const& m, std::string const& model, std::string const& format,
              mamba::model::config const& sizes) {
  for (int const threads : m.thread_counts()) {
    std::string const name = "step/" + model + "/" + format + "/threads:" + std::to_string(threads);
    bench::add(name, [=](benchmark::State& state) {
      auto& c = bench::latest_model<W>(sizes);
      double const operations = 2 * (c.work.weights + c.work.head_weights);
      bench::work const per_token{.tokens = 1,
                                  .bytes = c.work.bytes,
                                  .flops = mamba::block_format<W> ? 0 : operations,
                                  .exps = c.work.exps,
                                  .bytes_multiplied = mamba::block_format<W> ? operations : 0};
      bench::time(state, m, threads, per_token, [&] { mamba::model::step(c.weights, 7, c.memory, c.logits.span()); });
    });
  }
}

void add_plain_step(bench::machine const& m, std::string const& model, mamba::model::config const& sizes) {
  bench::add("step/" + model + "/plain_float", [=](benchmark::State& state) {
    auto& plain = bench::latest_plain_model(sizes);
    bench::time(state, m, 1, {.tokens = 1}, [&] { benchmark::DoNotOptimize(plain.step(7).data()); });
  });
}

void add_model(bench::machine const& m, std::string const& model, mamba::model::config const& sizes) {
  add_step<float>(m, model, "float", sizes);
  add_step<mamba::float16>(m, model, "float16", sizes);
  add_step<mamba::bfloat16>(m, model, "bfloat16", sizes);
  add_step<mamba::q8>(m, model, "q8", sizes);
  add_step<mamba::q4>(m, model, "q4", sizes);
  add_step<mamba::ternary>(m, model, "ternary", sizes);
  add_plain_step(m, model, sizes);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    add_model(m, "small", bench::small_model);
    if (m.size == bench::scale::full) add_model(m, "mamba_130m", mamba::model::mamba_130m);
  });
}
