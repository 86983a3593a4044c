// SPDX-License-Identifier: MIT
// mamba/io/file/new_names.hpp — files and folders a program creates, removed again if it fails.  [floor 7]
#pragma once

#include <mamba/core/error.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// Throws:  mamba::error where something of that name exists, even a dangling link.
inline void expect_new(std::filesystem::path const& path) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
    core::fail(path.string() + ": is there already, and would be overwritten; name another place");
}

/// Files and folders made so far. Unless keep() is called, the destructor removes them, the latest first; folders with
/// files of other programs stay.
class new_names {
 public:
  new_names() = default;
  new_names(new_names const&) = delete;
  new_names& operator=(new_names const&) = delete;
  ~new_names() {
    std::error_code ignored;
    for (; !made_.empty(); made_.pop_back()) std::filesystem::remove(made_.back(), ignored);
  }

  void add(std::filesystem::path path) { made_.push_back(std::move(path)); }

  /// Makes a folder and those it lies in, where they are missing.
  ///
  /// Throws:  mamba::error when it cannot be made, or is something else.
  void make_folder(std::filesystem::path const& folder) {
    std::vector<std::filesystem::path> missing;
    std::error_code code;
    for (auto path = folder; !path.empty() && !std::filesystem::exists(path, code); path = path.parent_path())
      missing.push_back(path);
    for (; !missing.empty(); missing.pop_back()) {
      if (std::filesystem::create_directory(missing.back(), code)) add(missing.back());
      if (code) break;
    }
    if (!code && !std::filesystem::is_directory(folder, code)) code = std::make_error_code(std::errc::not_a_directory);
    if (code) core::fail(folder.string() + ": the folder cannot be made (" + code.message() + ")");
  }

  void keep() noexcept { made_.clear(); }

 private:
  std::vector<std::filesystem::path> made_;
};

}  // namespace mamba::inline MAMBA_ABI::io
