// SPDX-License-Identifier: MIT
// mamba/io/state/state_file.hpp — saves a state to a file, and continues from it.  [floor 7]
//
//     auto const of = io::fingerprint(weights);                        // once for a loaded model
//     io::save_state("prefix.state", state, of, {.outputs = logits, .position = tokens.size()});
//     auto const extras = io::load_state("prefix.state", state, of);   // no token is read again
//
// A safetensors file that any reader opens. Numbers are in logical order (row-major, by State::for_each), so that a
// file does not depend on the instruction set that wrote it, and a state comes back bit by bit:
//
//     tensor state.NAME          F32 or F64, shape as for_each has it    state.layers.3.ssm [d_inner, d_state]
//     tensor outputs, tokens     F32 or F64 [n], I32 [n]                 where the program gave them
//     __metadata__               mamba.state.version                     1
//                                mamba.state.checksum                    CRC-64 of the file with zeros here
//                                mamba.state.model, .weights, .digest    the fingerprint of the model
//                                mamba.state.position, .generator        where the program gave them
//
// Keys without "mamba." before them are the program's own. A program that rewrites the file breaks its checksum.
#pragma once

#include <mamba/io/file/new_file.hpp>
#include <mamba/io/safetensors/writer.hpp>
#include <mamba/io/state/detail/state_reader.hpp>
#include <mamba/io/state/fingerprint.hpp>
#include <mamba/model/sampling.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace mamba::inline MAMBA_ABI::io {

/// What a program may save beside a state, to continue without reading or drawing anything again. T is the model's
/// arithmetic type.
template <class T = float>
struct state_extras {
  std::vector<T> outputs = {};                     ///< the latest outputs: the logits of the next token
  std::vector<model::token> tokens = {};           ///< what was read
  std::uint64_t position = 0;                      ///< items read
  std::optional<model::generator> generator = {};  ///< of the sampler
  safetensors::metadata_map notes = {};            ///< any other text; keys do not begin with "mamba."
};

namespace detail {

template <class Rows>
concept rows_in_double = requires(Rows& rows, std::span<double> row) { rows.get_row(std::size_t{0}, row); };

/// The type of a part's numbers: its rows are read and written in float or in double.
template <class Rows>
using row_scalar = std::conditional_t<rows_in_double<Rows>, double, float>;

template <class T>
inline constexpr dtype state_dtype = std::is_same_v<T, double> ? dtype::f64 : dtype::f32;

[[nodiscard]] inline std::string generator_text(model::generator const& g) {
  std::string out;
  for (std::uint64_t const word : g.state()) out += (out.empty() ? "" : " ") + hexadecimal(word);
  return out;
}

}  // namespace detail

