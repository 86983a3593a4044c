// SPDX-License-Identifier: MIT
#include <mamba/io/checkpoint/network.hpp>

#include <mamba/io/formats.hpp>
#include <mamba/model/session.hpp>
#include <mamba/model/weights.hpp>
#include <mamba/nn/s4d.hpp>
#include <support/bits.hpp>
#include <support/error_of.hpp>
#include <support/leaky_integrator.hpp>
#include <support/random.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace io = mamba::io;
namespace model = mamba::model;
namespace nn = mamba::nn;
using io::dtype;
using io::stored_tensor;
using mamba::bfloat16;
using mamba::q4;
using mamba::q8;
using mamba::ternary;
using test::has;

namespace {

/// Features in, two Mamba blocks, a mean over time, scores out.
template <class W>
using sensor = model::network<model::feature_projection<W>, model::stack<nn::block<nn::mamba1<nn::any_mamba1, W>>>,
                              model::pooled_head<W>>;

template <class W = float>
typename sensor<W>::config sensor_sizes() {
  return {{12, 40}, {{.mixer = {.d_model = 40}}, 2}, {.d_model = 40, .outputs = 5, .over = model::pooling::mean}};
}

/// Tokens in, a Mamba block, a layer of the test's own and an S4D layer, logits out.
template <class W>
using stack_of_three = model::stack<nn::block<nn::mamba1<nn::any_mamba1, W>>, nn::block<test::leaky_integrator<>>,
                                    nn::block<nn::s4d<nn::any_s4d, W>>>;
template <class W>
using hybrid = model::network<model::token_embedding<W>, stack_of_three<W>, model::language_head<W>>;

template <class W = float>
typename hybrid<W>::config hybrid_sizes() {
  using layers = stack_of_three<W>;
  auto const mamba_block = layers::template layer<0>({.mixer = {.d_model = 36}});
  return {{50, 36},
          {mamba_block, layers::template layer<1>({.mixer = {36}}), mamba_block,
           layers::template layer<2>({.mixer = {.d_model = 36, .d_state = 6}})},
          {.vocab = 50, .d_model = 36, .padded_vocab = 50}};
}

template <class Network>
void fill(Network& network) {
  test::random rng(4);
  std::vector<float> row;
  model::for_each_tensor(network, [&](std::string const&, auto, auto& storage) {
    row.resize(storage.row_size());
    for (std::size_t r = 0; r < storage.rows(); ++r) {
      rng.fill(std::span(row), -0.5, 0.5);
      storage.set_row(r, std::span<float const>(row));
    }
  });
}

/// A file of a network filled with numbers.
template <class Network>
void save_filled(typename Network::config const& sizes, std::filesystem::path const& file) {
  Network network(sizes);
  fill(network);
  io::save_network(network, file);
}

/// Every number of a network, as its storage stands for it.
template <class Network>
std::map<std::string, std::vector<float>> numbers_of(Network const& network) {
  std::map<std::string, std::vector<float>> out;
  model::for_each_tensor(network, [&](std::string const& name, auto, auto const& storage) {
    auto& all = out[name];
    all.resize(storage.rows() * storage.row_size());
    for (std::size_t r = 0; r < storage.rows(); ++r)
      storage.get_row(r, std::span(all).subspan(r * storage.row_size(), storage.row_size()));
  });
  return out;
}

template <class A, class B>
bool same_numbers(A const& a, B const& b) {
  auto const left = numbers_of(a), right = numbers_of(b);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](auto const& l, auto const& r) {
    return l.first == r.first && test::same_bits(l.second, r.second);
  });
}

/// Outputs after a few steps.
template <class Network>
std::vector<float> outputs_of(Network const& network) {
  model::session session(network);
  test::random rng(9);
  for (int i = 0; i < 5; ++i) {
    if constexpr (std::is_same_v<typename Network::items, std::span<model::token const>>) {
      session.step(static_cast<model::token>(rng.below(50)));
    } else {
      std::vector<float> features(12);
      rng.fill(std::span(features), -1, 1);
      session.step(features);
    }
  }
  auto const found = session.outputs();
  return {found.begin(), found.end()};
}

/// A file of numbers loads as what setting the same numbers gives; saved in its own format and loaded, it has equal
/// bits.
template <class Network>
void check_load_and_save(std::filesystem::path const& numbers, typename Network::config const& sizes) {
  Network direct(sizes);
  fill(direct);
  auto const loaded = io::load_network<Network>(numbers, sizes);
  CHECK(same_numbers(loaded, direct));
  auto const expected = outputs_of(direct);
  CHECK(test::same_bits(outputs_of(loaded), expected));
  test::temporary_folder const folder;
  io::save_network(loaded, folder / "own.safetensors");
  auto const again = io::load_network<Network>(folder / "own.safetensors", sizes);
  CHECK(same_numbers(again, direct));
  CHECK(test::same_bits(outputs_of(again), expected));
  CHECK(has(test::error_of([&] { io::save_network(loaded, folder / "own.safetensors"); }), "is there already"));
}

