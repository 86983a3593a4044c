// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/checkpoint/stored_blocks.hpp>
#include <mamba/io/safetensors/writer.hpp>

#include <support/bits.hpp>
#include <support/error_of.hpp>
#include <support/random.hpp>
#include <support/resident.hpp>
#include <support/spelling.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

using mamba::io::dtype;
using mamba::io::stored_tensor;
using mamba::model::any;
using nlohmann::json;
using test::has;
using test::naming;

namespace {

json configuration(std::size_t d_model, std::size_t vocabulary, bool tied) {
  return {{"model_type", "mamba"}, {"hidden_size", d_model}, {"num_hidden_layers", 2},     {"vocab_size", vocabulary},
          {"state_size", 5},       {"conv_kernel", 2},       {"tie_word_embeddings", tied}};
}

/// A tensor that a test damages before it is written.
struct stored {
  dtype type;
  std::vector<std::size_t> shape;
  std::string data;
};

/// A checkpoint of random numbers, and the same with its matrices in blocks of W, written by hand.
template <class W>
class made_files {
 public:
  explicit made_files(json const& config = configuration(40, 70, true), naming spelling = naming::hugging_face)
      : config_(config) {
    std::filesystem::create_directory(folder_ / "numbers");
    test::write_text(folder_ / "numbers/config.json", config.dump());
    test::write_text(folder_ / "config.json", config.dump());
    test::random rng(3);
    std::map<std::string, stored> numbers;
    auto const draw = [&](std::string const& name, std::span<std::size_t const> shape, auto&) {
      std::vector<float> values(*mamba::io::element_count(shape));
      rng.fill(std::span(values), -1, 1);
      numbers[name] = {
          dtype::f32, {shape.begin(), shape.end()}, {reinterpret_cast<char const*>(values.data()), 4 * values.size()}};
    };
    test::for_each_tensor(mamba::model::manifest<>(mamba::io::read_config(folder_ / "config.json")), draw, spelling);
    write(numbers, folder_ / "numbers/model.safetensors", {}, mamba::io::safetensors::order::by_alignment);
    metadata = {{"mamba.version", "1"}, {"mamba.weights", std::string(mamba::io::format_name<W>)}};
    auto const pack = [&](std::string const& name, std::span<std::size_t const> shape, auto const& storage) {
      tensors[name] = numbers.at(name);
      if constexpr (requires { storage.borrowed(); }) {
        using format = typename std::remove_cvref_t<decltype(storage)>::storage_format;
        auto const blocks = mamba::io::blocks_shape<format>(shape);
        tensors[name] = {dtype::u8,
                         {blocks.begin(), blocks.end()},
                         {reinterpret_cast<char const*>(storage.panel_data(0)), storage.bytes()}};
        metadata["mamba.matrix." + name] = mamba::io::description_of<format>(shape);
      }
    };
    test::for_each_tensor(converted(), pack, spelling);
  }

  std::map<std::string, stored> tensors;
  mamba::io::safetensors::metadata_map metadata;

  /// Blocks first: on a cache line. Numbers first: 8 bytes off one, because their sizes are what they are.
  enum class layout { blocks_first, numbers_first };

  mamba::io::checkpoint open(layout order = layout::blocks_first) const {
    write(tensors, folder_ / "model.safetensors", metadata, mamba::io::safetensors::order::as_given, order);
    return mamba::io::open_checkpoint(folder_.path());
  }
  std::string error() const {
    return test::error_of([&] { static_cast<void>(open()); });
  }
  mamba::model::weights<any, W> converted() const {
    return mamba::io::load_weights<W>(mamba::io::open_checkpoint(folder_ / "numbers"));
  }
  test::temporary_folder const& folder() const { return folder_; }
  json const& config() const { return config_; }

  static void write(std::map<std::string, stored> const& tensors, std::filesystem::path const& file,
                    mamba::io::safetensors::metadata_map const& metadata, mamba::io::safetensors::order order,
                    layout first = layout::blocks_first) {
    std::vector<stored_tensor> list;
    for (bool const blocks : {first == layout::blocks_first, first != layout::blocks_first}) {
      for (auto const& [name, t] : tensors) {
        if (blocks == (t.type == dtype::u8)) list.push_back({name, t.type, t.shape, std::as_bytes(std::span(t.data))});
      }
    }
    mamba::io::safetensors::write(file, list, metadata, order);
  }

