// SPDX-License-Identifier: MIT
// evaluate — how well a Mamba predicts a text: perplexity, bits per byte, its distance from another format of its
// weights, and its logits, for comparisons.
//
// The state is carried from chunk to chunk and the log-probabilities are added one token at a time, in order; so the
// result is the same, bit for bit, for every --chunk and every number of threads.
#include <mamba/io/safetensors/writer.hpp>
#include <mamba/model/forward.hpp>
#include <mamba/model/log_softmax.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <support/command_line.hpp>
#include <support/language_model.hpp>
#include <support/measure.hpp>
#include <support/output_file.hpp>
#include <support/program.hpp>
#include <support/progress.hpp>
#include <support/read_input.hpp>
#include <support/short_waits.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using examples::language_model;
using mamba::model::token;

struct evaluate_options {
  examples::common_options common;
  std::string text, tokens, logits, against, config;
  std::size_t chunk = 256;
  bool force = false;
};

constexpr char const* notes =
    "Each token is predicted from all before it, so a text of N tokens has N - 1 predictions; nothing predicts the\n"
    "first. Perplexity is exp(-mean log p) over them. Bits per byte are their -log2 p in all, over the bytes of the\n"
    "predicted tokens: the text without its first token (for a byte-level model, N - 1 bytes). The distribution is\n"
    "over all rows of the embedding, those that pad the vocabulary included.\n"
    "--against adds, over the same predictions, the mean of KL(p || q) in nats, where q is the distribution with\n"
    "--weights and p the one with the other format, and how often both have the same most probable token. Perplexity\n"
    "alone does not judge a format: rounding can flatten the distributions of an overfitted model, and lower it.\n"
    "tokens/s is the length over the time of the model's own forward passes, --against and --logits aside.\n"
    "Without --text and --tokens, the heldout.txt beside the model is read. Results go to standard output.\n";

bool parse(int argc, char** argv, evaluate_options& o) {
  examples::command_line line("evaluate", "Measures how well a Mamba language model predicts a text.");
  line.add_common(o.common);
  auto* const text = line.name("--text", o.text, "The text; - reads standard input")->type_name("FILE");
  auto* const tokens =
      line.name("--tokens", o.tokens, "A file of token ids in decimal, between white space")->type_name("FILE");
  line.one_of({text, tokens});
  line.number("--chunk", o.chunk, 1, std::uint32_t(-1),
              "Tokens read at a time; no influence on the result (default: 256)");
  line.name("--logits", o.logits,
            "Write the logits there: one F32 tensor \"logits\" of shape [length, vocab_size with padding]")
      ->type_name("FILE.safetensors");
  line.choice("--against", o.against, {"f32", "f16", "bf16", "q8", "q4", "ternary"}, {"f64"},
              "Compare with the same model in this format: KL divergence, same most probable token");
  line.flag("--force", o.force, "Let --logits replace a file that exists");
  line.footer(notes);
  if (!line.parse(argc, argv)) return false;
  if (o.force && o.logits.empty()) mamba::core::fail("--force needs --logits");
  o.config = line.config();
  return true;
}

/// What is predicted, and how many bytes it is; no bytes where ids have no text.
struct sequence {
  std::vector<token> tokens;
  std::optional<std::size_t> predicted_bytes;
};

sequence read_sequence(evaluate_options const& o, language_model const& model) {
  std::filesystem::path file = o.tokens.empty() ? o.text : o.tokens;
  if (file.empty()) {
    file = model.files.folder / "heldout.txt";
    if (std::error_code ignored; !std::filesystem::exists(file, ignored))
      mamba::core::fail("no text is given, and there is no " + file.string() + ": name one with --text or --tokens");
  }
  std::string const source = file == "-" ? "standard input" : file.string();
  std::string const content = examples::read_file(file);
  sequence s;
  if (o.tokens.empty()) {
    examples::expect_reads_text(model, "--tokens");
    s.tokens = model.tokenizer.encode(content);
    examples::check_ids(s.tokens, model.vocabulary(), source);
  } else {
    s.tokens = examples::parse_ids(content, model.vocabulary(), source);
  }
  std::size_t const least = o.logits.empty() ? 2 : 1;
  if (s.tokens.empty()) mamba::core::fail(source + ": is empty, there is nothing to evaluate");
  if (s.tokens.size() < least)
    mamba::core::fail(source + ": has one token, expected two or more: the first is not predicted");
  if (model.files.tokenizer || model.is_bytes()) {
    s.predicted_bytes = 0;
    for (token const id : std::span(s.tokens).subspan(1)) *s.predicted_bytes += model.tokenizer.bytes_of(id).size();
  }
  return s;
}