/// A file that a test damages before it is written.
struct damaged_file {
  struct stored {
    dtype type;
    std::vector<std::size_t> shape;
    std::string data;
  };
  std::map<std::string, stored> tensors;
  io::safetensors::metadata_map metadata;
  test::temporary_folder folder;

  explicit damaged_file(std::filesystem::path const& from) {
    auto const file = io::safetensors::archive::open(from);
    metadata = file.parts()[0].metadata;
    for (auto const& t : file.tensors())
      tensors[t.name] = {t.type, t.shape, {reinterpret_cast<char const*>(t.data.data()), t.data.size()}};
  }
  [[nodiscard]] std::filesystem::path write() const {
    std::vector<stored_tensor> list;
    for (auto const& [name, t] : tensors) list.push_back({name, t.type, t.shape, std::as_bytes(std::span(t.data))});
    io::safetensors::write(folder / "file.safetensors", list, metadata, io::safetensors::order::as_given);
    return folder / "file.safetensors";
  }
};

template <class Network, class Config>
std::string error_of(std::filesystem::path const& path, Config const& sizes) {
  return test::error_of([&] { static_cast<void>(io::load_network<Network>(path, sizes)); });
}

struct selection_in_q8 {
  template <nn::role R>
  using format =
      std::conditional_t<R == nn::role::selection, q8, std::conditional_t<R == nn::role::head, bfloat16, q4>>;
};

}  // namespace

TEST_CASE("network: a sensor model is saved and loaded, and converted from numbers to any format") {
  test::temporary_folder const folder;
  auto const file = folder / "numbers.safetensors";
  save_filled<sensor<float>>(sensor_sizes(), file);
  check_load_and_save<sensor<float>>(file, sensor_sizes());
  check_load_and_save<sensor<q8>>(file, sensor_sizes<q8>());
  check_load_and_save<sensor<selection_in_q8>>(file, sensor_sizes<selection_in_q8>());
}

TEST_CASE("network: a layer of one's own and an S4D layer between Mamba blocks are saved, loaded and quantised") {
  test::temporary_folder const folder;
  auto const file = folder / "numbers.safetensors";
  save_filled<hybrid<float>>(hybrid_sizes(), file);
  check_load_and_save<hybrid<float>>(file, hybrid_sizes());
  check_load_and_save<hybrid<ternary>>(file, hybrid_sizes<ternary>());
}

TEST_CASE("network: missing, extra, misshapen and foreign tensors are refused before anything is allocated") {
  test::temporary_folder const folder;
  auto const file = folder / "numbers.safetensors";
  save_filled<sensor<float>>(sensor_sizes(), file);
  auto sizes = sensor_sizes();
  sizes.input.features = 13;
  CHECK(error_of<sensor<float>>(file, sizes) ==
        file.string() +
            ": tensor 'backbone.input.weight' has shape [40, 12], expected [40, 13] by the caller's "
            "configuration");
  sizes = sensor_sizes();
  sizes.layers.count = std::size_t{1} << 40U;
  CHECK(has(error_of<sensor<float>>(file, sizes), "tensor 'backbone.layers.2.norm.weight' is missing"));
  sizes.layers.count = 1;
  CHECK(
      has(error_of<sensor<float>>(file, sizes),
          "tensor 'backbone.layers.1.mixer.A_log' is not part of the model that the caller's configuration describes"));
  sizes = sensor_sizes();
  sizes.input.d_model = sizes.output.d_model = std::size_t{1} << 40U;
  sizes.layers.layer.mixer.d_model = std::size_t{1} << 40U;
  CHECK(has(error_of<sensor<float>>(file, sizes), "expected [1099511627776, 12]"));
  CHECK(has(
      error_of<hybrid<float>>(file, hybrid_sizes()),
      "tensor 'backbone.embedding.weight' is missing, expected one of shape [50, 36] by the caller's configuration"));

  damaged_file damaged(file);
  REQUIRE(error_of<sensor<float>>(damaged.write(), sensor_sizes()) == "no error");
  auto const head = damaged.tensors.at("head.bias");
  damaged.tensors.erase("head.bias");
  CHECK(has(error_of<sensor<float>>(damaged.write(), sensor_sizes()),
            "tensor 'head.bias' is missing, expected one of shape [5]"));
  damaged.tensors["head.bias"] = head;
  damaged.tensors["lm_head.weight"] = head;  // a language model's, not this one's
  CHECK(has(error_of<sensor<float>>(damaged.write(), sensor_sizes()), "tensor 'lm_head.weight' is not part of"));
  damaged.tensors.erase("lm_head.weight");
  damaged.tensors["head.bias"].type = dtype::i32;
  CHECK(has(error_of<sensor<float>>(damaged.write(), sensor_sizes()),
            "tensor 'head.bias' has dtype I32, expected F64, F32, F16 or BF16"));
  damaged.tensors["head.bias"] = head;
  float const none = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(damaged.tensors["head.bias"].data.data() + 4, &none, 4);
  CHECK(has(error_of<sensor<q8>>(damaged.write(), sensor_sizes<q8>()),
            "tensor 'head.bias' has the value nan at [1], expected a finite number"));
}

