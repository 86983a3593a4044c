// SPDX-License-Identifier: MIT
// mamba/io/file/lfs_pointer.hpp — recognises the text that Git leaves in place of a large file.  [floor 7]
#pragma once

#include <mamba/core/error.hpp>

#include <string>
#include <string_view>

namespace mamba::inline MAMBA_ABI::io {

/// Throws:  mamba::error where the bytes of a file are a Git LFS pointer and not the file. `source` names it.
inline void refuse_lfs_pointer(std::string_view bytes, std::string const& source) {
  if (!bytes.starts_with("version https://git-lfs.github.com/spec/")) return;
  core::fail(source + ": is a Git LFS pointer in place of the file; fetch the file itself with git lfs pull");
}

}  // namespace mamba::inline MAMBA_ABI::io
