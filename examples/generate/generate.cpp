// SPDX-License-Identifier: MIT
// generate — continues a prompt with a Mamba language model, token by token.
//
// The whole use of the library is in continue_text(): read the prompt (forward), then draw, show, step, in a loop.
#include <mamba/io/file/new_file.hpp>
#include <mamba/io/state/state_file.hpp>
#include <mamba/model/forward.hpp>
#include <mamba/model/sampling.hpp>
#include <support/command_line.hpp>
#include <support/language_model.hpp>
#include <support/measure.hpp>
#include <support/output_file.hpp>
#include <support/program.hpp>
#include <support/progress.hpp>
#include <support/read_input.hpp>
#include <support/short_waits.hpp>
#include <support/stop_strings.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using examples::language_model;
using mamba::model::token;

struct generate_options {
  examples::common_options common;
  std::string prompt, prompt_file, ids, load_state, save_state, config;
  bool prompt_given = false, prompt_file_given = false, ids_given = false, escapes = false;
  bool seed_given = false, force = false;
  std::size_t tokens = 128;
  mamba::model::sampling_options sampling{.temperature = 0.8};
  std::uint64_t seed = 0;
  std::vector<std::string> stop;
  std::string echo = "yes";
};

constexpr char const* notes =
    "Without a prompt option, a prompt is read from standard input if one waits there; otherwise the text starts from\n"
    "nothing. The text goes to standard output: the prompt (unless --echo no), then the continuation as it is drawn.\n"
    "It ends after -n tokens, at the model's end-of-text token (eos_token_id of generation_config.json or "
    "config.json,\n"
    "or <|endoftext|>), or before a stop string; Ctrl-C ends it, too. In --stop, \\n, \\t, \\r, \\\\ and \\xHH are "
    "escapes.\n"
    "An empty prompt starts from bos_token_id, or <|endoftext|>; from a new line where tokens are bytes.\n"
    "--save-state writes what the model has after the last token: its state, the logits of the next token, the "
    "tokens,\n"
    "and the random numbers to come if a token was drawn. --load-state continues from there: the prompt is what\n"
    "follows, none continues the text itself, and nothing is read again. It needs the same model and --weights.\n";

bool parse(int argc, char** argv, generate_options& o) {
  examples::command_line line("generate", "Continues a prompt with a Mamba language model.");
  line.add_common(o.common);
  auto* const prompt = line.text("-p,--prompt", o.prompt, "The text to go on with; - reads standard input");
  auto* const file = line.name("--prompt-file", o.prompt_file, "A file with the text to go on with")->type_name("FILE");
  auto* const ids = line.text("--ids", o.ids, "Token ids to go on with, for instance \"12 7 90\"")->type_name("IDS");
  line.flag("-e,--escapes", o.escapes, "In -p TEXT, \\n, \\t, \\r, \\\\ and \\xHH are escapes, as in --stop");
  line.one_of({prompt, file, ids});
  constexpr std::size_t many = std::uint32_t(-1);
  line.number("-n,--tokens", o.tokens, 0, many, "How many tokens to generate (default: 128)");
  line.number("-t,--temperature", o.sampling.temperature, 0, 1e6,
              "Below 1 bolder on what is likely, above 1 more even; 0: always the most likely (default: 0.8)");
  line.number("--top-k", o.sampling.top_k, 0, many, "Draw among the K most likely tokens; 0: all (default)");
  line.number("--top-p", o.sampling.top_p, 0, 1, "Draw among the fewest tokens with this probability (default: 1)");
  line.number("--min-p", o.sampling.min_p, 0, 1,
              "Draw among tokens with this share of the highest probability (default: 0)");
  line.number("--repetition-penalty", o.sampling.repetition_penalty, 1e-6, 1e6,
              "Above 1: tokens already there become less likely (default: 1)");
  auto* const seed = line.number("--seed", o.seed, 0, std::uint64_t(-1),
                                 "The same seed draws the same text (default: a new one, shown at the end)");
  line.texts("--stop", o.stop, "End before this text; may be given several times");
  line.name("--save-state", o.save_state, "Write the state at the end there")->type_name("FILE");
  line.name("--load-state", o.load_state, "Continue from a file of --save-state")->type_name("FILE");
  line.flag("--force", o.force, "Let --save-state replace a file that exists");
  line.choice("--echo", o.echo, {"yes", "no"}, {}, "Whether the text begins with the prompt (default: yes)");
  line.footer(notes);
  if (!line.parse(argc, argv)) return false;

  o.prompt_given = prompt->count() > 0;
  o.prompt_file_given = file->count() > 0;
  o.ids_given = ids->count() > 0;
  o.seed_given = seed->count() > 0;
  o.config = line.config();
  if (!o.seed_given) o.seed = std::random_device{}();
  if (o.force && o.save_state.empty()) mamba::core::fail("--force needs --save-state");
  for (std::string const& s : o.stop)
    if (s.empty()) mamba::core::fail("--stop must not be empty");
  for (std::string& s : o.stop) s = examples::unescaped(s);
  return true;
}

