// SPDX-License-Identifier: MIT
// quantize — a checkpoint in fewer bits, in a file that loads without conversion.
//
// Tensor by tensor, in pieces of a few megabytes, on all threads: no model is ever in memory. The numbers are those
// that `generate --weights FORMAT` makes of the original when it loads. With --header, a C++ header for programs that
// have their model in flash: the same numbers, in the layouts that the target reads.
#include <mamba/core/bfloat16.hpp>
#include <mamba/core/float16.hpp>
#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/checkpoint/constant_header.hpp>
#include <mamba/io/checkpoint/namespace_name.hpp>
#include <mamba/io/file/new_file.hpp>
#include <mamba/io/file/new_names.hpp>
#include <mamba/io/safetensors/writer.hpp>
#include <support/command_line.hpp>
#include <support/models.hpp>
#include <support/program.hpp>
#include <support/progress.hpp>
#include <support/short_waits.hpp>

#include <algorithm>
#include <concepts>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using mamba::io::checkpoint;
using mamba::io::dtype;

struct options {
  std::string in, out, weights;
  std::string header, name_space, lanes;
};

constexpr char const* notes =
    "IN is a folder with config.json and model.safetensors or its shards, or one of these files. OUT is a folder, or\n"
    "a new file if it ends in .safetensors, which then carries its config.json in itself; the tokenizer and other "
    "small\n"
    "files go with a folder. f32, f16 and bf16 are written as any program reads them. In q8, q4 and ternary the "
    "matrices\n"
    "are written as they will lie in memory, and generate and evaluate use them where they are. What is no matrix "
    "(norms,\n"
    "biases, conv1d, A_log, D) is written in f32. Nothing that exists is overwritten, but headers written before.\n"
    "\n"
    "--header FILE writes C++ source in place of OUT, for models of some kilobytes to some megabytes:\n"
    "    quantize mamba --header net.hpp --weights q8 --lanes 1\n"
    "It needs the library's headers and has all weights as constants, which a linker puts into flash, and the "
    "constant\n"
    "NAME::weights, which forward() and step() run from without a copy and without a heap. A header fits targets with "
    "as\n"
    "many floats in a register as --lanes says and is refused by the compiler elsewhere: 1 for Cortex-M, RISC-V and\n"
    "-DMAMBA_SIMD_PORTABLE=1, 4 for SSE and NEON, 8 for AVX, 16 for AVX-512.\n";

/// Files that are copied with config.json, if a checkpoint has them.
constexpr char const* companions[] = {
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
    "tokenizer.model",
    "chat_template.jinja",
    "heldout.txt",
    "LICENSE",
    "LICENSE.txt",
    "LICENSE.md",
    "NOTICE",
};

/// The namespace of a header: the option, or the file's name where that can be one.
std::string namespace_of(options const& o) {
  return o.name_space.empty() ? std::filesystem::path(o.header).stem().string() : o.name_space;
}

void expect_namespace(options const& o) {
  auto const fault = mamba::io::fault_of_namespace(namespace_of(o));
  if (fault.empty()) return;
  mamba::core::fail(o.name_space.empty() ? o.header + ": " + fault + ", expected a namespace in --namespace"
                                         : "--namespace: " + fault + ", expected one such as net or app::net");
}