TEST_CASE("network: matrices in blocks load in their own format only, and never with scales that are no numbers") {
  test::temporary_folder const folder;
  auto const file = folder / "q4.safetensors";
  auto const sizes = sensor_sizes<q4>();
  sensor<q4> network(sizes);
  fill(network);
  io::save_network(network, file);
  CHECK(has(error_of<sensor<q8>>(file, sensor_sizes<q8>()),
            "tensor 'backbone.input.weight' is stored as 'q4 [40, 12]', and cannot be loaded in another format"));
  CHECK(has(error_of<sensor<float>>(file, sensor_sizes()), "and cannot be loaded in another format"));

  damaged_file damaged(file);
  REQUIRE(error_of<sensor<q4>>(damaged.write(), sizes) == "no error");
  std::string const name = "backbone.layers.1.mixer.in_proj.weight";  // [160, 40]: 5 panels of 2 blocks
  auto const whole = damaged.tensors.at(name);
  constexpr std::size_t block = sizeof(mamba::kernels::weight_block<q4>);
  auto const with = [&](std::size_t at, std::uint16_t bits) {
    damaged.tensors[name] = whole;
    std::memcpy(damaged.tensors[name].data.data() + at, &bits, 2);
    return error_of<sensor<q4>>(damaged.write(), sizes);
  };
  std::string const said = "tensor '" + name + "' has a scale that is NaN or infinite, in row ";
  CHECK(has(with(0, 0x7fc0), said + "0 from column 0 on, expected finite ones"));
  CHECK(has(with(3 * block + 2 * 7, 0xff80), said + "39 from column 32 on"));         // −∞ as a scale
  CHECK(has(with(9 * block + 64 + 2 * 31, 0x7f80), said + "159 from column 32 on"));  // +∞ as an offset
  CHECK(with(block, 0x7f7f) == "no error");                                           // the largest number
  damaged.tensors[name].data[0] = damaged.tensors[name].data[1] = static_cast<char>(0xff);
  auto const allowed = io::load_network<sensor<q4>>(damaged.write(), sizes, {.allow_non_finite = true});
  CHECK(numbers_of(allowed).at(name)[0] != numbers_of(allowed).at(name)[0]);
  // Beyond the matrix there is nothing that a product reads: [5, 40] has 27 rows of a panel to spare.
  damaged.tensors[name] = whole;
  std::uint16_t const nan = 0x7fc0;
  std::memcpy(damaged.tensors["head.weight"].data.data() + 2 * 5, &nan, 2);
  CHECK(error_of<sensor<q4>>(damaged.write(), sizes) == "no error");
  std::memcpy(damaged.tensors["head.weight"].data.data() + 2 * 4, &nan, 2);
  CHECK(has(error_of<sensor<q4>>(damaged.write(), sizes), "tensor 'head.weight' has a scale"));
}

TEST_CASE("network: what no shape shows is in the file and must be the caller's; files that do not state it load") {
  test::temporary_folder const folder;
  auto const file = folder / "numbers.safetensors";
  save_filled<sensor<float>>(sensor_sizes(), file);
  std::string const stated = "{\"layers\":[{\"norm_epsilon\":1e-05},{\"norm_epsilon\":1e-05}],\"output\":";
  damaged_file damaged(file);
  CHECK(damaged.metadata.at("mamba.network") == stated + "{\"pooling\":\"mean\",\"norm_epsilon\":1e-05}}");
  auto sizes = sensor_sizes();
  sizes.output.over = model::pooling::last;
  CHECK(error_of<sensor<float>>(file, sizes) ==
        file.string() + ": __metadata__ has mamba.network " + stated +
            "{\"pooling\":\"mean\",\"norm_epsilon\":1e-05}}, expected " + stated +
            "{\"pooling\":\"none\",\"norm_epsilon\":1e-05}} by the caller's configuration");
  damaged.metadata.erase("mamba.network");
  CHECK(error_of<sensor<float>>(damaged.write(), sizes) == "no error");
  sizes = sensor_sizes();
  sizes.layers.layer.norm_epsilon = 1e-6;
  CHECK(has(error_of<sensor<float>>(file, sizes), "expected {\"layers\":[{\"norm_epsilon\":1e-06},"));

  sizes.output.over = model::pooling::last;  // the same as none, and none saved is last loaded
  save_filled<sensor<float>>(sizes, folder / "last.safetensors");
  sizes.output.over = model::pooling::none;
  CHECK(error_of<sensor<float>>(folder / "last.safetensors", sizes) == "no error");

  auto three = hybrid_sizes();
  save_filled<hybrid<float>>(three, folder / "hybrid.safetensors");
  three.output.vocab = 49;
  CHECK(has(error_of<hybrid<float>>(folder / "hybrid.safetensors", three), "\"logits\":49"));
}

