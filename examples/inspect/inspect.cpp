// SPDX-License-Identifier: MIT
// inspect FILE — prints the metadata and the tensors of a safetensors file, or of all shards of a checkpoint.
#include <inspect/table.hpp>
#include <support/command_line.hpp>
#include <support/program.hpp>

#include <sstream>
#include <string>

int main(int argc, char** argv) {
  return examples::run_program("inspect", [&] {
    std::string path = examples::default_model();
    examples::command_line line("inspect", "Prints the metadata and the tensors of a safetensors file as a table.");
    line.name(
        "FILE", path,
        "A .safetensors file, a model.safetensors.index.json, or a folder with either (default: the bundled model)");
    line.add_threads();  // as every program has it; reading a header takes one
    if (!line.parse(argc, argv)) return;
    std::ostringstream table;
    examples::print_table(table, mamba::io::safetensors::archive::open(path));
    examples::write_output(table.str());
  });
}
