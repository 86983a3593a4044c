// SPDX-License-Identifier: MIT
// model/growth.cpp — time and memory of forward() against length, width and layers; static against dynamic extents.
//
//     bench_growth [--small] [--rounds 3] [--out FOLDER]
//
// Roofline: L tokens through n layers of width d with 16 states need L·n·(6.25 d² + 64 d) multiply-adds and L·n·38 d
// exponentials: linear in L and n, and between linear and quadratic in d.
//
// One thread: a second one would change the slope at the parallel threshold. Memory is what the heap holds
// more after a call, state and workspace together, weights, tokens and logits not counted. A table goes to standard
// output and to FOLDER/growth.md, plots to FOLDER/growth.svg.
#include <model/extents.hpp>
#include <model/growth_table.hpp>
#include <model/heap_meter.hpp>
#include <support/arguments.hpp>

#include <algorithm>
#include <filesystem>

namespace {

using bench::growth_series;
using mamba::model::config;

/// One call to be timed, often enough to be seen by the clock.
class call {
 public:
  /// Reads once, so that the memory is known and the caches are warm.
  call(std::shared_ptr<bench::model_in<float>> model, double x, std::size_t tokens, bench::machine const& m)
      : model_(std::move(model)), tokens_(bench::some_tokens(tokens, model_->sizes.vocab_size)) {
    logits_ = decltype(logits_)(1, model_->sizes.vocab_size);
    point.x = x;
    point.done = bench::work_of_prompt(model_->work, false, tokens);
    point.floor = point.done.flops / m.at(1).multiply_add + point.done.exps / m.at(1).exp;
    std::size_t const before = bench::heap_in_use();
    bench::any_state memory(model_->sizes);
    mamba::model::workspace workspace;
    model_->forward(tokens_, memory, workspace, logits_.view());
    point.bytes = static_cast<double>(bench::heap_in_use() - before);
  }

  /// Seconds of one call, the mean of as many as fill 20 ms.
  double operator()() {
    bench::any_state memory(model_->sizes);
    double total = 0;
    std::size_t calls = 0;
    while (calls == 0 || total < 0.02) {
      memory.reset();
      total += bench::seconds_of([&] { model_->forward(tokens_, memory, workspace_, logits_.view()); });
      ++calls;
    }
    return total / static_cast<double>(calls);
  }

  bench::growth_point point;