std::string prompt_text(generate_options const& o) {
  if (o.prompt_file_given) return examples::read_file(o.prompt_file);
  if (o.prompt_given && o.prompt != "-") return o.escapes ? examples::unescaped(o.prompt) : o.prompt;
  if (o.prompt_given) return examples::read_file("-");
  constexpr double patience = 2;  // seconds, then a message about the wait for standard input
  auto const input = examples::look_at_input(patience);
  if (input == examples::waiting_input::none) return {};
  if (input == examples::waiting_input::pending)
    std::fprintf(stderr, "generate: waiting for a prompt on standard input; -p TEXT gives one, < /dev/null none\n");
  return examples::read_file("-");
}

std::vector<token> prompt_tokens(generate_options const& o, language_model const& model) {
  std::vector<token> ids;
  if (o.ids_given) {
    ids = examples::parse_ids(o.ids, model.vocabulary(), "--ids");
  } else {
    auto const text = prompt_text(o);
    if (!text.empty()) examples::expect_reads_text(model, "--ids");
    ids = model.tokenizer.encode(text);
    examples::check_ids(ids, model.vocabulary(), "the prompt");
  }
  return ids;
}

/// A sequence of a model, as a file of --load-state has it, or before its first token.
template <class T>
struct text_state {
  mamba::model::state<mamba::model::any, T> state;
  std::vector<token> history;  ///< what is read, or is to be read next
  std::size_t read = 0;        ///< how much of it is read
  std::vector<T> logits;
  std::optional<mamba::model::generator> generator = {};
};

/// The state of --load-state, if it is given.
template <class T>
void load(text_state<T>& to, language_model const& model, mamba::io::model_fingerprint const& of,
          std::string const& file) {
  auto extras = mamba::io::load_state<T>(file, to.state, of);
  if (extras.outputs.size() != to.logits.size() || extras.position != extras.tokens.size() || extras.tokens.empty())
    mamba::core::fail(file + ": has " + std::to_string(extras.outputs.size()) + " logits and " +
                      std::to_string(extras.tokens.size()) + " tokens at position " + std::to_string(extras.position) +
                      ", expected " + std::to_string(to.logits.size()) + ", and all tokens up to the position");
  examples::check_ids(extras.tokens, model.vocabulary(), file);
  examples::expect_finite<T>(extras.outputs, file);
  to.history = std::move(extras.tokens);
  to.read = to.history.size();
  to.logits = std::move(extras.outputs);
  to.generator = extras.generator;
}

/// Reads what is left of the history. Any split into calls gives the same bits, and between chunks there is time for a
/// progress bar.
template <class T>
void read_history(examples::loaded_model<T> const& weights, text_state<T>& at) {
  constexpr std::size_t chunk = mamba::model::chunk_rows;
  std::size_t const size = at.history.size();
  std::size_t const before = at.read;
  examples::progress bar("reading prompt", size - before);
  while (at.read < size && !examples::interrupted()) {
    std::size_t const count = std::min(chunk, size - at.read);
    std::size_t const rows = at.read + count == size ? 1 : 0;  // only the last token's logits are of use
    weights.forward(std::span<token const>(at.history).subspan(at.read, count), at.state,
                    {at.logits.data(), rows, at.logits.size()});
    at.read += count;
    bar.update(at.read - before);
  }
  bar.finish();
}

