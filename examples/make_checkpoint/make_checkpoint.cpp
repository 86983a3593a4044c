// SPDX-License-Identifier: MIT
// make_checkpoint — a checkpoint of a published shape with random weights, for benchmarks without a download.
//
// The same shape, type and seed give the same file, whatever the number of threads, in one build; between builds the
// last bits of logarithms may differ.
#include <make_checkpoint/random_tensors.hpp>
#include <mamba/io/checkpoint/config.hpp>
#include <mamba/io/checkpoint/names.hpp>
#include <mamba/io/file/new_names.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/safetensors/writer.hpp>
#include <mamba/model/weights.hpp>
#include <support/command_line.hpp>
#include <support/program.hpp>
#include <support/progress.hpp>
#include <support/short_waits.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

namespace {

struct options {
  std::string shape, out, type = "f32";
  std::uint64_t seed = 1;
};

/// For tests: a model of a few kilobytes.
constexpr mamba::model::config tiny{.d_model = 40, .n_layer = 2, .vocab_size = 96};

bool parse(int argc, char** argv, options& o) {
  examples::command_line line("make_checkpoint", "Writes a checkpoint of a published shape with random weights.");
  std::vector<std::string> names;
  for (auto const& s : examples::published_shapes) names.emplace_back(s.name);
  line.choice("--shape", o.shape, names, {"tiny"}, "Whose sizes it has (required)");
  line.name("--out", o.out, "The folder for config.json and model.safetensors (required)")->type_name("DIR");
  line.choice("--type", o.type, {"f32", "f16", "bf16"}, {}, "How matrices and all else are stored (default: f32)");
  line.number("--seed", o.seed, 0, std::uint64_t(-1), "Which random numbers (default: 1)");
  line.add_threads();
  if (!line.parse(argc, argv)) return false;
  if (o.shape.empty()) mamba::core::fail("--shape is missing, for example --shape 130m");
  if (o.out.empty()) mamba::core::fail("--out is missing, for example --out mamba-130m");
  return true;
}

mamba::model::config config_of(std::string const& shape) {
  for (auto const& s : examples::published_shapes) {
    if (s.name == shape) return s.config;
  }
  return tiny;
}

/// Writes the tensors in pieces of a few megabytes, each made by all threads.
template <class T>
void write_tensors(std::filesystem::path const& file, mamba::model::config const& config, std::uint64_t seed,
                   mamba::io::dtype type) {
  std::vector<mamba::io::stored_tensor> tensors;
  auto const list = [&](std::string const& name, std::span<std::size_t const> shape, auto&) {
    tensors.push_back(
        {mamba::io::name_in_file(mamba::io::hugging_face_names, name).name, type, {shape.begin(), shape.end()}, {}});
  };
  mamba::model::for_each_tensor(mamba::model::manifest<>(config), list);
  mamba::io::safetensors::writer out(file, tensors, {{"format", "pt"}});
  std::size_t total = 0;
  std::size_t done = 0;
  for (auto const& t : tensors) total += *mamba::io::element_count(t.shape);
  examples::progress bar("writing", total, "numbers");
  std::vector<T> piece;
  for (std::size_t const i : out.sequence()) {
    auto const& t = tensors[i];
    std::size_t const rows = t.shape[0];
    std::size_t const size = *mamba::io::element_count(t.shape) / rows;
    std::size_t const most = std::max<std::size_t>(1, (std::size_t{1} << 20U) / size);
    examples::random_tensor numbers(config, t.name, seed, i);
    for (std::size_t first = 0; first < rows; first += most) {
      if (examples::interrupted()) throw examples::interruption{};
      std::size_t const count = std::min(most, rows - first);
      piece.resize(count * size);
      numbers.rows(first, first + count, size, [&](std::size_t r, std::span<float const> row) {
        auto const to = piece.begin() + static_cast<std::ptrdiff_t>((r - first) * size);
        std::transform(row.begin(), row.end(), to, [](float v) { return T(v); });
      });
      out.append(std::as_bytes(std::span<T const>(piece)));
      bar.update(done += piece.size());
    }
  }
  bar.finish();
  out.finish();
}

/// The dtype of a format in capitals, as files spell it.
std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return text;
}

void make(options const& o) {
  auto const config = config_of(o.shape);
  std::filesystem::path const folder = o.out;
  auto const weights_file = folder / "model.safetensors";
  auto const config_file = folder / "config.json";
  std::error_code code;
  for (auto const& file : {weights_file, config_file}) {
    if (std::filesystem::exists(std::filesystem::symlink_status(file, code))) {
      mamba::core::fail(file.string() + ": is there already, and would be overwritten; name another --out");
    }
  }
  mamba::io::new_names made;  // removed again, the folder too, if the program fails or is interrupted
  made.make_folder(folder);
  using types = mamba::io::format_list<float, mamba::float16, mamba::bfloat16>;
  mamba::io::visit_format<types>(o.type, [&]<class T>(std::type_identity<T>) {
    write_tensors<T>(weights_file, config, o.seed, *mamba::io::dtype_named(upper(o.type)));
  });
  // Last: a folder with a config.json is a checkpoint, and one without is none.
  made.add(weights_file);
  auto const text = mamba::io::config_text(config);
  mamba::io::new_file file(config_file);
  file.append(std::as_bytes(std::span(text)));
  file.commit();
  made.keep();
}

}  // namespace

int main(int argc, char** argv) {
  examples::wait_shortly();
  return examples::run_program("make_checkpoint", [&] {
    options o;
    if (parse(argc, argv, o)) make(o);
  });
}