/// Saves a state, and what a program needs beside it, in place of what has that name.
///
/// Shapes:  `state` is any value with State::for_each: of a network, of a mixer, of a stack, of a type of your own.
/// Domain:  `model` is the fingerprint of the network that the state belongs to ({} where it belongs to none).
/// Error:   none: every bit is kept, of NaN too.
/// Cost:    the file is put together in memory: twice the size of the state, until it is written.
/// Throws:  mamba::error where it cannot be written (a full disk, a folder that is missing or read-only): a file of
///          that name is unchanged then, and nothing else is left. The bytes go to a temporary name in the same folder
///          and are on disk when they get theirs (io/file/new_file.hpp).
template <class State, class T = float>
void save_state(std::filesystem::path const& file, State const& state, model_fingerprint const& model,
                state_extras<T> const& extras = {}) {
  auto metadata = extras.notes;
  for (auto const& [key, value] : metadata) {
    if (key.starts_with("mamba."))
      core::fail(file.string() + ": a note is named " + in_quotes(key) +
                 ", expected a name that does not begin with 'mamba.'");
  }
  metadata[metadata_key::state_version] = state_file_version;
  metadata[metadata_key::state_checksum] = std::string(16, '0');
  metadata[metadata_key::state_model] = model.sizes;
  metadata[metadata_key::state_weights] = model.weights;
  metadata[metadata_key::state_digest] = detail::hexadecimal(model.digest);
  if (extras.position != 0) metadata[metadata_key::state_position] = std::to_string(extras.position);
  if (extras.generator) metadata[metadata_key::state_generator] = detail::generator_text(*extras.generator);

  std::vector<stored_tensor> tensors;
  std::vector<std::byte> data;
  auto const append = [&data](std::span<std::byte const> bytes) {
    data.insert(data.end(), bytes.begin(), bytes.end());
  };
  State::for_each(state, [&](std::string_view name, auto const& shape, auto const& rows) {
    using number = detail::row_scalar<decltype(rows)>;
    tensors.push_back({"state." + std::string(name), detail::state_dtype<number>, {shape.begin(), shape.end()}});
    std::vector<number> row(rows.row_size());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      rows.get_row(r, std::span<number>(row));
      append(std::as_bytes(std::span<number const>(row)));
    }
  });
  auto const list = [&](char const* name, dtype type, auto const& values) {
    if (values.empty()) return;
    tensors.push_back({name, type, {values.size()}});
    append(std::as_bytes(std::span(values)));
  };
  list("outputs", detail::state_dtype<T>, extras.outputs);
  list("tokens", dtype::i32, extras.tokens);

  auto const header = safetensors::header_of(file.string(), tensors, metadata, safetensors::order::as_given);
  MAMBA_EXPECTS(header.data_bytes == data.size(), "save_state: a part's rows are not as its shape says", data.size(),
                header.data_bytes);
  std::uint64_t const length = header.text.size();
  std::vector<std::byte> bytes(8 + length);
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.text.data(), length);
  bytes.insert(bytes.end(), data.begin(), data.end());
  std::size_t const digits = 8 + detail::checksum_place(header.text).value();
  auto const sum = detail::state_checksum(bytes, digits);
  std::memcpy(bytes.data() + digits, sum.data(), sum.size());
  new_file out(file);
  out.append(bytes);
  out.commit();
}

/// Replaces a state by that of a file, and returns what was saved beside it. The model reads nothing again.
///
/// Why:     the file is checked as a whole and read into a copy, which takes the state's place at the end: after an
///          error the state is as before.
/// Domain:  `state` is one of the network (its sizes are those that the file must have); `model` its fingerprint.
/// Determinism: what follows has the bits that it would have had without the file, within one build on one machine.
/// Throws:  mamba::error that names the file, what was found and what was expected, for a file that is truncated,
///          damaged (crc64), of another version, of another model or of other sizes; std::bad_alloc.
template <class T = float, class State>
[[nodiscard]] state_extras<T> load_state(std::filesystem::path const& file, State& state,
                                         model_fingerprint const& model) {
  detail::state_reader from(file, model);
  State loaded = state;
  State::for_each(loaded, [&](std::string_view name, auto const& shape, auto&& rows) {
    using number = detail::row_scalar<decltype(rows)>;
    auto const full = "state." + std::string(name);
    stored_tensor const* const found = from.take(full);
    if (found == nullptr) {
      from.fail("tensor " + in_quotes(full) + " is missing, expected one of shape " +
                to_string(std::span<std::size_t const>(shape)));
    }
    from.check(*found, detail::state_dtype<number>, shape);
    std::vector<number> row(rows.row_size());
    MAMBA_EXPECTS(rows.rows() * row.size() * sizeof(number) == found->data.size(),
                  "load_state: a part's rows are not as its shape says", rows.rows() * row.size(), found->elements());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      std::memcpy(row.data(), found->data.data() + r * row.size() * sizeof(number), row.size() * sizeof(number));
      rows.set_row(r, std::span<number const>(row));
    }
  });
  state_extras<T> out{from.list<T>("outputs", detail::state_dtype<T>), from.list<model::token>("tokens", dtype::i32),
                      from.position(), from.generator(), from.notes()};
  from.expect_all_taken();
  state = std::move(loaded);
  return out;
}

}  // namespace mamba::inline MAMBA_ABI::io
