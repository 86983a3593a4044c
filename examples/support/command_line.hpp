// SPDX-License-Identifier: MIT
// support/command_line.hpp — options with rules, from the command line or from a profile, and the ones that all share.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/core/version.hpp>
#include <mamba/io/text/printable.hpp>
#include <mamba/parallel/parallel_for.hpp>
#include <support/output.hpp>
#include <support/profile.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace examples {

namespace detail {

/// The whole text as a number within [low, high], written in decimal: no white space, no hexadecimal, no "nan".
template <class T>
[[nodiscard]] bool parse_number(std::string const& text, T low, T high, T& out) {
  if constexpr (std::is_floating_point_v<T>) {
    if (text.empty() || text.find_first_not_of("0123456789+-.eE") != text.npos) return false;
    char* end = nullptr;
    out = static_cast<T>(std::strtod(text.c_str(), &end));
    if (end != text.c_str() + text.size()) return false;
  } else {
    auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (code != std::errc() || end != text.data() + text.size()) return false;
  }
  return out >= low && out <= high;
}

template <class T>
[[nodiscard]] std::string printed(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
  } else {
    return std::to_string(value);
  }
}

}  // namespace detail

/// A text with \\n, \\t, \\r, \\0, \\\\ and \\xHH replaced by what they stand for, as printf does; any other backslash
/// stays.
[[nodiscard]] inline std::string unescaped(std::string_view text) {
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

/// Where the small model is: share/mamba/default_model beside the folder of an installed program, or else in the source
/// tree that the program was built from.
[[nodiscard]] inline std::string default_model() {
  std::error_code code;
  auto const program = std::filesystem::read_symlink("/proc/self/exe", code);
  if (!code) {
    auto const installed = program.parent_path().parent_path() / "share/mamba/default_model";
    if (std::filesystem::is_directory(installed, code)) return installed.string();
  }
  return MAMBA_DEFAULT_MODEL_DIR;
}

/// The options of all programs that run a model.
struct common_options {
  std::string model = default_model();
  std::string weights;  ///< empty: f32, or as a quantised file has them
};

/// A program's options. Each is a variable that keeps its value (its default) unless it is given.
class command_line {
 public:
  command_line(std::string const& name, std::string const& description) : app_(description, name), name_(name) {
    app_.set_version_flag("--version", name + " " MAMBA_VERSION_STRING, "Print the version and end");
    app_.set_help_flag("-h,--help", "Print this help and end");
    app_.get_formatter()->column_width(36);
  }

  /// --threads, which every program has.
  void add_threads() { number("--threads", threads_, 1, 4096, "Threads (default: OMP_NUM_THREADS, or every core)"); }

  /// --model, --weights, --threads, --config and --profile.
  void add_common(common_options& common) {
    name("--model", common.model,
         "Checkpoint folder, or its .safetensors file beside config.json (default: the bundled model)");
    choice("--weights", common.weights, {"f32", "f16", "bf16", "q8", "q4", "ternary"}, {"f64"},
           "How weights are kept in memory (default: f32, or as a quantised file has them)");
    add_threads();
    name("--config", config_, "YAML file with named sets of options (keys: long option names)");
    name("--profile", profile_, "Which set of --config to use; the command line overrides it");
  }

  CLI::Option* text(std::string const& names, std::string& target, std::string const& help) {
    return app_
        .add_option_function<std::string>(
            names, [&target](std::string const& v) { target = v; }, help)
        ->take_last()
        ->type_name("TEXT");
  }

  /// A text that cannot be empty, such as the name of a file: so an empty target has not been given.
  CLI::Option* name(std::string const& names, std::string& target, std::string const& help) {
    auto const take = [&target, names](std::string const& v) {
      if (v.empty()) mamba::core::fail(names + " must not be empty");
      target = v;
    };
    return app_.add_option_function<std::string>(names, take, help)->take_last()->type_name("TEXT");
  }

  /// An option that may be given several times.
  CLI::Option* texts(std::string const& names, std::vector<std::string>& target, std::string const& help) {
    return app_
        .add_option_function<std::vector<std::string>>(
            names, [&target](std::vector<std::string> const& v) { target = v; }, help)
        ->allow_extra_args(false)
        ->type_name("TEXT");
  }

  /// An option without a value.
  CLI::Option* flag(std::string const& names, bool& target, std::string const& help) {
    return app_.add_flag(names, target, help);
  }

  /// A number from low to high; anything else is refused in one sentence.
  template <class T>
  CLI::Option* number(std::string const& names, T& target, std::type_identity_t<T> low, std::type_identity_t<T> high,
                      std::string const& help) {
    std::string const name = names.substr(names.find("--"));
    auto const take = [&target, low, high, name](std::string const& v) {
      T value{};
      if (!detail::parse_number<T>(v, low, high, value)) {
        std::string const kind = std::is_integral_v<T> ? "a whole number" : "a number";
        bool const too_large = !v.empty() && v.find_first_not_of("0123456789") == v.npos;
        bool const unbounded = high == std::numeric_limits<T>::max() && !too_large;
        mamba::core::fail(name + " must be " + kind +
                          (unbounded ? " of at least " + detail::printed(low)
                                     : " from " + detail::printed(low) + " to " + detail::printed(high)) +
                          ", not \"" + mamba::io::shortened(v, 80) + "\"");
      }
      target = value;
    };
    return app_.add_option_function<std::string>(names, take, help)
        ->take_last()
        ->type_name(std::is_integral_v<T> ? "N" : "NUMBER");
  }

  /// One of some words. The hidden ones work too, and are not shown.
  CLI::Option* choice(std::string const& names, std::string& target, std::vector<std::string> const& words,
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
    return app_.add_option_function<std::string>(names, take, help)->take_last()->type_name(shown);
  }

  /// At most one of these may be given.
  void one_of(std::vector<CLI::Option*> const& options) {
    for (CLI::Option* const a : options)
      for (CLI::Option* const b : options)
        if (a != b) a->excludes(b);
  }

  void footer(std::string const& text) { app_.footer(text); }

  /// Reads the arguments, then the profile. False: --help or --version has been answered, there is nothing to do.
  ///
  /// Throws:  mamba::error, one sentence, for what is not as the options say.
  [[nodiscard]] bool parse(int argc, char const* const* argv) {
    try {
      app_.parse(argc, argv);
    } catch (CLI::CallForHelp const&) {
      write_output(app_.help());
      return false;
    } catch (CLI::CallForVersion const& e) {
      write_output(std::string(e.what()) + "\n");
      return false;
    } catch (CLI::ParseError const& e) {
      mamba::core::fail(std::string(e.what()) + " (see " + name_ + " --help)");
    }
    if (config_.empty() && !profile_.empty()) mamba::core::fail("--profile needs --config FILE.yaml to choose from");
    if (!config_.empty()) {
      for (profile_entry const& entry : read_profile(config_, profile_)) apply(entry);
    }
    if (threads_ > 0) mamba::parallel::set_thread_count(threads_);
    return true;
  }

 private:
  void apply(profile_entry const& entry) {
    CLI::Option* const option = app_.get_option_no_throw("--" + entry.option);
    if (option == nullptr || entry.option == "config" || entry.option == "profile" || entry.option == "help" ||
        entry.option == "version") {
      std::string known;
      for (CLI::Option const* const o : app_.get_options()) {
        std::string const name = o->get_lnames().empty() ? "" : o->get_lnames().front();
        if (name.empty() || name == "config" || name == "profile" || name == "help" || name == "version") continue;
        known += (known.empty() ? "" : ", ") + name;
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
    from_profile_.push_back(option);
    try {
      for (std::string const& v : entry.values) option->add_result(v);
      option->run_callback();
    } catch (std::exception const& e) {
      mamba::core::fail(entry.where + ": " + e.what());
    }
  }

  [[nodiscard]] bool given_by_user(CLI::Option const* option) const {
    for (CLI::Option const* const o : from_profile_)
      if (o == option) return false;
    return option->count() > 0;
  }

  CLI::App app_;
  std::string name_, config_, profile_;
  int threads_ = 0;
  std::vector<CLI::Option const*> from_profile_;
};

}  // namespace examples
