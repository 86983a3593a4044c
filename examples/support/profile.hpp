// SPDX-License-Identifier: MIT
// support/profile.hpp — named sets of options in a YAML file.
//
//     careful:                 # --config FILE.yaml --profile careful
//       temperature: 0.4       # keys are long option names, without the dashes
//       stop: ["\n\n", END]    # options that can be repeated take a list
//
// The options' own rules (which exist, what they accept) are command_line.hpp's.
#pragma once

#include <mamba/core/error.hpp>
#include <support/read_input.hpp>

#include <yaml-cpp/yaml.h>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace examples {

/// One option of a profile, and where it stands, for error messages.
struct profile_entry {
  std::string option;
  std::vector<std::string> values;  ///< one, or as many as the list has
  std::string where;                ///< "FILE:LINE"
  bool list;
};

namespace detail {

// yaml-cpp counts lines from 0, and has none for what it made up.
inline std::string place(std::string const& source, YAML::Mark const& mark) {
  return mark.is_null() ? source : source + ":" + std::to_string(mark.line + 1);
}

inline std::string names_of(YAML::Node const& map) {
  std::string names;
  for (auto const& entry : map) names += (names.empty() ? "" : ", ") + entry.first.as<std::string>("?");
  return names;
}

inline std::vector<profile_entry> entries_of(YAML::Node const& profile, std::string const& source) {
  std::vector<profile_entry> entries;
  std::set<std::string> seen;
  for (auto const& pair : profile) {
    YAML::Node const& key = pair.first;
    YAML::Node const& value = pair.second;
    std::string const where = place(source, key.Mark());
    if (!key.IsScalar()) mamba::core::fail(where + ": an option's name must be plain text");
    profile_entry entry{key.Scalar(), {}, where, value.IsSequence()};
    if (!seen.insert(entry.option).second) mamba::core::fail(where + ": " + entry.option + " is set twice");
    auto const take = [&](YAML::Node const& one) {
      if (!one.IsScalar()) {
        mamba::core::fail(where + ": " + entry.option + " must be " +
                          (one.IsNull() ? "given a value, and has none" : "a value or a list of values"));
      }
      entry.values.push_back(one.Scalar());
    };
    if (value.IsSequence()) {
      for (auto const& one : value) take(one);
    } else {
      take(value);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace detail

/// The entries of one profile, in the file's order. Without a name: of the file's only profile.
///
/// Throws:  mamba::error, one sentence with file and line, when the file is not such YAML or has no such profile.
[[nodiscard]] inline std::vector<profile_entry> read_profile(std::filesystem::path const& file,
                                                             std::string const& name) {
  std::string const source = file == "-" ? "standard input" : file.string();
  std::string const text = read_file(file);
  try {
    std::vector<YAML::Node> const documents = YAML::LoadAll(text);
    if (documents.size() > 1) mamba::core::fail(source + ": has several YAML documents, expected one");
    if (documents.empty() || !documents[0].IsMap() || documents[0].size() == 0)
      mamba::core::fail(source + ": has no profiles, expected a map from names to options");
    YAML::Node const& root = documents[0];

    std::set<std::string> seen;
    YAML::Node chosen;
    bool found = false;
    for (auto const& pair : root) {
      if (!pair.first.IsScalar())
        mamba::core::fail(detail::place(source, pair.first.Mark()) + ": a profile's name must be plain text");
      std::string const here = pair.first.Scalar();
      if (!seen.insert(here).second)
        mamba::core::fail(detail::place(source, pair.first.Mark()) + ": profile " + here + " is there twice");
      if (found || (!name.empty() && here != name)) continue;
      if (!pair.second.IsMap() && !pair.second.IsNull())
        mamba::core::fail(detail::place(source, pair.first.Mark()) + ": profile " + here +
                          " must be a map from options to values");
      chosen = pair.second;
      found = true;
    }
    if (name.empty() && root.size() > 1)
      mamba::core::fail(source + ": has several profiles, choose one with --profile: " + detail::names_of(root));
    if (!found) mamba::core::fail(source + ": has no profile " + name + ", it has " + detail::names_of(root));
    return detail::entries_of(chosen, source);
  } catch (YAML::Exception const& e) {
    mamba::core::fail(detail::place(source, e.mark) + ": is not valid YAML (" + e.msg + ")");
  }
}

}  // namespace examples
