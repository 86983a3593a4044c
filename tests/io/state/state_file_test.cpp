// SPDX-License-Identifier: MIT
#include <mamba/io/state/state_file.hpp>

#include <mamba/model/session.hpp>
#include <mamba/nn/block.hpp>
#include <mamba/nn/mamba1.hpp>
#include <mamba/nn/s4d.hpp>
#include <support/bits.hpp>
#include <support/error_of.hpp>
#include <support/leaky_integrator.hpp>
#include <support/random.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#if defined(__unix__)
#include <sys/resource.h>
#include <csignal>
#endif

namespace io = mamba::io;
namespace model = mamba::model;
namespace nn = mamba::nn;
using test::has;
using test::leaky_config;
using test::leaky_state;

namespace {

/// A leaky integrator that counts the rows of all calls.
std::size_t rows_read = 0;
template <class Storage = nn::packed>
class counting_layer : public test::leaky_integrator<Storage> {
  using base = test::leaky_integrator<Storage>;

 public:
  using base::base;
  template <class Other>
  using with_storage = counting_layer<Other>;
  template <mamba::kernels::output Mode>
  void apply(typename base::input const& x, std::span<nn::segment<leaky_state> const> segments, mamba::arena at,
             mamba::matrix_view<float> y) const {
    for (auto const& s : segments) rows_read += s.count;
    base::template apply<Mode>(x, segments, at, y);
  }
};

/// A Mamba block, a layer of the test's own and an S4D layer.
using layers = model::stack<nn::block<nn::mamba1<>>, nn::block<counting_layer<>>, nn::block<nn::s4d<>>>;
layers::config layer_sizes() {
  return {layers::layer<0>({.mixer = {.d_model = 20}}), layers::layer<1>({.mixer = {20}}),
          layers::layer<2>({.mixer = {.d_model = 20, .d_state = 6}})};
}

/// Their state with a mean over time.
using mixed_state = model::network_state<layers::state, model::mean_state<float, mamba::dynamic>>;
mixed_state some_state() {
  return {layers::initial_state(layer_sizes()), {mamba::tensor<float, mamba::dynamic>(20), 0}};
}

/// Any bits but in a count, which is 70000: signalling NaN, −0, subnormal and infinite numbers among them.
template <class State>
void fill(State& state, std::uint64_t seed) {
  test::random rng(seed);
  State::for_each(state, [&](std::string_view name, auto const&, auto&& rows) {
    std::vector<float> row(rows.row_size());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      for (float& v : row) v = std::bit_cast<float>(static_cast<std::uint32_t>(rng.bits()));
      if (r == 0) row[0] = std::bit_cast<float>(0x7fa00001U);
      if (name == "mean.count") row = {0, 70000};
      rows.set_row(r, std::span<float const>(row));
    }
  });
}

template <class State>
std::vector<float> numbers_of(State const& state) {
  std::vector<float> all;
  State::for_each(state, [&](std::string_view, auto const&, auto const& rows) {
    std::vector<float> row(rows.row_size());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      rows.get_row(r, std::span<float>(row));
      all.insert(all.end(), row.begin(), row.end());
    }
  });
  return all;
}

io::model_fingerprint const some_model{"layers 3, width 20, outputs 2, weights 7", "f32", 0x0123456789abcdefU};

/// A small state and its file.
leaky_state small_state(float value) {
  leaky_state out(leaky_config{2});
  out.h.fill(value);
  return out;
}
std::string small_file(test::temporary_folder const& folder) {
  model::generator random(5);
  io::save_state(folder / "small", small_state(0.5F), some_model,
                 {.outputs = {1.5F}, .tokens = {7}, .position = 3, .generator = random, .notes = {{"by", "a test"}}});
  return test::read_text(folder / "small");
}

/// The sentence of load_state for these bytes; the state must be as it was.
std::string error_for(test::temporary_folder const& folder, std::string_view bytes,
                      io::model_fingerprint const& of = some_model) {
  test::write_text(folder / "file", bytes);
  auto state = small_state(-1);
  auto const error = test::error_of([&] { static_cast<void>(io::load_state(folder / "file", state, of)); });
  if (error != "no error") CHECK(state == small_state(-1));
  return error;
}