/// log softmax(logits)[id], in double whatever the logits are.
template <class T>
double log_probability(std::span<T const> logits, token id) {
  return static_cast<double>(logits[static_cast<std::size_t>(id)]) - mamba::model::log_sum_exp(logits);
}

/// Another model's logits of the next tokens of the text, [tokens, vocabulary]; it carries its own state.
using other_model = std::function<void(std::span<token const>, std::span<double>)>;

template <class T>
other_model in_double(examples::loaded_model<T> other) {
  auto state = other.initial;
  return [other = std::move(other), state = std::move(state), rows = std::vector<T>()](
             std::span<token const> tokens, std::span<double> logits) mutable {
    rows.resize(logits.size());
    other.forward(tokens, state, {rows.data(), tokens.size(), logits.size() / tokens.size()});
    std::copy(rows.begin(), rows.end(), logits.begin());
  };
}

/// The same checkpoint with weights in another format.
other_model in_format(language_model const& model, std::string const& format) {
  other_model out;
  examples::with_model(model.files, format, [&](auto loaded) { out = in_double(std::move(loaded)); });
  return out;
}

/// How one prediction differs from another's.
struct difference {
  double divergence = 0;  ///< KL(p ‖ q) in nats
  bool agrees = false;    ///< the same most probable token, the first of equal ones
};

/// q = softmax(logits) beside p = softmax(others).
template <class T>
difference compare(std::span<T const> logits, std::span<double const> others) {
  auto const highest = std::max_element(logits.begin(), logits.end());
  auto const other_highest = std::max_element(others.begin(), others.end());
  double sum = 0, other_sum = 0, mean = 0;  // Σ e^l, Σ e^m, Σ e^m (m − l), of differences from the highest
  for (std::size_t i = 0; i < logits.size(); ++i) {
    double const l = static_cast<double>(logits[i]) - static_cast<double>(*highest), m = others[i] - *other_highest;
    sum += std::exp(l);
    other_sum += std::exp(m);
    mean += std::exp(m) * (m - l);
  }
  return {mean / other_sum + std::log(sum) - std::log(other_sum),
          highest - logits.begin() == other_highest - others.begin()};
}

