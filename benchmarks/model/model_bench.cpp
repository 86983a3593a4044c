// SPDX-License-Identifier: MIT
// model/model_bench.cpp — whole models: a prompt read at once, then tokens one after the other, in every format.
//
//     bench_model [--small] [--shapes narrow,small,130m,370m,1.4b] [--formats f32,f16,bf16,q8,q4,ternary]
//                 [--prompts 512,2048] [--generate 128] [--rounds 3] [--threads 1,2] [--out FOLDER]
//     bench_model --batches 1,2,4,8,16,32,64 [--shapes 130m] [--formats f32,bf16,q8,q4] [--rounds 3] [--out FOLDER]
//
// Roofline: mamba-130m has 90 M weights in its layers, so 179 MFLOP per token of a prompt: 0.92 ms at 190 GFLOP/s; its
// scan and gates add 0.7 M exponentials, 0.1 ms at 6.2 Gexp/s. Generating reads 129 M weights per token, 517 MB in
// float, 260 in 16 bits: 18.5 and 9.3 ms at 28 GB/s, that is 54 and 108 tokens/s.
//
// In each round every format does everything with every number of threads, once; the table has medians over rounds. It
// goes to standard output and to FOLDER/model_<shape>.md. Google Benchmark's lines (and JSON) repeat the medians, with
// their counters: its filters choose among figures that have all been measured.
#include <mamba/io/formats.hpp>
#include <model/batch_table.hpp>
#include <model/results.hpp>
#include <support/arguments.hpp>
#include <support/gnuplot.hpp>
#include <support/interleaved.hpp>
#include <support/model_case.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

using bench::any_model;
using bench::token;
using mamba::model::config;

/// A weight format by its name; io::visit_format leads to its type.
struct format {
  std::string name;

  template <class F>
  [[nodiscard]] auto visit(F&& f) const {
    return mamba::io::visit_format<mamba::io::file_formats>(name, std::forward<F>(f));
  }
  [[nodiscard]] std::unique_ptr<any_model> make(config const& sizes) const {
    return visit([&]<class W>(std::type_identity<W>) -> std::unique_ptr<any_model> {
      return std::make_unique<bench::model_in<W>>(sizes);
    });
  }
  /// Bits of a weight.
  [[nodiscard]] double bits() const {
    return visit([]<class W>(std::type_identity<W>) {
      constexpr std::size_t extent = 1024;  // whole panels of whole blocks, in every format
      mamba::kernels::packed_matrix<W> const some(extent, extent);
      return 8 * static_cast<double>(some.bytes()) / static_cast<double>(extent * extent);
    });
  }
};

/// The options.
struct plan {
  std::vector<examples::shape> shapes;
  std::vector<format> used;
  std::vector<bench::task> tasks;
  std::vector<int> threads;
  std::size_t rounds = 1;
  std::vector<std::size_t> batches;  ///< numbers of sequences; not empty: nothing else is timed, but with --small
  std::filesystem::path out;         ///< empty: no file
};

plan read_plan(bench::arguments& given) {
  bool const small = given.has("--small");
  std::vector<examples::shape> shapes{{"narrow", bench::narrow_model}, {"small", bench::small_model}};
  shapes.insert(shapes.end(), examples::published_shapes.begin(), examples::published_shapes.end());
  std::vector<std::string> shape_names;
  for (auto const& s : shapes) shape_names.emplace_back(s.name);
  plan p;
  for (auto const& name : given.words("--shapes", small ? "small" : "130m", shape_names)) {
    for (auto const& s : shapes) {
      if (s.name == name) p.shapes.push_back(s);
    }
  }
  for (auto const& name : bench::parts(given.text("--formats", "f32,f16,bf16,q8,q4,ternary"))) {
    p.used.push_back({name});
    static_cast<void>(p.used.back().bits());  // throws where there is no such format
  }
  for (auto const n : given.numbers("--prompts", small ? "13,131" : "512,2048")) p.tasks.push_back({false, n});
  for (auto const n : given.numbers("--generate", small ? "5" : "128")) p.tasks.push_back({true, n});
  p.rounds = given.numbers("--rounds", small ? "1" : "3").front();
  int const all = mamba::parallel::thread_count();
  p.threads = given.numbers<int>("--threads", all > 1 ? "1," + std::to_string(all) : "1");
  bool const only_batches = given.has("--batches");
  if (only_batches || small) p.batches = given.numbers("--batches", "1,3");
  if (only_batches) p.tasks.clear();
  p.out = given.text("--out", "");
  return p;
}

/// The memory of the weights, approximately.
double expected_bytes(config const& sizes, double bits) {
  double numbers = 0;
  mamba::model::for_each_tensor(mamba::model::manifest<>(sizes),
                                [&](std::string const&, std::span<std::size_t const> shape, auto const&) {
                                  double size = 1;
                                  for (std::size_t const extent : shape) size *= static_cast<double>(extent);
                                  numbers += size;
                                });
  return numbers * bits / 8;
}