/// A file's text with a part replaced, and the right checksum.
std::string changed(std::string text, std::string_view from, std::string_view to) {
  auto const at = text.find(from);
  REQUIRE(at != text.npos);
  text.replace(at, from.size(), to);
  auto const length = std::bit_cast<std::uint64_t>(
                          std::array<char, 8>{text[0], text[1], text[2], text[3], text[4], text[5], text[6], text[7]}) +
                      to.size() - from.size();
  auto const bytes = std::bit_cast<std::array<char, 8>>(length);
  text.replace(0, 8, bytes.data(), 8);
  std::string_view const key = "\"mamba.state.checksum\":\"";
  auto const digits = text.find(key) + key.size();
  text.replace(digits, 16, 16, '0');
  io::crc64 sum;
  sum.add(std::as_bytes(std::span(text)));
  char hex[17];
  std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(sum.value()));
  return text.replace(digits, 16, hex);
}

}  // namespace

TEST_CASE("state_file: a state of several kinds of layers and a mean comes back bit by bit, with all beside it") {
  test::temporary_folder const folder;
  auto saved = some_state();
  fill(saved, 1);
  model::generator random(9);
  random();
  io::state_extras<> const extras{.outputs = {1, -0.0F, std::numeric_limits<float>::quiet_NaN()},
                                  .tokens = {3, 1, 2},
                                  .position = std::uint64_t{1} << 60U,
                                  .generator = random,
                                  .notes = {{"voice", "Žižek \"quoted\""}, {"empty", ""}}};
  io::save_state(folder / "s", saved, some_model, extras);
  auto loaded = some_state();
  fill(loaded, 2);
  auto const found = io::load_state(folder / "s", loaded, some_model);
  CHECK(test::same_bits(numbers_of(loaded), numbers_of(saved)));
  CHECK(test::same_bits(found.outputs, extras.outputs));
  CHECK(found.tokens == extras.tokens);
  CHECK(found.position == extras.position);
  CHECK(found.generator == extras.generator);
  CHECK(found.notes == extras.notes);
  for (auto const& entry : std::filesystem::directory_iterator(folder.path())) CHECK(entry.path().filename() == "s");

  io::save_state(folder / "s", saved, {});  // in its place, with nothing beside it
  auto const nothing = io::load_state(folder / "s", loaded, {});
  CHECK((nothing.outputs.empty() && nothing.tokens.empty() && nothing.position == 0 && !nothing.generator));
}

TEST_CASE("state_file: states in double have their own type, and one of float does not load it") {
  test::temporary_folder const folder;
  nn::s4d_config const sizes{.d_model = 3, .d_state = 4};
  nn::s4d_state<nn::any_s4d, double> saved(sizes), loaded(sizes);
  saved.ssm.re.fill(1.0 / 3);
  io::save_state(folder / "s", saved, {}, io::state_extras<double>{.outputs = {0.1}});
  CHECK(io::load_state<double>(folder / "s", loaded, {}).outputs == std::vector<double>{0.1});
  CHECK(loaded == saved);
  nn::s4d_state<nn::any_s4d, float> other(sizes);
  CHECK(has(test::error_of([&] { static_cast<void>(io::load_state(folder / "s", other, {})); }),
            "s: tensor 'state.ssm' has F64 [3, 2, 2], expected F32 [3, 2, 2]"));
}