 private:
  json config_;
  test::temporary_folder folder_;
};

/// Every number of the weights, tensor by tensor.
template <class Weights>
std::map<std::string, std::vector<float>> numbers_of(Weights const& weights) {
  std::map<std::string, std::vector<float>> out;
  test::for_each_tensor(weights, [&](std::string const& name, auto, auto const& storage) {
    auto& all = out[name];
    all.resize(storage.rows() * storage.row_size());
    for (std::size_t r = 0; r < storage.rows(); ++r)
      storage.get_row(r, std::span(all).subspan(r * storage.row_size(), storage.row_size()));
  });
  return out;
}

template <class Weights>
bool same_numbers(Weights const& a, Weights const& b) {
  auto const left = numbers_of(a), right = numbers_of(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](auto const& l, auto const& r) {
    return l.first == r.first && test::same_bits(l.second, r.second);
  });
}

/// Calls f(matrix, bytes of the file it may lie in) for all matrices in blocks; how many there are.
template <class Weights, class F>
int for_each_matrix(Weights const& weights, F&& f) {
  int count = 0;
  test::for_each_tensor(weights, [&](std::string const&, auto, auto const& storage) {
    if constexpr (requires { storage.borrowed(); }) ++count, f(storage);
  });
  return count;
}

bool lies_in(void const* p, std::span<std::byte const> bytes) {
  std::less<> const before;
  void const* const first = bytes.data();
  void const* const last = bytes.data() + bytes.size();
  return !before(p, first) && before(p, last);
}

template <class W>
void check_same_and_in_place(json const& config, naming spelling) {
  made_files<W> const made(config, spelling);
  auto const expected = made.converted();
  std::optional<mamba::io::checkpoint> from = made.open();
  auto const weights = mamba::io::load_weights<W>(*from);
  auto const bytes = from->tensors.parts()[0].file->bytes();
  int const matrices = for_each_matrix(weights, [&](auto const& m) { CHECK(lies_in(m.panel_data(0), bytes)); });
  CHECK(matrices == (config.at("tie_word_embeddings") ? 9 : 10));
  from.reset();  // the weights keep the file
  CHECK(same_numbers(weights, expected));
  auto const copy = weights;
  CHECK(same_numbers(copy, expected));

  // Rewritten by a program that puts the numbers first.
  auto const moved = made.open(made_files<W>::layout::numbers_first);
  auto const loaded = mamba::io::load_weights<W>(moved);
  int off = 0;
  for (stored_tensor const& t : moved.tensors.tensors())
    off += t.type == dtype::u8 && reinterpret_cast<std::uintptr_t>(t.data.data()) % 64 != 0 ? 1 : 0;
  CHECK(off == matrices);
  for_each_matrix(loaded, [&](auto const& m) {
    CHECK_FALSE(lies_in(m.panel_data(0), moved.tensors.parts()[0].file->bytes()));
    CHECK(reinterpret_cast<std::uintptr_t>(m.panel_data(0)) % 64 == 0);
  });
  CHECK(same_numbers(loaded, expected));
}

using q4_files = made_files<mamba::q4>;
constexpr char const* in_proj = "backbone.layers.1.mixer.in_proj.weight";
constexpr char const* norm = "backbone.norm_f.weight";

}  // namespace

TEST_CASE("stored blocks: the numbers that converting gives, in place or, from a rewritten file, copied") {
  for (bool const tied : {true, false}) {
    for (auto const spelling : {naming::hugging_face, naming::original}) {
      auto const config = configuration(40, 70, tied);
      check_same_and_in_place<mamba::q8>(config, spelling);
      check_same_and_in_place<mamba::q4>(config, spelling);
      check_same_and_in_place<mamba::ternary>(config, spelling);
    }
  }
}

