// SPDX-License-Identifier: MIT
// inspect FILE — prints the metadata and the tensors of a safetensors file, or of all shards of a checkpoint.
#include <mamba/core/threads.hpp>
#include <safetensors/table.hpp>
#include <support/program.hpp>

#include <CLI/CLI.hpp>

#include <sstream>
#include <string>

int main(int argc, char** argv) {
  std::string path = MAMBA_DEFAULT_MODEL_DIR;
  int threads = 0;
  CLI::App app{"Prints the metadata and the tensors of a safetensors file as a table."};
  app.add_option("FILE", path,
                 "a .safetensors file, a model.safetensors.index.json, or a folder with either; without it, the small "
                 "model that comes with the examples");
  app.add_option("--threads", threads, "accepted by every program; reading a header takes one")
      ->check(CLI::Range(1, 1024));
  try {
    app.parse(argc, argv);
  } catch (CLI::Success const& help) {
    return app.exit(help);
  } catch (CLI::ParseError const& e) {
    return examples::run_program("inspect", [&] { mamba::core::fail(e.what()); });
  }

  return examples::run_program("inspect", [&] {
    if (threads > 0) mamba::core::set_thread_count(threads);
    std::ostringstream table;
    safetensors::print_table(table, safetensors::archive::open(path));
    examples::write_output(table.str());
  });
}
