// SPDX-License-Identifier: MIT
// generate — continues a prompt with a Mamba language model, token by token.
//
// The whole use of the library is in continue_text(): read the prompt (forward), then draw, show, step, in a loop.
#include <mamba/model/forward.hpp>
#include <mamba/model/sampling.hpp>
#include <support/command_line.hpp>
#include <support/language_model.hpp>
#include <support/measure.hpp>
#include <support/program.hpp>
#include <support/progress.hpp>
#include <support/read_input.hpp>
#include <support/short_waits.hpp>
#include <support/stop_strings.hpp>

#include <cstdint>
#include <cstdio>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using examples::language_model;
using mamba::model::token;

struct generate_options {
  examples::common_options common;
  std::string prompt, prompt_file, ids;
  bool prompt_given = false, prompt_file_given = false, ids_given = false, escapes = false;
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
    "An empty prompt starts from bos_token_id, or <|endoftext|>; from a new line where tokens are bytes.\n";

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
  line.choice("--echo", o.echo, {"yes", "no"}, {}, "Whether the text begins with the prompt (default: yes)");
  line.footer(notes);
  if (!line.parse(argc, argv)) return false;

  o.prompt_given = prompt->count() > 0;
  o.prompt_file_given = file->count() > 0;
  o.ids_given = ids->count() > 0;
  if (seed->count() == 0) o.seed = std::random_device{}();
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

template <class W>
void continue_text(mamba::model::weights<mamba::model::any, W> const& weights, language_model const& model,
                   std::vector<token> const& prompt, generate_options const& o) {
  using T = typename mamba::model::weights<mamba::model::any, W>::scalar;
  mamba::model::state<mamba::model::any, T> state(weights.sizes());
  mamba::model::workspace workspace(weights);
  std::vector<T> logits(model.vocabulary());

  // An empty prompt: generation starts from the token that begins a text, or from a new line.
  std::vector<token> history = prompt;
  if (history.empty()) {
    auto const start = model.start();
    if (!start) {
      mamba::core::fail(
          "the prompt is empty, and the model names no token to start from (bos_token_id in config.json); "
          "give a prompt");
    }
    history.push_back(*start);
  }
  examples::check_ids(history, model.vocabulary(), "an empty prompt");

  // The prompt, in chunks: any split gives the same bits, and between chunks there is time for a progress bar.
  constexpr std::size_t chunk = mamba::model::chunk_rows;
  std::size_t const prompt_size = history.size();
  examples::stopwatch const prompt_time;
  examples::progress bar("reading prompt", prompt_size);
  for (std::size_t first = 0; first < prompt_size && !examples::interrupted(); first += chunk) {
    std::size_t const count = std::min(chunk, prompt_size - first);
    std::size_t const rows = first + count == prompt_size ? 1 : 0;  // only the last token's logits are of use
    mamba::model::forward(weights, std::span<token const>(history).subspan(first, count), state, workspace,
                          mamba::matrix_view<T>(logits.data(), rows, logits.size()));
    bar.update(first + count);
  }
  bar.finish();
  if (examples::interrupted()) throw examples::interruption{};
  double const prompt_seconds = prompt_time.seconds();
  examples::expect_finite<T>(logits, model.files.tensors.where());  // before anything is shown

  mamba::model::sampler draw(o.sampling);
  mamba::model::generator random(o.seed);
  mamba::io::stream_decoder decoder(model.tokenizer);
  examples::stop_strings stops(o.stop);
  std::span<T const> const real =
      std::span<T const>(logits).first(model.reads_text() ? model.real_vocabulary() : model.vocabulary());
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
    examples::expect_finite<T>(logits, model.files.tensors.where());
    token const next = draw(real, history, random);
    if (model.ends(next)) break;
    history.push_back(next);
    ++drawn;
    show(stops.push(decoder.push(next)));
    if (stops.found()) break;
    if (drawn < o.tokens) mamba::model::step(weights, next, state, workspace, std::span<T>(logits));
  }
  show(stops.push(decoder.finish()));
  show(stops.finish());
  double const generation_seconds = generation_time.seconds();
  if (line_open && examples::is_terminal(stdout)) examples::write_output("\n");

  auto const report = [](char const* what, std::size_t tokens, double seconds) {
    std::fprintf(stderr, "%s: %zu token%s, %s tokens/s\n", what, tokens, tokens == 1 ? "" : "s",
                 examples::three_digits(examples::rate(tokens, seconds)).c_str());
  };
  std::fputs("\n", stderr);
  report("prompt", prompt_size, prompt_seconds);
  report("generation", drawn, generation_seconds);
  std::fprintf(stderr, "peak memory: %s\nseed: %llu\n", examples::readable_bytes(examples::peak_memory()).c_str(),
               static_cast<unsigned long long>(o.seed));
  if (examples::interrupted()) throw examples::interruption{};
}

}  // namespace

int main(int argc, char** argv) {
  examples::wait_shortly();
  return examples::run_program("generate", [&] {
    generate_options o;
    if (!parse(argc, argv, o)) return;
    language_model const model = examples::open_language_model(o.common.model);
    auto const tokens = prompt_tokens(o, model);
    examples::with_weights(model.files, o.common.weights,
                           [&](auto const& weights) { continue_text(weights, model, tokens, o); });
  });
}