/// Available memory in bytes; 0 where it is not known.
double available_bytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    double kibibytes = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %lf kB", &kibibytes) == 1) return 1024 * kibibytes;
  }
  return 0;
}

/// Thirty-two maxima side by side, which compilers make vectors of: 11 µs for 50280 logits. std::max_element takes 70,
/// a thirtieth of a whole step of mamba-130m in ternary.
token most_probable(std::span<float const> logits) {
  std::array<float, 32> columns;
  columns.fill(logits[0]);
  std::size_t i = 0;
  for (; i + columns.size() <= logits.size(); i += columns.size()) {
    for (std::size_t j = 0; j < columns.size(); ++j) {
      float const v = logits[i + j];
      columns[j] = v > columns[j] ? v : columns[j];  // not std::max, which g++ 12 leaves in single steps
    }
  }
  float largest = *std::max_element(columns.begin(), columns.end());
  for (; i < logits.size(); ++i) largest = std::max(largest, logits[i]);
  return static_cast<token>(std::find(logits.begin(), logits.end(), largest) - logits.begin());
}

/// The parts that the models of one shape share: they are measured one at a time.
struct desk {
  desk(config const& sizes, std::vector<bench::task> const& tasks) : memory(sizes), logits(1, sizes.vocab_size) {
    std::size_t longest = mamba::model::chunk_rows;
    for (bench::task const& t : tasks) longest = std::max(longest, t.tokens);
    prompt = bench::some_tokens(longest, sizes.vocab_size);
  }

  /// From a fresh state to the logits of the last token.
  void read(any_model const& model, std::size_t count) {
    memory.reset();
    model.forward(std::span<token const>(prompt).first(count), memory, workspace, logits.view());
  }
  /// From where the last prompt or generation ended.
  void generate(any_model const& model, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) model.step(most_probable(logits.span()), memory, workspace, logits.span());
  }
  double seconds(any_model const& model, bench::column const& c) {
    mamba::parallel::set_thread_count(c.threads);
    return bench::seconds_of([&] { c.what.generates ? generate(model, c.what.tokens) : read(model, c.what.tokens); });
  }

  bench::any_state memory;
  mamba::model::workspace workspace;  ///< grown by what is timed first: the first round does not count
  mamba::tensor<float, mamba::dynamic, mamba::dynamic> logits;
  std::vector<token> prompt;
};

bench::work work_of(any_model const& model, bench::task const& t) {
  return t.generates ? bench::work_of_steps(model.work, model.blocks, t.tokens)
                     : bench::work_of_prompt(model.work, model.blocks, t.tokens);
}

/// Some formats of one shape, in memory together, measured in turn.
void measure(plan const& p, bench::machine const& m, config const& sizes, std::vector<format> const& together,
             bench::table& table) {
  mamba::parallel::set_thread_count(m.threads);  // to make the weights
  std::vector<std::unique_ptr<any_model>> models;
  for (format const& f : together) {
    std::fprintf(stderr, "%s: making %s\n", table.shape.c_str(), f.name.c_str());
    models.push_back(f.make(sizes));
  }
  desk d(sizes, p.tasks);
  std::vector<std::function<double()>> contenders;
  for (auto const& model : models) {
    for (bench::column const& c : table.columns) {
      d.seconds(*model, {{false, mamba::model::chunk_rows}, c.threads});  // threads have started, pages are there
      d.seconds(*model, {{true, 2}, c.threads});
      contenders.emplace_back([&d, &model, &c] { return d.seconds(*model, c); });
    }
  }
  std::fprintf(stderr, "%s: measuring, rounds: %zu\n", table.shape.c_str(), p.rounds);
  std::vector<double> const seconds = bench::interleaved(p.rounds, contenders);
  auto next = seconds.begin();
  for (std::size_t i = 0; i < models.size(); ++i) {
    bench::row row{together[i].name, models[i]->work.weight_bytes, {}};
    for (bench::column const& c : table.columns) {
      bench::work const w = work_of(*models[i], c.what);
      double const floor = bench::floor_seconds(w, m.at(c.threads), c.what.generates);
      row.cells.push_back({w.tokens / *next, floor / *next});
      bench::add_measured("model/" + table.shape + "/" + row.format + (c.what.generates ? "/generate:" : "/prompt:") +
                              std::to_string(c.what.tokens) + "/threads:" + std::to_string(c.threads),
                          m, c.threads, w, *next, floor);
      ++next;
    }
    table.rows.push_back(row);
  }
  mamba::parallel::set_thread_count(m.threads);
}

