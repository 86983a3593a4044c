// SPDX-License-Identifier: MIT
// tokenize — the tokens of a text, each with its piece, or the text of some tokens.
#include <mamba/io/checkpoint/config.hpp>
#include <mamba/io/text/printable.hpp>
#include <mamba/io/text/utf8.hpp>
#include <mamba/io/tokenizer/tokenizer.hpp>
#include <support/command_line.hpp>
#include <support/program.hpp>
#include <support/read_input.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace {

struct options {
  std::string model = examples::default_model();
  std::string tokenizer, text, file, ids;
  bool text_given = false, ids_given = false, ids_only = false, escapes = false;
};

constexpr char const* notes =
    "Text to tokens: one line for each, the id, a tab, and the bytes it stands for in quotes (\\n, \\t, \\r, \\\\, "
    "\\\" and\n"
    "\\xHH are escapes); --only-ids writes the ids alone, on one line, as evaluate --tokens and generate --ids read "
    "them.\n"
    "Tokens to text: --ids writes the text and nothing else. Without a text, standard input is read.\n"
    "A folder without tokenizer.json has one token for each byte.\n";

bool parse(int argc, char** argv, options& o) {
  examples::command_line line("tokenize", "Shows the tokens of a text, and the text of tokens.");
  auto* const model = line.name("--model", o.model,
                                "Folder of a checkpoint, or of a tokenizer.json alone (default: the bundled model)");
  auto* const tokenizer = line.name("--tokenizer", o.tokenizer, "A tokenizer.json")->type_name("FILE");
  auto* const text = line.text("TEXT,-p,--text", o.text, "The text; - reads standard input (default)");
  line.flag("-e,--escapes", o.escapes, "In TEXT, \\n, \\t, \\r, \\\\ and \\xHH are escapes");
  auto* const file = line.name("--file", o.file, "A file with the text")->type_name("FILE");
  auto* const ids =
      line.text("--ids", o.ids, "Ids whose text is wanted, for instance \"12 7 90\"; - reads standard input")
          ->type_name("IDS");
  auto* const only_ids = line.flag("--only-ids", o.ids_only, "Write the ids alone");
  line.one_of({model, tokenizer});
  line.one_of({text, file, ids});
  line.one_of({ids, only_ids});
  line.add_threads();  // as every program has it; tokens are found by one
  line.footer(notes);
  if (!line.parse(argc, argv)) return false;
  o.text_given = text->count() > 0;
  o.ids_given = ids->count() > 0;
  return true;
}

/// The tokens of a model without tokenizer.json: bytes, if it has no more of them.
mamba::io::tokenizer bytes_of(std::filesystem::path const& folder) {
  std::error_code ignored;
  auto const config = folder / "config.json";
  if (std::filesystem::exists(config, ignored)) {
    std::size_t const tokens = mamba::io::read_config(config).vocab_size;
    if (tokens > 256) {
      mamba::core::fail(folder.string() + ": has no tokenizer.json, and " + std::to_string(tokens) +
                        " tokens are no bytes; put the tokenizer.json there, or give --tokenizer");
    }
  }
  return mamba::io::tokenizer::bytes();
}

mamba::io::tokenizer open(options const& o) {
  std::filesystem::path path = o.tokenizer;
  if (path.empty()) {
    std::filesystem::path folder = o.model;
    std::error_code ignored;
    if (!std::filesystem::exists(folder, ignored)) mamba::core::fail(o.model + ": no such file or folder");
    if (!std::filesystem::is_directory(folder, ignored)) folder = folder.parent_path();
    path = folder / "tokenizer.json";
    if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return bytes_of(folder);
  }
  return mamba::io::tokenizer::load(path);
}

/// The bytes of a piece in quotes, with what cannot be seen as escapes.
std::string shown(std::string_view bytes) {
  constexpr char const* digits = "0123456789abcdef";
  std::string out = "\"";
  while (!bytes.empty()) {
    auto const [kind, length] = mamba::io::utf8::front(bytes);
    auto const part = bytes.substr(0, length);
    if (part == "\n" || part == "\t" || part == "\r") {
      out += part == "\n" ? "\\n" : part == "\t" ? "\\t" : "\\r";
    } else if (part == "\\" || part == "\"") {
      out.append("\\").append(part);
    } else if (kind == mamba::io::utf8::kind::valid && !mamba::io::is_control(mamba::io::utf8::code_point(part))) {
      out += part;
    } else {
      for (char const c : part) {
        auto const byte = static_cast<unsigned char>(c);
        out.append("\\x").append(1, digits[byte / 16]).append(1, digits[byte % 16]);
      }
    }
    bytes.remove_prefix(length);
  }
  return out + "\"";
}

void tokenize(options const& o) {
  auto const words = open(o);
  if (o.ids_given) {
    auto const text = o.ids == "-" ? examples::read_file("-") : o.ids;
    examples::write_output(words.decode(examples::parse_ids(text, words.size(), "--ids")));
    return;
  }
  bool const given = o.text_given && o.text != "-";
  auto const text = given            ? (o.escapes ? examples::unescaped(o.text) : o.text)
                    : o.file.empty() ? examples::read_file("-")
                                     : examples::read_file(o.file);
  std::string out;
  for (auto const id : words.encode(text)) {
    if (o.ids_only) {
      out += (out.empty() ? "" : " ") + std::to_string(id);
    } else {
      out += std::to_string(id) + "\t" + shown(words.bytes_of(id)) + "\n";
    }
  }
  examples::write_output(o.ids_only ? out + "\n" : out);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("tokenize", [&] {
    options o;
    if (parse(argc, argv, o)) tokenize(o);
  });
}