template <class T>
void continue_text(examples::loaded_model<T> const& weights, language_model const& model,
                   std::vector<token> const& prompt, generate_options const& o) {
  text_state<T> at{weights.initial, {}, 0, std::vector<T>(model.vocabulary())};
  mamba::io::model_fingerprint of;
  if (!o.load_state.empty() || !o.save_state.empty()) of = weights.fingerprint();
  if (!o.load_state.empty()) load(at, model, of, o.load_state);
  mamba::io::stream_decoder decoder(model.tokenizer);
  for (token const id : at.history) static_cast<void>(decoder.push(id));  // its last character may be unfinished

  // An empty prompt: generation starts from the token that begins a text, or from a new line.
  at.history.insert(at.history.end(), prompt.begin(), prompt.end());
  if (at.history.empty()) {
    auto const start = model.start();
    if (!start) {
      mamba::core::fail(
          "the prompt is empty, and the model names no token to start from (bos_token_id in config.json); "
          "give a prompt");
    }
    at.history.push_back(*start);
  }
  examples::check_ids(at.history, model.vocabulary(), "an empty prompt");

  std::size_t const prompt_size = at.history.size() - at.read;
  examples::stopwatch const prompt_time;
  read_history(weights, at);
  if (examples::interrupted()) throw examples::interruption{};
  double const prompt_seconds = prompt_time.seconds();
  examples::expect_finite<T>(at.logits, model.files.tensors.where());  // before anything is shown

  mamba::model::sampler draw(o.sampling);
  bool const continues = at.generator && !o.seed_given;
  mamba::model::generator random = continues ? *at.generator : mamba::model::generator(o.seed);
  examples::stop_strings stops(o.stop);
  std::span<T const> const real =
      std::span<T const>(at.logits).first(model.reads_text() ? model.real_vocabulary() : model.vocabulary());
  std::size_t drawn = 0;
  bool line_open = false;
  auto const show = [&](std::string const& text) {
    if (text.empty()) return;
    examples::write_output(text);
    line_open = text.back() != '\n';
  };
  std::string before;  // through the decoder, also where it isn't shown: its last character may be unfinished
  for (token const id : prompt) before += decoder.push(id);
  if (o.echo == "yes") show(before);
  examples::stopwatch const generation_time;
  while (drawn < o.tokens && !examples::interrupted()) {
    examples::expect_finite<T>(at.logits, model.files.tensors.where());
    token const next = draw(real, at.history, random);
    if (model.ends(next)) break;
    at.history.push_back(next);
    ++drawn;
    show(stops.push(decoder.push(next)));
    if (stops.found()) break;
    if (drawn == o.tokens) break;
    weights.forward({&next, 1}, at.state, {at.logits.data(), 1, at.logits.size()});
    ++at.read;
  }
  show(stops.push(decoder.finish()));
  show(stops.finish());
  double const generation_seconds = generation_time.seconds();
  if (line_open && examples::is_terminal(stdout)) examples::write_output("\n");

  if (!o.save_state.empty()) {
    for (; at.read < at.history.size(); ++at.read)  // the last token drawn
      weights.forward({&at.history[at.read], 1}, at.state, {at.logits.data(), 1, at.logits.size()});
    if (drawn > 0) at.generator = random;
    mamba::io::save_state(
        o.save_state, at.state, of,
        mamba::io::state_extras<T>{
            .outputs = at.logits, .tokens = at.history, .position = at.read, .generator = at.generator, .notes = {}});
  }

  auto const report = [](char const* what, std::size_t tokens, double seconds) {
    std::fprintf(stderr, "%s: %zu token%s, %s tokens/s\n", what, tokens, tokens == 1 ? "" : "s",
                 examples::three_digits(examples::rate(tokens, seconds)).c_str());
  };
  std::fputs("\n", stderr);
  report("prompt", prompt_size, prompt_seconds);
  report("generation", drawn, generation_seconds);
  std::fprintf(stderr, "peak memory: %s\n", examples::readable_bytes(examples::peak_memory()).c_str());
  if (continues) {
    std::fprintf(stderr, "seed: continued from %s\n", o.load_state.c_str());
  } else {
    std::fprintf(stderr, "seed: %llu\n", static_cast<unsigned long long>(o.seed));
  }
  if (examples::interrupted()) throw examples::interruption{};
}

/// The file of --save-state can be written, as far as that can be said beforehand.
void check_target(generate_options const& o, language_model const& model) {
  bool const reads_input = !o.prompt_file_given && !o.ids_given && (!o.prompt_given || o.prompt == "-");
  examples::check_output_file("--save-state", o.save_state, o.force, o.common.model, model,
                              {{o.prompt_file, "the prompt itself"},
                               {reads_input ? "-" : "", "the prompt itself"},
                               {o.load_state, "the file of --load-state"},
                               {o.config, "the file of --config"}});
  std::error_code ignored;
  auto const status = std::filesystem::status(o.save_state, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return;  // a pipe, a device
  mamba::io::new_file const attempt(o.save_state);                                           // removed again at once
}

}  // namespace

int main(int argc, char** argv) {
  examples::wait_shortly();
  return examples::run_program("generate", [&] {
    generate_options o;
    if (!parse(argc, argv, o)) return;
    language_model const model = examples::open_language_model(o.common.model);
    if (!o.save_state.empty()) check_target(o, model);
    auto const tokens = prompt_tokens(o, model);
    examples::with_model(model.files, o.common.weights,
                         [&](auto const& weights) { continue_text(weights, model, tokens, o); });
  });
}
