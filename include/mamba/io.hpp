// SPDX-License-Identifier: MIT
// mamba/io.hpp — files: checkpoints, tokenizers, safetensors. An optional component that needs JSON and utf8proc.
//
//     open_checkpoint, load_weights<W>, save_weights   a checkpoint, a folder or a file, checked and loaded
//     load_network<N>, save_network                    any network of a caller's own sizes, from and to such files
//     save_state, load_state, fingerprint              a state, to continue from it later
//     load_tokenizer, tokenizer, stream_decoder        text to tokens and back
//     visit_format                                     from a format's name to its type
//     safetensors::archive, safetensors::writer        the file format itself
//
// The rest of io/ are their parts, and may change.
#pragma once

#include <mamba/io/checkpoint/checkpoint.hpp>
#include <mamba/io/checkpoint/network.hpp>
#include <mamba/io/formats.hpp>
#include <mamba/io/safetensors/archive.hpp>
#include <mamba/io/safetensors/writer.hpp>
#include <mamba/io/state/state_file.hpp>
#include <mamba/io/tokenizer/load_tokenizer.hpp>
#include <mamba/io/tokenizer/tokenizer.hpp>
