// SPDX-License-Identifier: MIT
#include <support/error_of.hpp>
#include <support/profile.hpp>
#include <support/temporary_folder.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace {

struct yaml_file {
  test::temporary_folder folder;

  std::vector<examples::profile_entry> read(std::string const& text, std::string const& name = "") const {
    test::write_text(folder / "p.yaml", text);
    return examples::read_profile(folder / "p.yaml", name);
  }
  // The error without the folder's name.
  std::string refused(std::string const& text, std::string const& name = "") const {
    auto const message = test::error_of([&] { static_cast<void>(read(text, name)); });
    auto const at = message.find("p.yaml");
    return at == std::string::npos ? message : message.substr(at);
  }
};

}  // namespace

TEST_CASE("profile: options keep their order, their text and their line") {
  yaml_file const file;
  auto const entries = file.read(
      "# a comment\n"
      "other: {seed: 1}\n"
      "mine:\n"
      "  temperature: 0.5   # another\n"
      "  seed: '007'\n"
      "  stop: [\"\\n\\n\", 'END', yes]\n"
      "  prompt: |\n"
      "    two\n"
      "    lines\n",
      "mine");
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].option == "temperature");
  CHECK(entries[0].values == std::vector<std::string>{"0.5"});
  CHECK_FALSE(entries[0].list);
  CHECK(entries[0].where == (file.folder / "p.yaml").string() + ":4");
  CHECK(entries[1].values == std::vector<std::string>{"007"});
  CHECK(entries[2].option == "stop");
  CHECK(entries[2].list);
  CHECK(entries[2].values == std::vector<std::string>{"\n\n", "END", "yes"});
  CHECK(entries[2].where.substr(entries[2].where.size() - 2) == ":6");
  CHECK(entries[3].values == std::vector<std::string>{"two\nlines\n"});
}

TEST_CASE("profile: without a name the only one, and an empty one is one") {
  yaml_file const file;
  CHECK(file.read("a: {seed: 1}").size() == 1);
  CHECK(file.read("a:\n", "a").empty());
  CHECK(file.read("a: &x {seed: 1}\nb: *x\n", "b").size() == 1);
  CHECK(file.read("1: {seed: 1}", "1").size() == 1);
  CHECK(file.refused("a: {seed: 1}\nb:\n") == "p.yaml: has several profiles, choose one with --profile: a, b");
  CHECK(file.refused("a: {seed: 1}\nb:\n", "c") == "p.yaml: has no profile c, it has a, b");
}

TEST_CASE("profile: what is no map of profiles is refused with file and line") {
  yaml_file const file;
  CHECK(file.refused("").find("p.yaml: has no profiles") == 0);
  CHECK(file.refused("# only a comment\n").find("p.yaml: has no profiles") == 0);
  CHECK(file.refused("just text").find("p.yaml: has no profiles") == 0);
  CHECK(file.refused("- a\n- b\n").find("p.yaml: has no profiles") == 0);
  CHECK(file.refused("{}").find("p.yaml: has no profiles") == 0);
  CHECK(file.refused("a: {seed: 1}\n---\nb: {}\n").find("p.yaml: has several YAML documents") == 0);
  CHECK(file.refused("a: 1\n") == "p.yaml:1: profile a must be a map from options to values");
  CHECK(file.refused("a: {}\n\na: {}\n", "a") == "p.yaml:3: profile a is there twice");
  CHECK(file.refused("a:\n  seed: 1\n  seed: 2\n") == "p.yaml:3: seed is set twice");
  CHECK(file.refused("a:\n  seed:\n") == "p.yaml:2: seed must be given a value, and has none");
  CHECK(file.refused("a:\n  seed: {x: 1}\n") == "p.yaml:2: seed must be a value or a list of values");
  CHECK(file.refused("a:\n  stop: [[x]]\n") == "p.yaml:2: stop must be a value or a list of values");
  CHECK(file.refused("a:\n  [x]: 1\n") == "p.yaml:2: an option's name must be plain text");
  CHECK(file.refused("[x]: {seed: 1}\n") == "p.yaml:1: a profile's name must be plain text");
}

TEST_CASE("profile: broken YAML and other bytes give one sentence, never a crash") {
  yaml_file const file;
  CHECK(file.refused("a: [1, 2\nb: }").find("p.yaml:2: is not valid YAML (") == 0);
  CHECK(file.refused("a:\n\t- tab\n").find("p.yaml:2: is not valid YAML (") == 0);
  CHECK(file.refused("a: *nothing\n").find("is not valid YAML (") != std::string::npos);
  CHECK(file.refused("a: " + std::string(100000, '[')).find("is not valid YAML (") != std::string::npos);
  CHECK(file.refused("a: " + std::string(100000, '{')).find("is not valid YAML (") != std::string::npos);
  CHECK(file.refused(std::string("\0\0\0\0", 4)).find("p.yaml") == 0);
  CHECK(file.refused("\xff\xfe\xfd").find("p.yaml") == 0);
  CHECK(test::error_of([] {
          static_cast<void>(examples::read_profile("no/such.yaml", "a"));
        }).find("no/such.yaml: cannot be opened") == 0);
}
