// SPDX-License-Identifier: MIT
// mamba/io/file/new_file.hpp — atomic writing of a file.  [floor 7]
//
// The bytes go to a temporary file beside the target, which is renamed to the target when all of them are on disk. A
// reader of the target finds the old file or the new one at any time; a program that fails or is stopped leaves the
// old one unchanged.
#pragma once

#include <mamba/core/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

namespace mamba::inline MAMBA_ABI::io {

/// Writes bytes to `path`: append(), then commit(). Without commit() the target is unchanged and no temporary is left.
/// A device or a pipe (/dev/stdout, /dev/null) has no temporary: it is written directly.
class new_file {
 public:
  /// Throws:  mamba::error when the file cannot be created.
  explicit new_file(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code ignored;
    auto const status = std::filesystem::status(path_, ignored);
    if (std::filesystem::is_directory(status)) fail("cannot be written: it is a folder");
    if (!path_.has_filename()) fail("cannot be written: the path names no file");
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
      stream_.reset(std::fopen(path_.string().c_str(), "wb"));
    } else {
      // Through a link: the file it points to is replaced, not the link.
      target_ = std::filesystem::exists(status) ? std::filesystem::canonical(path_, ignored) : path_;
      if (target_.empty()) target_ = path_;
      for (int attempt = 0; !stream_ && attempt < 100; ++attempt) {
        temporary_ = target_;
        temporary_ += ".part" + std::to_string(attempt);
        stream_.reset(std::fopen(temporary_.string().c_str(), "wbx"));  // x: never a file that exists
        if (!stream_ && errno != EEXIST) break;
      }
    }
    if (!stream_) fail_with(errno, "cannot be written");
    created_ = !temporary_.empty();
  }

  new_file(new_file const&) = delete;
  new_file& operator=(new_file const&) = delete;
  ~new_file() {
    stream_.reset();
    std::error_code ignored;
    if (created_) std::filesystem::remove(temporary_, ignored);
  }

  /// Throws:  mamba::error when the bytes cannot be written, for example because the disk is full.
  void append(std::span<std::byte const> bytes) {
    if (bytes.empty()) return;
    if (std::fwrite(bytes.data(), 1, bytes.size(), stream_.get()) != bytes.size()) fail_with(errno, "write failed");
  }

  /// Renames the finished temporary to the target.
  ///
  /// Throws:  mamba::error when the last bytes cannot be written or the rename fails.
  void commit() {
    if (std::fflush(stream_.get()) != 0) fail_with(errno, "write failed");
#if defined(__unix__) || defined(__APPLE__)
    // Without this a power cut after the rename could leave an empty file under the final name.
    if (created_ && ::fsync(::fileno(stream_.get())) != 0) fail_with(errno, "write failed");
#endif
    if (std::fclose(stream_.release()) != 0) fail_with(errno, "write failed");
    if (!created_) return;
    std::error_code code;
    std::filesystem::rename(temporary_, target_, code);
    if (code) fail("cannot be written (" + code.message() + ")");
    created_ = false;
  }

 private:
  struct closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };

  [[noreturn]] void fail(std::string const& what) const { core::fail(path_.string() + ": " + what); }
  [[noreturn]] void fail_with(int error, std::string const& what) const {
    fail(what + " (" + std::generic_category().message(error) + ")");
  }

  std::filesystem::path path_, target_, temporary_;
  std::unique_ptr<std::FILE, closer> stream_;
  bool created_ = false;  ///< the temporary exists and must be removed
};

}  // namespace mamba::inline MAMBA_ABI::io