template <class T>
void evaluate(examples::loaded_model<T> const& weights, language_model const& model, sequence const& text,
              mamba::io::safetensors::writer* logits_file, std::size_t chunk, std::string const& against) {
  std::size_t const length = text.tokens.size();
  std::size_t const vocabulary = model.vocabulary();
  chunk = std::min(chunk, length);
  auto state = weights.initial;
  std::vector<T> logits(chunk * vocabulary);
  std::vector<float> as_float;
  std::vector<double> log_p(chunk);

  other_model const other = against.empty() ? other_model() : in_format(model, against);
  std::vector<double> other_logits(other ? logits.size() : 0);
  std::vector<difference> differences(other ? chunk : 0);

  double total = 0, divergence = 0;
  std::size_t agreed = 0;
  double seconds = 0;  // of the forward passes: not of the predictions' probabilities, the other model or the file
  examples::progress bar("evaluating", length);
  for (std::size_t first = 0; first < length; first += chunk) {
    if (examples::interrupted()) throw examples::interruption{};
    std::size_t const count = std::min(chunk, length - first);
    examples::stopwatch const time;
    weights.forward(std::span<token const>(text.tokens).subspan(first, count), state,
                    {logits.data(), count, vocabulary});
    seconds += time.seconds();
    examples::expect_finite<T>(std::span<T const>(logits).first(count * vocabulary), model.files.tensors.where());
    std::size_t const predictions = std::min(count, length - 1 - first);
    auto const cost = mamba::parallel::cost::scalar_operations(10 * predictions * vocabulary);  // an exp each
    mamba::parallel::parallel_for(predictions, cost, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        log_p[i] =
            log_probability(std::span<T const>(logits).subspan(i * vocabulary, vocabulary), text.tokens[first + i + 1]);
    });
    for (std::size_t i = 0; i < predictions; ++i) total += log_p[i];
    if (other) {
      std::span<double> const others = std::span(other_logits).first(count * vocabulary);
      other(std::span<token const>(text.tokens).subspan(first, count), others);
      examples::expect_finite<double>(others, model.files.tensors.where());
      mamba::parallel::parallel_for(predictions, 2 * cost, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
          differences[i] = compare(std::span<T const>(logits).subspan(i * vocabulary, vocabulary),
                                   std::span<double const>(others).subspan(i * vocabulary, vocabulary));
      });
      for (std::size_t i = 0; i < predictions; ++i) {
        divergence += differences[i].divergence;
        if (differences[i].agrees) ++agreed;
      }
    }
    if (logits_file != nullptr) {
      as_float.assign(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(count * vocabulary));
      logits_file->append(std::as_bytes(std::span<float const>(as_float)));
    }
    bar.update(first + count);
  }
  bar.finish();
  if (logits_file != nullptr) logits_file->finish();

  std::printf("tokens: %zu\npredictions: %zu\n", length, length - 1);
  if (length > 1) {
    auto const predictions = static_cast<double>(length - 1);
    double const perplexity = std::exp(-total / predictions);
    std::printf(perplexity < 1e9 ? "perplexity: %.6f\n" : "perplexity: %.6e\n", perplexity);
    std::printf("bits per token: %.6f\n", -total / predictions / std::log(2.0));
    if (text.predicted_bytes.value_or(0) > 0)
      std::printf("bits per byte: %.6f\n", -total / std::log(2.0) / static_cast<double>(*text.predicted_bytes));
  }
  if (other && length > 1) {
    auto const predictions = static_cast<double>(length - 1);
    std::printf("KL to %s: %.6g nats per token\n", against.c_str(), divergence / predictions);
    std::printf("top-1 agreement with %s: %.3f %%\n", against.c_str(), 100 * static_cast<double>(agreed) / predictions);
  }
  std::printf("tokens/s: %s\n", examples::three_digits(examples::rate(length, seconds)).c_str());
  if (!text.predicted_bytes)
    std::fprintf(stderr, "evaluate: no tokenizer.json beside the model, so there are no bytes to count bits by\n");
  std::fprintf(stderr, "peak memory: %s\n", examples::readable_bytes(examples::peak_memory()).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  examples::wait_shortly();
  return examples::run_program("evaluate", [&] {
    evaluate_options o;
    if (!parse(argc, argv, o)) return;
    language_model model = examples::open_language_model(o.common.model);
    // One width of the logits: an original configuration states fewer than the embedding has rows, transformers' does
    // not.
    model.files.config.vocab_size = model.files.config.padded_vocab();
    if (auto const& stored = model.files.blocks.format; !stored.empty() && !o.against.empty() && o.against != stored)
      mamba::core::fail("--against " + o.against + ": " + o.common.model + " has its weights in " + stored +
                        " only; give the original, with --weights " + stored);
    sequence const text = read_sequence(o, model);
    std::optional<mamba::io::safetensors::writer> logits_file;  // made before the work, so that it cannot fail after it
    if (!o.logits.empty()) {
      examples::check_output_file("--logits", o.logits, o.force, o.common.model, model,
                                  {{o.text, "the text itself"},
                                   {o.tokens, "the text itself"},
                                   {model.files.folder / "heldout.txt", "the text itself"},
                                   {o.config, "the file of --config"}});
      mamba::io::stored_tensor const tensor{
          "logits", mamba::io::dtype::f32, {text.tokens.size(), model.vocabulary()}, {}};
      logits_file.emplace(o.logits, std::span(&tensor, 1));
    }
    examples::with_model(model.files, o.common.weights, [&](auto const& weights) {
      evaluate(weights, model, text, logits_file ? &*logits_file : nullptr, o.chunk, o.against);
    });
  });
}