TEST_CASE("network: where saving fails nothing is left") {
  test::temporary_folder const folder;
  sensor<float> const network(sensor_sizes());
  static constexpr io::tensor_name rows[] = {{"head.bias", "head.bias", io::stored_as::minus_exp}};
  constexpr io::name_table other{"other", rows};
  CHECK(has(test::error_of([&] { io::save_network(network, folder / "a.safetensors", other); }), "cannot be written"));
  static constexpr io::tensor_name same[] = {{"head.bias", "head.weight"}};
  constexpr io::name_table twice{"twice", same};
  CHECK(has(test::error_of([&] { io::save_network(network, folder / "a.safetensors", twice); }), "is taken"));
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("network: a table gives a file other names, to load from and to save to") {
  static constexpr io::tensor_name rows[] = {{"backbone.input.*", "proj.*"},
                                             {"backbone.layers.#.mixer.*", "mamba.#.*"},
                                             {"backbone.layers.#.norm.weight", "norms.#.weight"}};
  constexpr io::name_table names{"test", rows};
  test::temporary_folder const folder;
  auto const file = folder / "renamed.safetensors";
  sensor<float> network(sensor_sizes());
  fill(network);
  io::save_network(network, file, names);
  auto const from = io::safetensors::archive::open(file);
  for (char const* const name :
       {"proj.weight", "proj.bias", "mamba.1.A_log", "norms.0.weight", "backbone.norm_f.weight", "head.weight"})
    CHECK(from.find(name) != nullptr);
  CHECK(same_numbers(io::load_network<sensor<float>>(from, sensor_sizes(), {}, names), network));
  CHECK(has(error_of<sensor<float>>(file, sensor_sizes()), "tensor 'backbone.input.weight' is missing"));
}

TEST_CASE("network: shards, a folder, a head that is stored twice, and files of other kinds") {
  test::temporary_folder const folder;
  hybrid<float> network(hybrid_sizes());
  fill(network);
  io::save_network(network, folder / "whole.safetensors");
  damaged_file const whole(folder / "whole.safetensors");
  std::string index;
  std::vector<stored_tensor> shards[2];
  for (auto const& [name, t] : whole.tensors) {
    std::size_t const shard = index.size() % 2;
    shards[shard].push_back({name, t.type, t.shape, std::as_bytes(std::span(t.data))});
    index += (index.empty() ? "\"" : ",\"") + name + (shard == 0 ? "\":\"a.safetensors\"" : "\":\"b.safetensors\"");
  }
  io::safetensors::write(folder / "a.safetensors", shards[0]);
  io::safetensors::write(folder / "b.safetensors", shards[1]);
  test::write_text(folder / "model.safetensors.index.json", "{\"weight_map\":{" + index + "}}");
  for (auto const& path : {folder.path(), folder / "model.safetensors.index.json"})
    CHECK(same_numbers(io::load_network<hybrid<float>>(path, hybrid_sizes()), network));
  CHECK(has(error_of<hybrid<float>>(folder / "a.safetensors", hybrid_sizes()), "is one shard of several"));

  damaged_file twice(folder / "whole.safetensors");
  twice.tensors["lm_head.weight"] = twice.tensors.at("backbone.embedding.weight");
  CHECK(error_of<hybrid<float>>(twice.write(), hybrid_sizes()) == "no error");
  twice.tensors["lm_head.weight"].data[0] ^= 1;
  CHECK(has(error_of<hybrid<float>>(twice.write(), hybrid_sizes()),
            "tensor 'lm_head.weight' differs from 'backbone.embedding.weight'"));

  test::write_text(folder / "model.bin", "PK");
  CHECK(has(error_of<hybrid<float>>(folder / "model.bin", hybrid_sizes()), "is a file of PyTorch's pickle format"));
  CHECK(has(error_of<hybrid<float>>(folder / "none", hybrid_sizes()), "none: no such file or folder"));
  CHECK(has(test::error_of([&] { io::save_network(network, folder / "x.bin"); }),
            "x.bin: is no name for a network, expected one that ends in .safetensors"));
}
