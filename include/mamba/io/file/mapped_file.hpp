// SPDX-License-Identifier: MIT
// mamba/io/file/mapped_file.hpp — a file's bytes in memory, mapped where the system can.  [floor 7]
//
// On POSIX the file is mapped: pages are loaded when they are touched, and several programs share one copy of a large
// checkpoint. Elsewhere, or with -DMAMBA_NO_MMAP, the file is read. A mapped file must not be shortened while it is
// open: touching a page that is gone raises SIGBUS.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/tensor/storage.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#if !defined(MAMBA_NO_MMAP) && (defined(__unix__) || defined(__APPLE__))
#define MAMBA_HAS_MMAP 1
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#else
#define MAMBA_HAS_MMAP 0
#endif

namespace mamba::inline MAMBA_ABI::io {

/// A read-only file in memory, for as long as this object lives. Moving it leaves the bytes where they are.
class mapped_file {
 public:
  /// Throws:  mamba::error when `path` is missing, not a regular file, or cannot be read.
  explicit mapped_file(std::filesystem::path path) : path_(std::move(path)) {
    std::error_code code;
    auto const status = std::filesystem::status(path_, code);
    if (status.type() == std::filesystem::file_type::not_found) fail("no such file");
    if (code) fail("cannot be opened (" + code.message() + ")");
    if (std::filesystem::is_directory(status)) fail("is a folder, expected a file");
    if (!std::filesystem::is_regular_file(status)) fail("is not a regular file");
    open();
  }

  mapped_file(mapped_file&& other) noexcept
      : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})), copy_(std::move(other.copy_)) {}
  mapped_file& operator=(mapped_file&& other) noexcept {
    mapped_file moved(std::move(other));
    std::swap(path_, moved.path_);
    std::swap(bytes_, moved.bytes_);
    std::swap(copy_, moved.copy_);
    return *this;
  }
  mapped_file(mapped_file const&) = delete;
  mapped_file& operator=(mapped_file const&) = delete;
  ~mapped_file() { close(); }

  [[nodiscard]] std::span<std::byte const> bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::filesystem::path const& path() const noexcept { return path_; }

 private:
  [[noreturn]] void fail(std::string const& what) const { core::fail(path_.string() + ": " + what); }
  [[noreturn]] void fail_with(int error) const {
    fail("cannot be read (" + std::generic_category().message(error) + ")");
  }

#if MAMBA_HAS_MMAP
  void open() {
    struct descriptor {
      int value;
      ~descriptor() {
        if (value >= 0) ::close(value);
      }
    };
    descriptor const file{::open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (file.value < 0) fail_with(errno);
    struct stat facts {};
    if (::fstat(file.value, &facts) != 0) fail_with(errno);
    auto const size = static_cast<std::size_t>(facts.st_size);
    if (size == 0) return;  // mmap fails for empty files
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.value, 0);
    if (address == MAP_FAILED) fail_with(errno);
    bytes_ = {static_cast<std::byte const*>(address), size};
  }

  void close() noexcept {
    // munmap takes the address of mmap, whose pages are not const.
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }
#else
  void open() {
    struct closer {
      void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, closer> const file(std::fopen(path_.string().c_str(), "rb"));
    if (!file) fail_with(errno);
    copy_ = heap_storage<std::byte>(static_cast<std::size_t>(std::filesystem::file_size(path_)));
    if (std::fread(copy_.data(), 1, copy_.size(), file.get()) != copy_.size()) fail("cannot be read to its end");
    bytes_ = {copy_.data(), copy_.size()};
  }

  void close() noexcept {}
#endif

  std::filesystem::path path_;
  std::span<std::byte const> bytes_;
  heap_storage<std::byte> copy_;  ///< used only where the file is read
};

}  // namespace mamba::inline MAMBA_ABI::io