TEST_CASE("stored blocks: a description that is not known here is refused") {
  q4_files made;
  REQUIRE(made.error() == "no error");
  auto const with = [&](char const* key, char const* value) {
    auto damaged = made.metadata;
    damaged.erase(key);
    if (value != nullptr) damaged[key] = value;
    std::swap(made.metadata, damaged);
    auto const said = made.error();
    std::swap(made.metadata, damaged);
    return said;
  };
  CHECK(
      has(with("mamba.version", "2"), "model.safetensors: __metadata__ says that mamba.version is '2', expected '1'"));
  CHECK(has(with("mamba.version", nullptr), "__metadata__ has no mamba.version, expected '1'"));
  CHECK(has(with("mamba.weights", "q5"), "says that mamba.weights is 'q5', expected q8, q4 or ternary"));
  CHECK(has(with("mamba.weights", "f32"), "says that mamba.weights is 'f32', expected q8, q4 or ternary"));
  CHECK(has(with("mamba.weights", nullptr), "has no mamba.weights, expected q8, q4 or ternary"));
  CHECK(has(with("mamba.weights", "q8"),
            "tensor 'backbone.embeddings.weight' is described as 'q4 [70, 40]' in "
            "__metadata__, expected 'q8 [70, 40]' by config.json and mamba.weights q8"));
  CHECK(has(with("mamba.weights", "ternary"), "expected 'ternary [160, 40]'"));
  std::string const matrix = std::string("mamba.matrix.") + in_proj;
  CHECK(has(with(matrix.c_str(), nullptr),
            "tensor 'backbone.layers.1.mixer.in_proj.weight' is not described in __metadata__, expected"));
  CHECK(has(with(matrix.c_str(), "q8 [160, 40]"), "is described as 'q8 [160, 40]' in __metadata__, expected 'q4 ["));
  CHECK(has(with(matrix.c_str(), "q4 [40, 160]"), "is described as 'q4 [40, 160]'"));
  CHECK(has(with(matrix.c_str(), ""), "is described as ''"));
  CHECK(has(with("mamba.matrix.nothing", "q4 [1, 1]"), "describes a matrix 'nothing', which is not part of the model"));
  CHECK(has(with((std::string("mamba.matrix.") + norm).c_str(), "q4 [40]"),
            "__metadata__ describes 'backbone.norm_f.weight' as 'q4 [40]', expected nothing of a tensor of numbers"));
  CHECK(with("mamba.other", "anything") == "no error");
  made.metadata.clear();
  CHECK(has(made.error(),
            "tensor 'backbone.embeddings.weight' has U8 as matrices in blocks have it, but __metadata__ "
            "has no mamba.weights"));
}

TEST_CASE("stored blocks: tensors that differ from their description are rejected") {
  q4_files made;
  auto const whole = made.tensors.at(in_proj);
  auto const with = [&](dtype type, std::vector<std::size_t> const& shape, std::size_t bytes) {
    made.tensors[in_proj] = {type, shape, std::string(bytes, 'x')};
    return made.error();
  };
  std::string const expected = ", expected U8 [5, 2, 640] for q4 [160, 40]";
  CHECK(has(with(dtype::u8, {2, 5, 640}, 6400),
            "tensor 'backbone.layers.1.mixer.in_proj.weight' has U8 [2, 5, 640]" + expected));
  CHECK(has(with(dtype::u8, {5, 2, 640, 1}, 6400), "has U8 [5, 2, 640, 1]" + expected));
  CHECK(has(with(dtype::u8, {6400}, 6400), "has U8 [6400]" + expected));
  CHECK(has(with(dtype::u8, {}, 1), "has U8 []" + expected));
  CHECK(has(with(dtype::u8, {5, 2, 320}, 3200), "has U8 [5, 2, 320]" + expected));
  CHECK(has(with(dtype::i8, {5, 2, 640}, 6400), "has I8 [5, 2, 640]" + expected));
  CHECK(has(with(dtype::f32, {160, 40}, 25600), "has F32 [160, 40]" + expected));
  made.tensors.erase(in_proj);
  CHECK(
      has(made.error(), "tensor 'backbone.layers.1.mixer.in_proj.weight' is missing, expected one of shape [160, 40]"));
  made.tensors[in_proj] = whole;
  made.tensors[norm].type = dtype::u8;
  made.tensors[norm].shape[0] *= 4;
  CHECK(has(made.error(), "tensor 'backbone.norm_f.weight' has shape [160], expected [40] by config.json"));
}

TEST_CASE("stored blocks: a file that was cut off is refused, wherever it was cut") {
  q4_files const made;
  static_cast<void>(made.open());
  auto const file = made.folder() / "model.safetensors";
  auto const whole = test::read_text(file);
  for (std::size_t size = 0; size < whole.size(); size += 1 + size / 7) {
    test::write_text(file, std::string_view(whole).substr(0, size));
    CHECK(has(test::error_of([&] { static_cast<void>(mamba::io::open_checkpoint(file)); }), file.string() + ": "));
  }
}

