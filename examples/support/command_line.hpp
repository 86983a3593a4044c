// SPDX-License-Identifier: MIT
// support/command_line.hpp — options with rules, from the command line or from a profile, and the ones that all share.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/text/printable.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace CLI {
class Option;
}

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
[[nodiscard]] std::string unescaped(std::string_view text);

/// Where the small model is: share/mamba/default_model beside the folder of an installed program, or else in the source
/// tree that the program was built from.
[[nodiscard]] std::string default_model();

/// The options of all programs that run a model.
struct common_options {
  std::string model = default_model();
  std::string weights;  ///< empty: f32, or as a quantised file has them
};

/// An option, for what a program says of it beyond its name.
class option {
 public:
  explicit option(CLI::Option* at) noexcept : at_(at) {}

  /// What help shows in place of the value.
  option* type_name(std::string const& name);

  /// How often it was given.
  [[nodiscard]] std::size_t count() const;

 private:
  friend class command_line;
  CLI::Option* at_;
};

/// A program's options. Each is a variable that keeps its value (its default) unless it is given.
class command_line {
 public:
  command_line(std::string const& name, std::string const& description);
  ~command_line();

  /// --threads, which every program has.
  void add_threads();

  /// --model, --weights, --threads, --config and --profile.
  void add_common(common_options& common);

  option* text(std::string const& names, std::string& target, std::string const& help);

  /// A text that cannot be empty, such as the name of a file: so an empty target has not been given.
  option* name(std::string const& names, std::string& target, std::string const& help);

  /// An option that may be given several times.
  option* texts(std::string const& names, std::vector<std::string>& target, std::string const& help);

  /// An option without a value.
  option* flag(std::string const& names, bool& target, std::string const& help);

  /// A number from low to high; anything else is refused in one sentence.
  template <class T>
  option* number(std::string const& names, T& target, std::type_identity_t<T> low, std::type_identity_t<T> high,
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
    return value(names, take, help, std::is_integral_v<T> ? "N" : "NUMBER");
  }

  /// One of some words. The hidden ones work too, and are not shown.
  option* choice(std::string const& names, std::string& target, std::vector<std::string> const& words,
                 std::vector<std::string> const& hidden, std::string const& help);

  /// At most one of these may be given.
  void one_of(std::vector<option*> const& options);

  void footer(std::string const& text);

  /// Reads the arguments, then the profile. False: --help or --version has been answered, there is nothing to do.
  ///
  /// Throws:  mamba::error, one sentence, for what is not as the options say.
  [[nodiscard]] bool parse(int argc, char const* const* argv);

  /// The file of --config; empty where it was not given.
  [[nodiscard]] std::string const& config() const noexcept;

 private:
  /// An option whose last value is given to `take`.
  option* value(std::string const& names, std::function<void(std::string const&)> const& take, std::string const& help,
                std::string const& type);
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace examples