 private:
  std::shared_ptr<bench::model_in<float>> model_;
  std::vector<bench::token> tokens_;
  mamba::model::workspace workspace_;
  mamba::tensor<float, mamba::dynamic, mamba::dynamic> logits_;
};

/// What grows, what stays.
struct series_plan {
  std::string what, fixed, meant;
  std::vector<std::size_t> values;
  config (*sizes)(std::size_t value);
  std::size_t (*length)(std::size_t value);
};

growth_series measured(series_plan const& plan, bench::machine const& m, std::size_t rounds) {
  std::fprintf(stderr, "against %s: %s\n", plan.what.c_str(), plan.fixed.c_str());
  mamba::parallel::set_thread_count(1);
  std::vector<call> calls;
  std::shared_ptr<bench::model_in<float>> model;  // the one before, where the sizes don't change
  for (std::size_t const value : plan.values) {
    config const sizes = plan.sizes(value);
    if (model == nullptr || model->sizes != sizes) model = std::make_shared<bench::model_in<float>>(sizes);
    calls.emplace_back(model, static_cast<double>(value), plan.length(value), m);
  }
  std::vector<std::function<double()>> contenders;
  for (call& c : calls) contenders.emplace_back([&c] { return c(); });
  std::vector<double> const seconds = bench::interleaved(rounds, contenders);
  growth_series s{plan.what, plan.fixed, plan.meant, {}};
  for (std::size_t i = 0; i < calls.size(); ++i) {
    calls[i].point.seconds = seconds[i];
    s.points.push_back(calls[i].point);
  }
  mamba::parallel::set_thread_count(m.threads);
  return s;
}

std::vector<std::size_t> doublings(std::size_t first, std::size_t last) {
  std::vector<std::size_t> values;
  for (std::size_t v = first; v <= last; v *= 2) values.push_back(v);
  return values;
}

constexpr std::size_t prompt = 512;
std::size_t itself(std::size_t value) { return value; }
std::size_t fixed_prompt(std::size_t) { return prompt; }

/// Each kind of growth: against L, against d_model, against layers.
std::vector<std::vector<series_plan>> plans(bool small) {
  std::string const linear = "Meant: 1.00 ± 0.05.";
  auto const constant = linear + " The workspace is bounded by " + std::to_string(mamba::model::chunk_rows) +
                        " tokens: from there on memory doesn't depend on L.";
  std::vector<std::vector<series_plan>> all{
      {{"L", "d_model 192, 6 layers", constant, doublings(128, small ? 512 : 1U << 17U),
        [](std::size_t) { return bench::small_model; }, itself}},
      {{"d_model", "4 layers, L 512",
        "Meant: between 1 and 2: scan, convolution and norms grow with d_model, products with its square.",
        doublings(64, small ? 128 : 2048),
        [](std::size_t d) { return config{.d_model = d, .n_layer = 4, .vocab_size = 256}; }, fixed_prompt}},
      {{"layers", "d_model 192, L 512", linear + " One workspace serves all layers; only the state grows with them.",
        doublings(1, small ? 4 : 64),
        [](std::size_t n) { return config{.d_model = 192, .n_layer = n, .vocab_size = 256}; }, fixed_prompt}}};
  if (!small) {
    all[0].push_back(
        {"L", "130m", constant, doublings(128, 8192), [](std::size_t) { return mamba::model::mamba_130m; }, itself});
  }
  return all;
}

/// Ends the program where memory grows with the length, from whole chunks on: the one check here that does not depend
/// on a clock.
void require_constant_memory(growth_series const& s) {
  auto const is_chunk = [](bench::growth_point const& p) { return p.x >= mamba::model::chunk_rows; };
  auto const first = std::find_if(s.points.begin(), s.points.end(), is_chunk);
  for (auto p = first; p != s.points.end(); ++p) {
    bench::require_near("memory of forward() at L = " + std::to_string(static_cast<std::size_t>(p->x)), 0, p->bytes,
                        first->bytes, 0.01 * first->bytes);
  }
}

void measure(bench::machine const& m, std::size_t rounds, std::filesystem::path const& out) {
  bool const small = m.size == bench::scale::small;
  bench::require_right(bench::model_in<float>(bench::small_model));
  std::string text = "# How forward() grows\n\n" + bench::in_words(m) + "\nOne thread, float, medians of " +
                     std::to_string(rounds) + " interleaved rounds.\n\n";
  std::vector<std::vector<growth_series>> kinds;
  for (auto const& kind : plans(small)) {
    kinds.emplace_back();
    for (series_plan const& plan : kind) {
      growth_series const s = measured(plan, m, rounds);
      if (plan.what == "L") require_constant_memory(s);
      text += bench::in_markdown(s);
      kinds.back().push_back(s);
      for (bench::growth_point const& p : s.points) {
        bench::add_measured(
            "growth/" + plan.what + ":" + std::to_string(static_cast<std::size_t>(p.x)) + "/" + plan.fixed, m, 1,
            p.done, p.seconds, p.floor);
      }
    }
  }
  text += bench::extents_in_markdown(m);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (out.empty()) return;
  examples::plot::write_whole(out / "growth.md", text);
  try {
    bench::drawn(kinds, bench::processor()).write(out / "growth.svg");
  } catch (mamba::error const& e) {
    if (!small) throw;
    std::fprintf(stderr, "%s\n", e.what());  // CI may lack gnuplot
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    bench::arguments given(argc, argv);
    given.explain("bench_growth [--small] [--rounds 3] [--out FOLDER], and Google Benchmark's options:\n\n");
    std::size_t const rounds = given.numbers("--rounds", given.has("--small") ? "1" : "3").front();
    std::filesystem::path const out = given.text("--out", "");
    if (!out.empty()) std::filesystem::create_directories(out);
    return bench::run(given.count(), given.values(), [&](bench::machine const& m) { measure(m, rounds, out); });
  } catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