TEST_CASE("stored blocks: any codes are weights, and any scales that are numbers") {
  made_files<mamba::ternary> made;
  test::random rng(11);
  for (int round = 0; round < 20; ++round) {
    for (auto& [name, t] : made.tensors) {
      if (t.type != dtype::u8) continue;
      std::size_t const lines = made.metadata.at("mamba.matrix." + name).starts_with("q4") ? 128 : 64;  // bytes
      for (std::size_t i = 0; i < t.data.size(); ++i) {
        auto byte = static_cast<unsigned char>(round == 0 ? 0xff : rng.below(256));
        bool const upper = i % t.shape[2] < lines && i % 2 == 1;
        if (upper && (byte & 0x7fU) == 0x7fU) byte ^= 1U;  // a bfloat16 with this upper byte may be NaN or infinite
        t.data[i] = static_cast<char>(byte);
      }
    }
    auto const weights = mamba::io::load_weights<mamba::ternary>(made.open());
    CHECK(numbers_of(weights).size() == made.tensors.size());
  }
}

TEST_CASE("stored blocks: a scale that is NaN or infinite is refused by file, tensor and place, unless it is allowed") {
  made_files<mamba::q8> made;
  auto& data = made.tensors.at(in_proj).data;  // [160, 40]: 5 panels of 2 blocks
  std::uint16_t const nan = 0x7fc0;
  std::memcpy(data.data() + 2 * made.tensors.at(in_proj).shape[2] + 2 * 5, &nan, 2);
  auto const from = made.open();
  CHECK(test::error_of([&] { static_cast<void>(mamba::io::load_weights<mamba::q8>(from)); }) ==
        (made.folder() / "model.safetensors").string() +
            ": tensor 'backbone.layers.1.mixer.in_proj.weight' has a scale that is NaN or infinite, in row 37 from "
            "column 0 on, expected finite ones");
  auto const allowed = mamba::io::load_weights<mamba::q8>(from, {.allow_non_finite = true});
  CHECK(numbers_of(allowed).size() == made.tensors.size());
}

struct output_in_q8 {
  template <mamba::nn::role R>
  using format = std::conditional_t<R == mamba::nn::role::output, mamba::q8, mamba::q4>;
};

TEST_CASE("stored blocks: another format than the file's is refused, matrix by matrix") {
  q4_files const made;
  auto const from = made.open();
  auto const said = [&]<class W>(W) {
    return test::error_of([&] { static_cast<void>(mamba::io::load_weights<W>(from)); });
  };
  std::string const refused =
      "tensor 'backbone.embeddings.weight' is stored as 'q4 [70, 40]', and cannot be loaded in "
      "another format";
  CHECK(has(said(0.0F), refused));
  CHECK(has(said(mamba::q8{}), refused));
  CHECK(said(mamba::nn::uniform_format<mamba::q4>{}) == "no error");
  CHECK(has(said(output_in_q8{}), "tensor 'backbone.layers.0.mixer.out_proj.weight' is stored as 'q4 [40, 80]'"));
}

TEST_CASE("stored blocks: a file that is alone carries its configuration, and no other config.json may lie beside it") {
  q4_files made;
  made.metadata["mamba.config"] = made.config().dump(2);
  static_cast<void>(made.open());
  auto const file = made.folder() / "model.safetensors";
  auto const config = made.folder() / "config.json";
  std::filesystem::remove(config);
  for (auto const& path : {file, made.folder().path()}) {
    auto const from = mamba::io::open_checkpoint(path);
    CHECK(from.config.d_model == 40);
    CHECK(from.config_text == made.config().dump(2));
    CHECK(same_numbers(mamba::io::load_weights<mamba::q4>(from), made.converted()));
  }
  auto const error = [&] { return test::error_of([&] { static_cast<void>(mamba::io::open_checkpoint(file)); }); };
  auto other = made.config();
  other["hidden_size"] = 48;
  test::write_text(config, other.dump());
  CHECK(error() == file.string() + ": carries a configuration that differs from " + config.string() +
                       ", expected the same or none beside it");
  test::write_text(config, made.config().dump());
  CHECK(error() == "no error");
  std::filesystem::remove(config);

  auto const damaged = [&](std::string const& text) {
    made.metadata["mamba.config"] = text;
    q4_files::write(made.tensors, file, made.metadata, mamba::io::safetensors::order::as_given);
    return error();
  };
  CHECK(has(damaged("{"), "model.safetensors, the configuration in __metadata__: not valid JSON"));
  CHECK(has(damaged("{}"), "names neither hidden_size nor d_model"));
  CHECK(has(damaged(other.dump()), "expected 'q4 [70, 48]' by the configuration in __metadata__"));
  made.metadata.erase("mamba.config");
  q4_files::write(made.tensors, file, made.metadata, mamba::io::safetensors::order::as_given);
  CHECK(error() == config.string() + ": no such file, expected the sizes of the model there");
}