/// Sequences of one shape that generate together, on all threads. Returns the page.
std::string measured_batches(plan const& p, bench::machine const& m, examples::shape const& shape) {
  mamba::parallel::set_thread_count(m.threads);
  std::size_t const most = *std::max_element(p.batches.begin(), p.batches.end());
  std::size_t const vocabulary = shape.config.vocab_size;
  constexpr std::size_t calls = 8;
  auto const tokens = bench::some_tokens(calls * most, vocabulary);
  std::vector<bench::any_state> memories(most, bench::any_state(shape.config));
  mamba::tensor<float, mamba::dynamic, mamba::dynamic> logits(most, vocabulary);
  mamba::model::workspace workspace;
  std::vector<std::unique_ptr<any_model>> models;
  std::vector<std::function<double()>> contenders;
  for (format const& f : p.used) {
    std::fprintf(stderr, "%.*s: making %s\n", static_cast<int>(shape.name.size()), shape.name.data(), f.name.c_str());
    models.push_back(f.make(shape.config));
    for (std::size_t const count : p.batches) {
      contenders.emplace_back([&, count, &model = *models.back()] {
        auto const run = [&](std::size_t times) {
          for (std::size_t i = 0; i < times; ++i)
            model.decode(std::span(tokens).subspan(i * count, count), std::span(memories).first(count), workspace,
                         logits.view().rows(0, count));
        };
        run(1);  // the weights of the format before are in the caches
        return bench::seconds_of([&] { run(calls); });
      });
    }
  }
  std::vector<double> const seconds = bench::interleaved(p.rounds, contenders);
  std::vector<bench::batch_row> rows;
  auto next = seconds.begin();
  for (std::size_t i = 0; i < models.size(); ++i) {
    rows.push_back({p.used[i].name, {}});
    for (std::size_t const count : p.batches) {
      bench::work w = bench::work_of_steps(models[i]->work, models[i]->blocks, calls * count);
      w.bytes = models[i]->work.bytes * calls;
      rows.back().rates.push_back(w.tokens / *next);
      bench::add_measured("model/" + std::string(shape.name) + "/" + rows.back().format +
                              "/sequences:" + std::to_string(count) + "/threads:" + std::to_string(m.threads),
                          m, m.threads, w, *next++);
    }
  }
  if (!p.out.empty())
    bench::plot_batches(p.out / ("batches_" + std::string(shape.name) + ".svg"), std::string(shape.name), p.batches,
                        rows);
  return "### Sequences together, " + std::string(shape.name) + "\n\n" + bench::in_words(m) +
         "\nTokens/s of all sequences (and how many times those of the first column), " +
         bench::count_of_threads(m.threads) + ", medians of " + std::to_string(p.rounds) + " rounds.\n\n" +
         bench::batches_in_markdown(p.batches, rows) + "\n";
}

/// Measures one shape. Returns its page.
std::string measured(plan const& p, bench::machine const& m, examples::shape const& shape) {
  bench::table table{std::string(shape.name), {}, {}};
  for (int const threads : p.threads) {
    for (bench::task const& t : p.tasks) table.columns.push_back({t, threads});
  }
  double all = 0;
  for (format const& f : p.used) all += expected_bytes(shape.config, f.bits());
  bool const fits = 1.1 * all < available_bytes();
  if (fits) {
    measure(p, m, shape.config, p.used, table);
  } else {
    for (format const& f : p.used) measure(p, m, shape.config, {f}, table);
  }
  std::string const rounds = p.rounds == 1 ? "One round" : "Medians of " + std::to_string(p.rounds) + " rounds";
  return "### " + table.shape + "\n\n" + bench::in_words(m) + "\n" + rounds +
         ", tokens/s (and the share of the floor); " +
         (fits ? "all formats took turns.\n\n"
               : "one format after the other, because together they don't fit into memory.\n\n") +
         bench::in_markdown(table) + "\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    bench::arguments given(argc, argv);
    given.explain(
        "bench_model [--small] [--shapes narrow,small,130m,370m,790m,1.4b,2.8b] [--formats "
        "f32,f16,bf16,q8,q4,ternary]\n"
        "            [--prompts 512,2048] [--generate 128] [--rounds 3] [--threads 1,2] [--out FOLDER]\n"
        "bench_model --batches 1,2,4,8,16,32,64: only sequences that generate together, on all threads\n"
        "and Google Benchmark's options:\n\n");
    plan const p = read_plan(given);
    if (!p.out.empty()) std::filesystem::create_directories(p.out);  // said before an hour of measuring, not after
    return bench::run(
        given.count(), given.values(),
        [&](bench::machine const& m) {
          std::fprintf(stderr, "%s", bench::in_words(m).c_str());
          for (format const& f : p.used) bench::require_right(*f.make(bench::small_model));
          for (examples::shape const& shape : p.shapes) {
            auto const put = [&](std::string const& name, std::string const& page) {
              std::fputs(page.c_str(), stdout);
              std::fflush(stdout);
              if (!p.out.empty()) examples::plot::write_whole(p.out / (name + std::string(shape.name) + ".md"), page);
            };
            if (!p.tasks.empty()) put("model_", measured(p, m, shape));
            if (!p.batches.empty()) put("batches_", measured_batches(p, m, shape));
          }
        },
        p.threads);
  } catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