bool parse(int argc, char** argv, options& o) {
  examples::command_line line("quantize", "Writes a checkpoint's weights in another format.");
  line.name("IN", o.in, "The checkpoint: a folder, its .safetensors file, or its index of shards (required)");
  line.name("OUT", o.out, "A new folder, or a new file that ends in .safetensors (required without --header)");
  line.choice("--weights", o.weights, {"f32", "f16", "bf16", "q8", "q4", "ternary"}, {}, "In which format (required)");
  line.name("--header", o.header, "Write the weights as a C++ header of this name, for targets without files");
  line.name("--namespace", o.name_space, "Of the header's constants (default: the header's name)");
  line.choice("--lanes", o.lanes, {"1", "4", "8", "16"}, {},
              "Floats in a register of the header's target (default: of this machine)");
  line.add_threads();
  line.footer(notes);
  if (!line.parse(argc, argv)) return false;
  char const* const example = "for example quantize mamba-130m mamba-130m-q4 --weights q4";
  if (o.in.empty()) mamba::core::fail(std::string("IN is missing, ") + example);
  if (o.out.empty() && o.header.empty()) mamba::core::fail(std::string("OUT is missing, ") + example);
  if (!o.out.empty() && !o.header.empty()) mamba::core::fail("OUT and --header exclude each other");
  if (o.header.empty() && !o.name_space.empty()) mamba::core::fail("--namespace needs --header");
  if (o.header.empty() && !o.lanes.empty()) mamba::core::fail("--lanes needs --header");
  if (o.weights.empty()) mamba::core::fail("--weights is missing, for example --weights q4");
  if (!o.header.empty()) expect_namespace(o);
  return true;
}

/// One tensor of the new file, and where it comes from.
struct entry {
  mamba::io::stored_tensor const* from;
  std::filesystem::path const* file;  ///< that has it, for messages
  mamba::io::stored_tensor to;
  void (*write)(mamba::io::safetensors::writer&, entry const&, examples::progress&, std::size_t& done);
};

/// Rows at a time, a multiple of a block's: about a million numbers.
std::size_t rows_of_piece(std::size_t size) {
  constexpr std::size_t numbers = std::size_t{1} << 20U;
  constexpr std::size_t block = 32;
  return std::max<std::size_t>(1, numbers / size / block) * block;
}

/// Writes a tensor piece by piece; encode(first, count, size) gives the bytes of some rows.
template <class Encode>
void write_pieces(mamba::io::safetensors::writer& out, entry const& e, examples::progress& bar, std::size_t& done,
                  Encode&& encode) {
  std::size_t const rows = e.from->shape[0];
  std::size_t const size = e.from->elements() / rows;
  std::size_t const most = rows_of_piece(size);
  for (std::size_t first = 0; first < rows; first += most) {
    if (examples::interrupted()) throw examples::interruption{};
    std::size_t const count = std::min(most, rows - first);
    out.append(encode(first, count, size));
    bar.update(done += count * size);
  }
}

template <mamba::block_format W>
void write_blocks(mamba::io::safetensors::writer& out, entry const& e, examples::progress& bar, std::size_t& done) {
  mamba::kernels::packed_matrix<W> piece;
  write_pieces(out, e, bar, done, [&](std::size_t first, std::size_t count, std::size_t size) {
    piece = mamba::kernels::packed_matrix<W>(count, size);
    mamba::io::value_check<W> check;
    mamba::io::for_each_row<float>(*e.from, first, count, [&](std::size_t row, std::span<float const> values) {
      check.row((first + row) * size, values);
      piece.set_row(row, values);
    });
    check.report(e.file->string(), *e.from);
    return std::as_bytes(std::span(piece.panel_data(0), piece.panels() * piece.blocks()));
  });
}

template <class T>
void write_numbers(mamba::io::safetensors::writer& out, entry const& e, examples::progress& bar, std::size_t& done) {
  std::vector<T> piece;
  write_pieces(out, e, bar, done, [&](std::size_t first, std::size_t count, std::size_t size) {
    piece.resize(count * size);
    mamba::io::value_check<T> check;
    mamba::io::for_each_row<float>(*e.from, first, count, [&](std::size_t row, std::span<float const> values) {
      check.row((first + row) * size, values);
      std::transform(values.begin(), values.end(), piece.begin() + static_cast<std::ptrdiff_t>(row * size),
                     [](float v) { return T(v); });
    });
    check.report(e.file->string(), *e.from);
    return std::as_bytes(std::span<T const>(piece));
  });
}