TEST_CASE("state_file: the same bytes whatever the instruction set, and any reader of safetensors reads them") {
  test::temporary_folder const folder;
  nn::mamba1_config const sizes{.d_model = 9, .d_state = 3};
  nn::mamba1_state<nn::any_mamba1, float> state(sizes);
  float value = 0;
  decltype(state)::for_each(state, [&](auto const&, auto const&, auto&& rows) {
    std::vector<float> row(rows.row_size());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      for (float& v : row) v = value += 0.5F;
      rows.set_row(r, std::span<float const>(row));
    }
  });
  io::save_state(folder / "s", state, some_model, {.position = 11});
  auto const text = test::read_text(folder / "s");
  auto const file = io::safetensors::parse(std::as_bytes(std::span(text)), "s");
  REQUIRE(file.tensors.size() == 2);
  CHECK(file.tensors[0].name == "state.conv");
  CHECK(file.tensors[0].shape == std::vector<std::size_t>{3, 18});
  CHECK(file.tensors[1].shape == std::vector<std::size_t>{18, 3});
  std::vector<float> first(3);
  io::read_values<float>(file.tensors[1], 0, std::span(first));
  CHECK(first == std::vector<float>{27.5F, 28, 28.5F});
  CHECK(file.metadata.at("mamba.state.position") == "11");
  CHECK(file.metadata.at("mamba.state.checksum") == "600b2e6de16fad58");
}

TEST_CASE("state_file: every changed byte, every missing one and every one too many is an error") {
  test::temporary_folder const folder;
  auto const good = small_file(folder);
  REQUIRE(error_for(folder, good) == "no error");
  REQUIRE(good.size() < 1000);
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int const mask : {0x01, 0x20, 0x80, 0xff}) {
      auto bad = good;
      bad[at] = static_cast<char>(bad[at] ^ mask);
      CAPTURE(at);
      CHECK(error_for(folder, bad) != "no error");
    }
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    CHECK(has(error_for(folder, std::string_view(good).substr(0, size)), (folder / "file").string() + ": "));
  }
  CHECK(has(error_for(folder, good + "x"), "bytes of data, expected"));
  auto data = good;
  data.back() = static_cast<char>(data.back() ^ 1);
  CHECK(has(error_for(folder, data), "file: is damaged: found the checksum '"));
}

TEST_CASE("state_file: a foreign model, another version, other sizes and other files are refused by name") {
  test::temporary_folder const folder;
  auto const good = small_file(folder);
  auto other = some_model;
  other.sizes = "layers 4";
  CHECK(has(error_for(folder, good, other),
            "file: is the state of a model with layers 3, width 20, outputs 2, weights 7, expected layers 4"));
  other = some_model;
  other.weights = "q8";
  CHECK(has(error_for(folder, good, other), "is the state of a model with weights in f32, expected q8"));
  other = some_model;
  other.digest = 1;
  CHECK(has(error_for(folder, good, other),
            "a model of the same sizes with the digest 0123456789abcdef, expected "
            "0000000000000001"));
  CHECK(has(error_for(folder, changed(good, "version\":\"1\"", "version\":\"2\"")),
            "has version '2', expected '1', the only one that this version reads"));
  CHECK(error_for(folder, changed(good, "a test", "some other program")) == "no error");
  CHECK(has(error_for(folder, changed(good, "position\":\"3\"", "position\":\"-3\"")), "has the position '-3'"));
  CHECK(has(error_for(folder, changed(good, "\"shape\":[1,2]", "\"shape\":[2,1]")),
            "tensor 'state.h' has F32 [2, 1], expected F32 [1, 2]"));
  CHECK(has(error_for(folder, changed(good, "state.h", "state.g")),
            "tensor 'state.h' is missing, expected one of "
            "shape [1, 2]"));
  CHECK(has(error_for(folder, changed(good, "\"outputs\"", "\"inputs\"")), "tensor 'inputs' is not part of the state"));
  auto const words = good.find("generator\":\"") + 12;
  auto zeros = good.substr(words, 67);
  for (char& c : zeros) c = c == ' ' ? ' ' : '0';
  CHECK(has(error_for(folder, changed(good, std::string_view(good).substr(words, 67), zeros)), "not all zero"));
  CHECK(has(error_for(folder, changed(good, std::string_view(good).substr(words, 17), "")), "has the generator '"));

  io::stored_tensor const tensor{"state.h", io::dtype::f32, {0}, {}};
  io::safetensors::write(folder / "weights", {&tensor, 1});
  CHECK(has(error_for(folder, test::read_text(folder / "weights")), "file: is no saved state"));
  CHECK(has(error_for(folder, "a text"), "file: too small for a safetensors file"));
  auto state = small_state(0);
  CHECK(test::error_of([&] { static_cast<void>(io::load_state(folder / "none", state, some_model)); }) ==
        (folder / "none").string() + ": no such file");
}

