// SPDX-License-Identifier: MIT
// Writes the sensor's model as a header of constants: make_sensor HEADER f32|q8.
#include "fill_sensor.hpp"

#include <mamba/io/checkpoint/constant_header.hpp>

#include <filesystem>
#include <fstream>
#include <string>

template <class W>
void write(std::filesystem::path const& file, std::string const& type) {
  std::ofstream(file, std::ios::binary) << mamba::io::constant_header(
      filled_sensor<W>(),
      {.file = "sensor.hpp", .type = "sensor<" + type + ", mamba::nn::constant>", .sizes = "sensor_sizes"},
      {.name = file.stem().string()});
}

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  if (argv[2] == std::string("q8")) {
    write<mamba::q8>(argv[1], "mamba::q8");
  } else {
    write<float>(argv[1], "float");
  }
}
