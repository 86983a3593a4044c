// SPDX-License-Identifier: MIT
// model/forward_bench.cpp — a prompt at once, the logits of its last token wanted.
//
// Roofline: mamba-130m has 90 M weights in its layers, so 179 MFLOP per token: 0.92 ms at 190 GFLOP/s, 1060 tokens/s.
// The scan adds 0.6 M exponentials per token, 0.1 ms at 6.2 Gexp/s, one after the other with the products: a tenth.
// Reading 517 MB once per 128 tokens is 0.15 ms a token at 28 GB/s.
#include <support/model_case.hpp>

namespace {

template <class W>
void add_forward(bench::machine const& m, std::string const& model, std::string const& format,
                 mamba::model::config const& sizes, std::size_t length) {
  for (int const threads : m.thread_counts()) {
    std::string const name =
        "forward/" + model + "/" + format + "/L:" + std::to_string(length) + "/threads:" + std::to_string(threads);
    bench::add(name, [=](benchmark::State& state) {
      auto& c = bench::latest_model<W>(sizes);
      std::vector<bench::token> const tokens = bench::some_tokens(length, sizes.vocab_size);
      auto const count = static_cast<double>(length);
      auto const chunks = std::ceil(count / static_cast<double>(mamba::model::chunk_tokens));
      double const operations = 2 * (count * c.work.weights + c.work.head_weights);
      bench::work const per_call{.tokens = count,
                                 .bytes = c.work.bytes * chunks,
                                 .flops = mamba::block_format<W> ? 0 : operations,
                                 .exps = count * c.work.exps,
                                 .bytes_multiplied = mamba::block_format<W> ? operations : 0};
      bench::time(state, m, threads, per_call, [&] {
        mamba::model::forward(c.weights, std::span<bench::token const>(tokens), c.memory,
                              mamba::matrix_view<float>(c.logits.view()));
      });
    });
  }
}

void add_plain_forward(bench::machine const& m, std::string const& model, mamba::model::config const& sizes,
                       std::size_t length) {
  bench::add("forward/" + model + "/plain_float/L:" + std::to_string(length), [=](benchmark::State& state) {
    auto& plain = bench::latest_plain_model(sizes);
    std::vector<bench::token> const tokens = bench::some_tokens(length, sizes.vocab_size);
    bench::time(state, m, 1, {.tokens = static_cast<double>(length)}, [&] {
      for (bench::token const t : tokens) benchmark::DoNotOptimize(plain.step(t).data());
    });
  });
}

void add_model(bench::machine const& m, std::string const& model, mamba::model::config const& sizes,
               std::vector<std::size_t> const& lengths) {
  for (std::size_t const length : lengths) add_forward<float>(m, model, "float", sizes, length);
  for (std::size_t const length : lengths) add_forward<mamba::float16>(m, model, "float16", sizes, length);
  for (std::size_t const length : lengths) add_forward<mamba::bfloat16>(m, model, "bfloat16", sizes, length);
  for (std::size_t const length : lengths) add_forward<mamba::q8>(m, model, "q8", sizes, length);
  for (std::size_t const length : lengths) add_forward<mamba::q4>(m, model, "q4", sizes, length);
  for (std::size_t const length : lengths) add_forward<mamba::ternary>(m, model, "ternary", sizes, length);
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(argc, argv, [](bench::machine const& m) {
    if (m.size == bench::scale::small) {
      add_model(m, "small", bench::small_model, {13, 131});
      add_plain_forward(m, "small", bench::small_model, 13);
      return;
    }
    add_model(m, "small", bench::small_model, {128, 512});
    add_plain_forward(m, "small", bench::small_model, 128);
    add_model(m, "mamba_130m", mamba::model::mamba_130m, {128, 512});
    add_plain_forward(m, "mamba_130m", mamba::model::mamba_130m, 4);  // more would take half an hour
  });
}