TEST_CASE("state_file: where a state cannot be written the file of before stays, and nothing else is left") {
  test::temporary_folder const folder;
  auto const good = small_file(folder);
  auto const error_to = [&](std::filesystem::path const& path, io::safetensors::metadata_map const& notes = {}) {
    return test::error_of([&] { io::save_state(path, small_state(2), some_model, {.notes = notes}); });
  };
  CHECK(has(error_to(folder / "none/s"), "none/s: cannot be written (No such file or directory)"));
  CHECK(has(error_to(folder / "small", {{"mamba.key", ""}}), "a note is named 'mamba.key', expected a name that"));
  CHECK(has(error_to(folder / "small", {{"key", "\xff"}}), "is not UTF-8"));
#if defined(__unix__)
  if (std::filesystem::exists("/dev/full"))
    CHECK(has(error_to("/dev/full"), "/dev/full: write failed (No space left on device)"));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit small = before;
  small.rlim_cur = 200;  // bytes of a file: as a disk that is full after these
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  auto const error = error_to(folder / "small");
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(has(error, "small: write failed (File too large)"));
#endif
  CHECK(test::read_text(folder / "small") == good);
  for (auto const& entry : std::filesystem::directory_iterator(folder.path()))
    CHECK(entry.path().filename() == "small");
}

TEST_CASE("state_file: generation continued from a file is generation never stopped, and reads no token again") {
  using network = model::network<model::token_embedding<float>, layers, model::language_head<float>>;
  network weights({{30, 20}, layer_sizes(), {.vocab = 30, .d_model = 20, .padded_vocab = 30}});
  test::random rng(3);
  model::for_each_tensor(weights, [&](std::string_view, auto, auto& storage) {
    std::vector<float> row(storage.row_size());
    for (std::size_t r = 0; r < storage.rows(); ++r) {
      rng.fill(std::span(row), -0.5, 0.5);
      storage.set_row(r, std::span<float const>(row));
    }
  });
  auto const of = io::fingerprint(weights);
  test::temporary_folder const folder;
  std::vector<model::token> const prompt{1, 2, 3, 4, 5, 6, 7};
  for (double const temperature : {0.0, 1.0}) {
    model::sampler draw({.temperature = temperature});
    model::generator random(7);
    model::session running(weights);
    running.read(prompt);
    std::vector<model::token> whole, after;
    auto const go_on = [&](auto& session, auto& generator, auto& tokens, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        tokens.push_back(draw(session.outputs(), {}, generator));
        session.step(tokens.back());
      }
    };
    go_on(running, random, whole, 10);
    io::save_state(folder / "s", running.state(), of,
                   {.outputs = {running.outputs().begin(), running.outputs().end()}, .generator = random});
    go_on(running, random, whole, 10);

    rows_read = 0;
    model::session fresh(weights);
    auto extras = io::load_state(folder / "s", fresh.state(), of);
    CHECK(rows_read == 0);
    REQUIRE(extras.generator);
    after.push_back(draw(std::span<float const>(extras.outputs), {}, *extras.generator));
    fresh.step(after.back());
    go_on(fresh, *extras.generator, after, 9);
    CHECK(rows_read == 10);
    CHECK(after == std::vector<model::token>(whole.begin() + 10, whole.end()));
    CHECK(fresh.state() == running.state());
  }
  std::vector<float> row(20, 0.25F);
  weights.input.weight().set_row(29, std::span<float const>(row));
  model::session session(weights);
  CHECK(has(test::error_of(
                [&] { static_cast<void>(io::load_state(folder / "s", session.state(), io::fingerprint(weights))); }),
            "is the state of a model of the same sizes with the digest "));
}