template <class T>
constexpr dtype dtype_of = std::same_as<T, float>            ? dtype::f32
                           : std::same_as<T, mamba::float16> ? dtype::f16
                                                             : dtype::bf16;

/// The metadata and the tensors of a file whose weights are W, matrices in blocks first.
struct plan {
  mamba::io::safetensors::metadata_map metadata;
  std::vector<entry> entries;
};

template <class W>
plan plan_for(checkpoint const& in) {
  plan p;
  for (mamba::io::safetensors::part const& part : in.tensors.parts())
    p.metadata.insert(part.metadata.begin(), part.metadata.end());
  p.metadata[mamba::io::metadata_key::config] = in.config_text;
  if constexpr (mamba::block_format<W>) {
    p.metadata.erase("format");  // not "pt": transformers cannot read blocks
    p.metadata[mamba::io::metadata_key::version] = mamba::io::stored_blocks_version;
    p.metadata[mamba::io::metadata_key::weights] = mamba::io::format_name<W>;
  } else {
    p.metadata.emplace("format", "pt");
  }
  auto const add = [&](std::string const& library, std::span<std::size_t const> shape, auto& storage) {
    auto const name = mamba::io::name_in_file(*in.names, library).name;
    using format = typename std::remove_cvref_t<decltype(storage)>::storage_format;
    mamba::io::stored_tensor const& from = in.tensors.at(name);
    std::filesystem::path const& file = in.tensors.part_of(from).file->path();
    if constexpr (mamba::block_format<format>) {
      auto const blocks = mamba::io::blocks_shape<format>(shape);
      p.metadata[std::string(mamba::io::metadata_key::matrix) + name] = mamba::io::description_of<format>(shape);
      p.entries.push_back({&from, &file, {name, dtype::u8, {blocks.begin(), blocks.end()}, {}}, write_blocks<format>});
    } else {
      p.entries.push_back(
          {&from, &file, {name, dtype_of<format>, {shape.begin(), shape.end()}, {}}, write_numbers<format>});
    }
  };
  mamba::model::for_each_tensor(mamba::model::manifest<W>(in.config), add);
  std::stable_partition(p.entries.begin(), p.entries.end(), [](entry const& e) { return e.to.type == dtype::u8; });
  return p;
}

plan plan_for(checkpoint const& in, std::string const& weights) {
  return mamba::io::visit_format<mamba::io::file_formats>(
      weights, [&]<class W>(std::type_identity<W>) { return plan_for<W>(in); });
}

/// All of the file but its end: writer::finish() gives it its name.
std::unique_ptr<mamba::io::safetensors::writer> write_weights(checkpoint const& in, std::filesystem::path const& file,
                                                              std::string const& weights) {
  plan const p = plan_for(in, weights);
  std::vector<mamba::io::stored_tensor> tensors;
  std::size_t total = 0;
  std::size_t done = 0;
  for (entry const& e : p.entries) {
    tensors.push_back(e.to);
    total += e.from->elements();
  }
  bool const blocks = tensors.front().type == dtype::u8;
  auto out = std::make_unique<mamba::io::safetensors::writer>(
      file, tensors, p.metadata,
      blocks ? mamba::io::safetensors::order::as_given : mamba::io::safetensors::order::by_alignment);
  examples::progress bar("quantising", total, "numbers");
  for (std::size_t const i : out->sequence()) p.entries[i].write(*out, p.entries[i], bar, done);
  bar.finish();
  return out;
}