TEST_CASE("stored blocks: shards, each with its own metadata, and shards that do not belong together") {
  q4_files const made;
  mamba::io::safetensors::metadata_map here[2]{{{"mamba.version", "1"}, {"mamba.weights", "q4"}},
                                               {{"mamba.version", "1"}, {"mamba.weights", "q4"}}};
  std::map<std::string, stored> tensors[2];
  json index;
  int next = 0;
  for (auto const& [name, t] : made.tensors) {
    int const shard = next++ % 2;
    tensors[shard][name] = t;
    index["weight_map"][name] = shard == 0 ? "a.safetensors" : "b.safetensors";
    if (auto const found = made.metadata.find("mamba.matrix." + name); found != made.metadata.end())
      here[shard].insert(*found);
  }
  auto const path = made.folder() / "model.safetensors.index.json";
  test::write_text(path, index.dump());
  auto const open = [&] {
    q4_files::write(tensors[0], made.folder() / "a.safetensors", here[0], mamba::io::safetensors::order::as_given);
    q4_files::write(tensors[1], made.folder() / "b.safetensors", here[1], mamba::io::safetensors::order::as_given);
    return mamba::io::open_checkpoint(path);
  };
  CHECK(same_numbers(mamba::io::load_weights<mamba::q4>(open()), made.converted()));
  here[1]["mamba.weights"] = "q8";
  CHECK(has(test::error_of([&] { static_cast<void>(open()); }),
            "b.safetensors: __metadata__ says that mamba.weights is 'q8', expected q4 as the shards before have it"));
  here[1].erase("mamba.weights");
  CHECK(has(test::error_of([&] { static_cast<void>(open()); }), "b.safetensors: __metadata__ has no mamba.weights"));
}

#if !defined(MAMBA_SANITIZED) && MAMBA_HAS_MMAP  // sanitizers would measure their own memory
namespace {

/// The most anonymous memory while f runs, beyond what there was before, and what of it is left while the result
/// exists.
template <class F>
std::pair<std::size_t, std::size_t> memory_of(F&& f) {
  test::give_back_memory();
  std::size_t const before = test::anonymous_memory();
  std::size_t most = before;
  std::atomic<bool> ended = false;
  std::thread watch([&] {
    while (!ended) most = std::max(most, test::anonymous_memory());
  });
  auto const result = f();
  ended = true;
  watch.join();
  std::size_t const after = test::anonymous_memory();
  return {most - before, after > before ? after - before : 0};
}

}  // namespace

TEST_CASE("stored blocks: loading takes no more memory than the weights, and in place next to none") {
  constexpr std::size_t mebibyte = std::size_t{1} << 20U;
  made_files<mamba::q8> const made(configuration(256, 60000, true));
  auto const load_numbers = [&] { return made.converted(); };
  std::size_t packed = 0;
  for_each_matrix(made.converted(), [&](auto const& m) { packed += m.bytes(); });
  REQUIRE(packed > 16 * mebibyte);
  if (test::anonymous_memory() == 0) return;  // not measured on this system
  auto const converting = memory_of(load_numbers);
  CHECK(converting.first < packed + 8 * mebibyte);
  CHECK(converting.second > packed / 2);  // so the measurement measures
  static_cast<void>(made.open());
  auto const file = made.folder().path();
  auto const in_place = memory_of([&] { return mamba::io::load_weights<mamba::q8>(mamba::io::open_checkpoint(file)); });
  CHECK(in_place.first < 8 * mebibyte);
}
#endif
