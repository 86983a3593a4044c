// SPDX-License-Identifier: MIT
// tests/support/temporary_folder.hpp — a folder of one's own, gone at the end of the test.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace test {

/// An empty folder of its own, removed with its contents.
class temporary_folder {
 public:
  temporary_folder() {
    auto const base = std::filesystem::temp_directory_path();
    for (int i = 0;; ++i) {  // create_directory is true for the one who made it
      path_ = base / ("mamba_test_" + std::to_string(i));
      if (std::filesystem::create_directory(path_)) break;
    }
  }
  temporary_folder(temporary_folder const&) = delete;
  temporary_folder& operator=(temporary_folder const&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_bytes(std::filesystem::path const& path, std::span<std::byte const> bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<char const*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline void write_text(std::filesystem::path const& path, std::string_view text) {
  write_bytes(path, std::as_bytes(std::span(text)));
}

[[nodiscard]] inline std::string read_text(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace test