void write_file(checkpoint const& in, std::filesystem::path const& file, std::string const& weights) {
  mamba::io::expect_new(file);
  auto const folder = file.parent_path();
  if (file.filename() == "model.safetensors") mamba::io::expect_new(folder / "model.safetensors.index.json");
  std::error_code ignored;
  auto const config = folder / "config.json";
  if (std::filesystem::exists(config, ignored) && mamba::io::read_config(config) != in.config) {
    mamba::core::fail(config.string() + ": describes another model, expected none or that of " +
                      in.tensors.path().string() + " beside " + file.filename().string());
  }
  auto const out = write_weights(in, file, weights);
  mamba::io::expect_new(file);
  out->finish();
  if (in.tokenizer && !std::filesystem::exists(folder / "tokenizer.json", ignored))
    std::fprintf(stderr, "quantize: %s needs a copy of %s beside it\n", file.string().c_str(),
                 in.tokenizer->string().c_str());
}

/// The weights get their name last: a folder without them is no checkpoint.
void write_folder(checkpoint const& in, std::filesystem::path const& folder, std::string const& weights) {
  std::vector<std::filesystem::path> names{folder / "model.safetensors", folder / "model.safetensors.index.json",
                                           folder / "config.json"};
  for (char const* const name : companions) names.push_back(folder / name);
  auto const all_new = [&] { std::for_each(names.begin(), names.end(), mamba::io::expect_new); };
  all_new();
  mamba::io::new_names made;
  made.make_folder(folder);
  std::vector<std::pair<std::filesystem::path, std::unique_ptr<mamba::io::new_file>>> files;
  auto const add = [&](char const* name, std::span<std::byte const> bytes) {
    files.emplace_back(folder / name, std::make_unique<mamba::io::new_file>(folder / name));
    files.back().second->append(bytes);
  };
  std::error_code ignored;
  for (char const* const name : companions) {
    auto const from = in.folder / name;
    if (std::filesystem::exists(std::filesystem::symlink_status(from, ignored)))
      add(name, mamba::io::mapped_file(from).bytes());
  }
  add("config.json", std::as_bytes(std::span(in.config_text)));
  auto const out = write_weights(in, names.front(), weights);
  all_new();
  for (auto const& [path, file] : files) {
    file->commit();
    made.add(path);
  }
  out->finish();
  made.keep();
}

/// A header may be written again, as builds do; nothing else is overwritten.
void expect_header_or_new(std::filesystem::path const& file) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(file, ignored)) return;
  std::string start(mamba::io::constant_header_start.size(), ' ');
  std::ifstream(file, std::ios::binary).read(start.data(), static_cast<std::streamsize>(start.size()));
  if (start != mamba::io::constant_header_start) mamba::io::expect_new(file);
}

void write_header(checkpoint const& in, options const& o) {
  std::filesystem::path const file = o.header;
  expect_header_or_new(file);
  mamba::io::constant_header_options header{
      .name = namespace_of(o),
      .source = std::filesystem::weakly_canonical(in.folder).filename().string() + " in " + o.weights};
  if (!o.lanes.empty()) header.lanes = static_cast<std::size_t>(std::stoul(o.lanes));
  std::string const text =
      mamba::io::visit_format<mamba::io::file_formats>(o.weights, [&]<class W>(std::type_identity<W>) {
        return mamba::io::constant_header(mamba::io::load_weights<W>(in), header);
      });
  if (examples::interrupted()) throw examples::interruption{};
  mamba::io::new_file out(file);
  out.append(std::as_bytes(std::span(text)));
  out.commit();
}

void quantize(options const& o) {
  checkpoint const in = mamba::io::open_checkpoint(o.in);
  if (!o.header.empty()) return write_header(in, o);
  if (!in.blocks.empty()) {
    mamba::core::fail(in.tensors.path().string() + ": has its weights in " + in.blocks.format +
                      " already, expected a checkpoint of numbers to quantise");
  }
  std::filesystem::path const out = o.out;
  out.extension() == ".safetensors" ? write_file(in, out, o.weights) : write_folder(in, out, o.weights);
}

}  // namespace

int main(int argc, char** argv) {
  examples::wait_shortly();
  return examples::run_program("quantize", [&] {
    options o;
    if (parse(argc, argv, o)) quantize(o);
  });
}
