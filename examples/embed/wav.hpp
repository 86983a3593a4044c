// SPDX-License-Identifier: MIT
// embed/wav.hpp — WAV files by libsndfile, read whole and written whole.
#pragma once

#include <mamba/core/error.hpp>
#include <mamba/io/file/new_file.hpp>
#include <support/read_input.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include <sndfile.h>

namespace examples {

/// Samples of all channels in turn, frame after frame, full scale within ±1.
struct sound {
  std::vector<float> samples;
  std::size_t channels = 1;
  int rate = 48000;
  int format = SF_FORMAT_WAV | SF_FORMAT_FLOAT;  ///< libsndfile's

  [[nodiscard]] std::size_t frames() const noexcept { return samples.size() / channels; }
};

namespace detail {

/// A file in memory, as libsndfile's virtual I/O reads and writes it.
class memory_file {
 public:
  std::string bytes;

  /// The handle. Throws:  mamba::error with libsndfile's reason.
  [[nodiscard]] std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> open(int mode, SF_INFO& info, std::string const& name) {
    SF_VIRTUAL_IO io{length, seek, read, write, tell};
    std::unique_ptr<SNDFILE, int (*)(SNDFILE*)> file(sf_open_virtual(&io, mode, &info, this), sf_close);
    if (!file)
      mamba::core::fail(name + (mode == SFM_READ ? ": no WAV file (" : ": the samples cannot be encoded (") +
                        sf_strerror(nullptr) + ")");
    return file;
  }

 private:
  static memory_file& self(void* user) noexcept { return *static_cast<memory_file*>(user); }
  static sf_count_t length(void* user) noexcept { return static_cast<sf_count_t>(self(user).bytes.size()); }
  static sf_count_t tell(void* user) noexcept { return static_cast<sf_count_t>(self(user).at_); }
  static sf_count_t seek(sf_count_t offset, int whence, void* user) noexcept {
    sf_count_t const base = whence == SEEK_CUR ? tell(user) : whence == SEEK_END ? length(user) : 0;
    if (offset < -base || offset > std::numeric_limits<sf_count_t>::max() - base) return -1;
    self(user).at_ = static_cast<std::size_t>(base + offset);
    return tell(user);
  }
  static sf_count_t read(void* to, sf_count_t count, void* user) noexcept {
    auto& [bytes, at] = self(user);
    std::size_t const left = at < bytes.size() ? bytes.size() - at : 0;
    std::size_t const n = std::min(left, static_cast<std::size_t>(count));
    if (n > 0) std::memcpy(to, bytes.data() + at, n);
    at += n;
    return static_cast<sf_count_t>(n);
  }
  static sf_count_t write(void const* from, sf_count_t count, void* user) noexcept {
    auto& [bytes, at] = self(user);
    auto const n = static_cast<std::size_t>(count);
    try {
      if (bytes.size() < at + n) bytes.resize(at + n);
    } catch (std::exception const&) {
      return 0;  // not through C; the caller sees that samples are missing
    }
    if (n > 0) std::memcpy(bytes.data() + at, from, n);
    at += n;
    return count;
  }

  std::size_t at_ = 0;
};

}  // namespace detail

/// Reads a WAV file of any rate, any number of channels and any kind of sample that libsndfile decodes.
///
/// Throws:  mamba::error, one sentence: missing, no WAV file, without samples, a sample that is not finite.
[[nodiscard]] inline sound read_wav(std::string const& name) {
  detail::memory_file file;
  file.bytes = read_file(name);
  if (file.bytes.empty()) mamba::core::fail(name + ": the file is empty, expected a WAV file");
  SF_INFO info{};
  auto const handle = file.open(SFM_READ, info, name);
  int const kind = info.format & SF_FORMAT_TYPEMASK;
  if (kind != SF_FORMAT_WAV && kind != SF_FORMAT_WAVEX && kind != SF_FORMAT_RF64)
    mamba::core::fail(name + ": a sound file of another kind, expected a WAV file");
  sound s{{}, static_cast<std::size_t>(info.channels), info.samplerate, info.format};
  std::vector<float> part(4096 * s.channels);  // the frames that are there, not those that the header promises
  for (sf_count_t n; (n = sf_readf_float(handle.get(), part.data(), 4096)) > 0;)
    s.samples.insert(s.samples.end(), part.begin(), part.begin() + n * info.channels);
  if (s.samples.empty()) mamba::core::fail(name + ": there are no samples in it");
  for (std::size_t i = 0; i < s.samples.size(); ++i) {
    if (!std::isfinite(s.samples[i]))
      mamba::core::fail(name + ": sample " + std::to_string(i / s.channels) + " of channel " +
                        std::to_string(i % s.channels) + " is not a finite number");
  }
  return s;
}

/// Writes a WAV file of the sound's format, of 16 bits where that is compressed; samples beyond full scale are clipped
/// where the format has integers. It appears whole or not at all. Returns how many samples are beyond full scale.
///
/// Throws:  mamba::error when the file cannot be written.
inline std::size_t write_wav(std::string const& name, sound const& s) {
  int const numbers = s.format & SF_FORMAT_SUBMASK;
  bool const linear = numbers <= SF_FORMAT_DOUBLE;  // PCM of 8 to 32 bits, float, double
  bool const clips = numbers != SF_FORMAT_FLOAT && numbers != SF_FORMAT_DOUBLE;
  SF_INFO info{};
  info.samplerate = s.rate;
  info.channels = static_cast<int>(s.channels);
  info.format = (s.format & (SF_FORMAT_TYPEMASK | SF_FORMAT_ENDMASK)) | (linear ? numbers : SF_FORMAT_PCM_16);
  detail::memory_file file;
  auto handle = file.open(SFM_WRITE, info, name);
  sf_command(handle.get(), SFC_SET_CLIPPING, nullptr, SF_TRUE);
  sf_command(handle.get(), SFC_SET_ADD_PEAK_CHUNK, nullptr, SF_FALSE);  // it would have the time of day in it
  auto const frames = static_cast<sf_count_t>(s.frames());
  bool const written = sf_writef_float(handle.get(), s.samples.data(), frames) == frames;
  if (sf_close(handle.release()) != 0 || !written) mamba::core::fail(name + ": the samples cannot be encoded");
  mamba::io::new_file out(name);
  out.append(std::as_bytes(std::span(file.bytes)));
  out.commit();
  auto const beyond = [](float v) { return std::abs(v) > 1; };
  return clips ? static_cast<std::size_t>(std::count_if(s.samples.begin(), s.samples.end(), beyond)) : 0;
}

}  // namespace examples
