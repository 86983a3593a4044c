// SPDX-License-Identifier: MIT
// Writes the model of the targets as a checkpoint, from which `quantize --header` makes the constants that they run.
#include "model.hpp"

#include <mamba/io/checkpoint/checkpoint.hpp>

#include <filesystem>

int main(int, char** argv) {
  std::filesystem::remove_all(argv[1]);
  mamba::model::weights<> w(targets::sizes);
  targets::fill(w);
  mamba::io::save_weights(w, argv[1]);
}
