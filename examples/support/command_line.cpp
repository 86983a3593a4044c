// SPDX-License-Identifier: MIT
// support/command_line.cpp — the options' part that needs the whole of CLI11 and yaml-cpp, compiled once.
#include <support/command_line.hpp>

#include <mamba/core/version.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <support/output.hpp>
#include <support/profile.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <deque>
#include <exception>
#include <filesystem>
#include <system_error>

namespace examples {

std::string unescaped(std::string_view text) {
  auto const hex = [](char c) {
    constexpr std::string_view digits = "0123456789abcdef";
    return digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  };
  constexpr std::string_view letters = "nrt0\\", meanings{"\n\r\t\0\\", 5};
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '\\' || at + 1 == text.size()) {  // NOLINT(bugprone-branch-clone)
      out += text[at];
    } else if (auto const letter = letters.find(text[at + 1]); letter != letters.npos) {
      out += meanings[letter];
      ++at;
    } else if (text[at + 1] == 'x' && at + 3 < text.size() && hex(text[at + 2]) < 16 && hex(text[at + 3]) < 16) {
      out += static_cast<char>(static_cast<unsigned char>(16 * hex(text[at + 2]) + hex(text[at + 3])));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

std::string default_model() {
  std::error_code code;
  auto const program = std::filesystem::read_symlink("/proc/self/exe", code);
  if (!code) {
    auto const installed = program.parent_path().parent_path() / "share/mamba/default_model";
    if (std::filesystem::is_directory(installed, code)) return installed.string();
  }
  return MAMBA_DEFAULT_MODEL_DIR;
}

option* option::type_name(std::string const& name) {
  at_->type_name(name);
  return this;
}

std::size_t option::count() const { return at_->count(); }

struct command_line::parts {
  CLI::App app;
  std::string name, config, profile;
  int threads = 0;
  std::deque<option> options;
  std::vector<CLI::Option const*> from_profile;

  parts(std::string const& program, std::string const& description) : app(description, program), name(program) {}
  option* keep(CLI::Option* added) { return &options.emplace_back(added); }
  void apply(profile_entry const& entry);
  [[nodiscard]] bool given_by_user(CLI::Option const* of) const;
};

command_line::command_line(std::string const& name, std::string const& description)
    : parts_(std::make_unique<parts>(name, description)) {
  parts_->app.set_version_flag("--version", name + " " MAMBA_VERSION_STRING, "Print the version and end");
  parts_->app.set_help_flag("-h,--help", "Print this help and end");
  parts_->app.get_formatter()->column_width(36);
}

command_line::~command_line() = default;

option* command_line::value(std::string const& names, std::function<void(std::string const&)> const& take,
                            std::string const& help, std::string const& type) {
  return parts_->keep(parts_->app.add_option_function<std::string>(names, take, help)->take_last()->type_name(type));
}

void command_line::add_threads() {
  number("--threads", parts_->threads, 1, 4096, "Threads (default: OMP_NUM_THREADS, or every core)");
}

void command_line::add_common(common_options& common) {
  name("--model", common.model,
       "Checkpoint folder, or its .safetensors file beside config.json (default: the bundled model)");
  choice("--weights", common.weights, {"f32", "f16", "bf16", "q8", "q4", "ternary"}, {"f64"},
         "How weights are kept in memory (default: f32, or as a quantised file has them)");
  add_threads();
  name("--config", parts_->config, "YAML file with named sets of options (keys: long option names)");
  name("--profile", parts_->profile, "Which set of --config to use; the command line overrides it");
}

option* command_line::text(std::string const& names, std::string& target, std::string const& help) {
  return value(
      names, [&target](std::string const& v) { target = v; }, help, "TEXT");
}

option* command_line::name(std::string const& names, std::string& target, std::string const& help) {
  auto const take = [&target, names](std::string const& v) {
    if (v.empty()) mamba::core::fail(names + " must not be empty");
    target = v;
  };
  return value(names, take, help, "TEXT");
}

option* command_line::texts(std::string const& names, std::vector<std::string>& target, std::string const& help) {
  return parts_->keep(parts_->app
                          .add_option_function<std::vector<std::string>>(
                              names, [&target](std::vector<std::string> const& v) { target = v; }, help)
                          ->allow_extra_args(false)
                          ->type_name("TEXT"));
}

option* command_line::flag(std::string const& names, bool& target, std::string const& help) {
  return parts_->keep(parts_->app.add_flag(names, target, help));
}

option* command_line::choice(std::string const& names, std::string& target, std::vector<std::string> const& words,
                             std::vector<std::string> const& hidden, std::string const& help) {
  std::string shown, listed;
  for (auto const& w : words) {
    shown += (shown.empty() ? "" : "|") + w;
    listed += (listed.empty() ? "" : ", ") + w;
  }
  std::vector<std::string> known = words;
  known.insert(known.end(), hidden.begin(), hidden.end());
  auto const take = [&target, names, listed, known](std::string const& v) {
    if (std::find(known.begin(), known.end(), v) == known.end())
      mamba::core::fail(names + " must be one of " + listed + ", not \"" + mamba::io::shortened(v, 80) + "\"");
    target = v;
  };
  return value(names, take, help, shown);
}

void command_line::one_of(std::vector<option*> const& options) {
  for (option const* const a : options)
    for (option const* const b : options)
      if (a != b) a->at_->excludes(b->at_);
}

void command_line::footer(std::string const& text) { parts_->app.footer(text); }

bool command_line::parse(int argc, char const* const* argv) {
  try {
    parts_->app.parse(argc, argv);
  } catch (CLI::CallForHelp const&) {
    write_output(parts_->app.help());
    return false;
  } catch (CLI::CallForVersion const& e) {
    write_output(std::string(e.what()) + "\n");
    return false;
  } catch (CLI::ParseError const& e) {
    mamba::core::fail(std::string(e.what()) + " (see " + parts_->name + " --help)");
  }
  if (parts_->config.empty() && !parts_->profile.empty())
    mamba::core::fail("--profile needs --config FILE.yaml to choose from");
  if (!parts_->config.empty()) {
    for (profile_entry const& entry : read_profile(parts_->config, parts_->profile)) parts_->apply(entry);
  }
  if (parts_->threads > 0) mamba::parallel::set_thread_count(parts_->threads);
  return true;
}

std::string const& command_line::config() const noexcept { return parts_->config; }

void command_line::parts::apply(profile_entry const& entry) {
  CLI::Option* const option = app.get_option_no_throw("--" + entry.option);
  if (option == nullptr || entry.option == "config" || entry.option == "profile" || entry.option == "help" ||
      entry.option == "version") {
    std::string known;
    for (CLI::Option const* const o : app.get_options()) {
      std::string const long_name = o->get_lnames().empty() ? "" : o->get_lnames().front();
      if (long_name.empty() || long_name == "config" || long_name == "profile" || long_name == "help" ||
          long_name == "version")
        continue;
      known += (known.empty() ? "" : ", ") + long_name;
    }
    mamba::core::fail(entry.where + ": unknown option " + mamba::io::shortened(entry.option, 80) + ", known are " +
                      known);
  }
  // The command line wins, also where it has chosen another of several that exclude each other.
  if (given_by_user(option)) return;
  for (CLI::Option const* const other : option->get_excludes()) {
    if (given_by_user(other)) return;
    if (other->count() > 0)
      mamba::core::fail(entry.where + ": " + entry.option + " excludes " + other->get_lnames().front());
  }
  bool const repeats = option->get_items_expected_max() > 1;
  if (entry.list && !repeats) mamba::core::fail(entry.where + ": " + entry.option + " takes one value, not a list");
  if (entry.values.empty()) return;
  from_profile.push_back(option);
  try {
    for (std::string const& v : entry.values) option->add_result(v);
    option->run_callback();
  } catch (std::exception const& e) {
    mamba::core::fail(entry.where + ": " + e.what());
  }
}

bool command_line::parts::given_by_user(CLI::Option const* of) const {
  for (CLI::Option const* const o : from_profile)
    if (o == of) return false;
  return of->count() > 0;
}

}  // namespace examples
