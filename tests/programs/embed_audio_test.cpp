// SPDX-License-Identifier: MIT
// WAV files are written and read here by hand: the program has libsndfile.
#include <support/run_program.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <numbers>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

std::string const embed_audio = MAMBA_EMBED_AUDIO;

static_assert(std::endian::native == std::endian::little);

template <class T>
std::string bytes_of(std::vector<T> const& values) {
  std::string text(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(text.data(), values.data(), text.size());
  return text;
}
template <class T>
std::string bytes_of(T value) {
  return bytes_of(std::vector<T>{value});
}

/// A WAV file of 16-bit integers or of floats.
template <class T>
std::string wav(std::vector<T> const& samples, unsigned channels = 1, std::uint32_t rate = 48000) {
  std::string const data = bytes_of(samples);
  auto const frame = static_cast<std::uint16_t>(channels * sizeof(T));
  std::string const format = bytes_of(static_cast<std::uint16_t>(std::is_same_v<T, float> ? 3 : 1)) +
                             bytes_of(static_cast<std::uint16_t>(channels)) + bytes_of(rate) + bytes_of(rate * frame) +
                             bytes_of(frame) + bytes_of(static_cast<std::uint16_t>(8 * sizeof(T)));
  std::string const chunks = "WAVEfmt " + bytes_of(static_cast<std::uint32_t>(format.size())) + format + "data" +
                             bytes_of(static_cast<std::uint32_t>(data.size())) + data;
  return "RIFF" + bytes_of(static_cast<std::uint32_t>(chunks.size())) + chunks;
}

/// The body of a chunk, as numbers.
template <class T>
std::vector<T> chunk(std::string const& file, char const* name) {
  for (std::size_t at = 12; at + 8 <= file.size();) {
    std::uint32_t size = 0;
    std::memcpy(&size, file.data() + at + 4, 4);
    if (file.compare(at, 4, name) == 0 && at + 8 + size <= file.size()) {
      std::vector<T> values(size / sizeof(T));
      if (!values.empty()) std::memcpy(values.data(), file.data() + at + 8, values.size() * sizeof(T));
      return values;
    }
    at += 8 + size + size % 2;
  }
  return {};
}

/// What the program makes of a file.
std::string filtered(std::string const& in, std::vector<std::string> const& options = {}) {
  test::temporary_folder const folder;
  test::write_text(folder / "in.wav", in);
  std::vector<std::string> all{embed_audio, (folder / "in.wav").string(), (folder / "out.wav").string()};
  all.insert(all.end(), options.begin(), options.end());
  auto const ended = test::run(all);
  CHECK_MESSAGE(ended.status == 0, ended.err);
  CHECK(ended.out.find("99.9th percentile") != std::string::npos);
  return test::read_text(folder / "out.wav");
}

std::vector<float> tone(double frequency, double rate, std::size_t count, double amplitude = 0.5) {
  std::vector<float> x(count);
  for (std::size_t t = 0; t < count; ++t)
    x[t] = static_cast<float>(amplitude * std::sin(2 * std::numbers::pi * frequency * static_cast<double>(t) / rate));
  return x;
}

// Of a constant or a sum of eight terms: each is rounded to float a handful of times, and the sum of their sizes is 26
// times that of the sum (butterworth.hpp); A, C and Δ are rounded before that.
constexpr double term_error = 26 * 16 * 0x1p-24;

}  // namespace

TEST_CASE("embed_audio: at the cut-off frequency the amplitude is 1/√2 times that of zero-order hold") {
  double const f = 1000, rate = 48000;
  auto const in = tone(f, rate, 48000);
  for (auto const* band : {"--low", "--high"}) {
    auto const file = filtered(wav(in), {band, "1000"});
    auto const y = chunk<float>(file, "data");
    REQUIRE(y.size() == in.size());
    std::uint32_t found_rate = 0;
    std::memcpy(&found_rate, chunk<char>(file, "fmt ").data() + 4, 4);
    CHECK(found_rate == 48000);
    double re = 0, im = 0;
    for (std::size_t t = 24000; t < 48000; ++t) {  // 500 whole periods, long after the start
      double const angle = 2 * std::numbers::pi * f * static_cast<double>(t) / rate;
      re += static_cast<double>(y[t]) * std::cos(angle) / 12000;
      im += static_cast<double>(y[t]) * std::sin(angle) / 12000;
    }
    // Low-pass: H(f) sinc(f/rate). High-pass: 1 + (H(f) − 1)(1 − e^{−iz})/(iz) with z = 2πf/rate, H(f) = e^{iφ}/√2.
    double const z = 2 * std::numbers::pi * f / rate, hold = std::sin(z / 2) / (z / 2);
    double const amplitude = std::hypot(re, im) / 0.5;
    bool const low = std::string(band) == "--low";
    // The rest of the high-pass differs by |1 − hold e^{iz/2}| of what it takes away, at most.
    double const bound = low ? term_error : std::hypot(1 - hold * std::cos(z / 2), hold * std::sin(z / 2)) + term_error;
    CHECK(std::abs(amplitude - (low ? hold : 1) / std::numbers::sqrt2) <= bound);
  }
}

TEST_CASE("embed_audio: a constant comes out as it is, or not at all, from the first sample on: no click") {
  std::vector<float> const in(5000, 0.25F);
  auto const low = chunk<float>(filtered(wav(in), {"--low", "1000"}), "data");
  auto const high = chunk<float>(filtered(wav(in), {"--high", "1000"}), "data");
  REQUIRE(low.size() == in.size());
  REQUIRE(high.size() == in.size());
  for (std::size_t t = 0; t < in.size(); ++t) {
    CHECK(std::abs(double{low[t]} - 0.25) <= 0.25 * term_error);
    CHECK(std::abs(double{high[t]}) <= 0.25 * term_error);
    if (t > 0) CHECK(std::abs(double{low[t]} - double{low[t - 1]}) <= 0.25 * term_error);
  }
}

TEST_CASE("embed_audio: the same bytes for every size of blocks") {
  auto in = tone(440, 48000, 3000);
  for (std::size_t t = 1000; t < 2000; ++t) in[t] = t % 100 < 50 ? 0.9F : -0.9F;
  std::fill(in.begin() + 2000, in.end(), 0.0F);  // the state decays towards subnormal numbers
  std::string const whole = filtered(wav(in), {"--block", "1024"});
  CHECK(chunk<float>(whole, "data").size() == 3000);
  for (char const* const block : {"1", "7", "64", "999"}) CHECK(filtered(wav(in), {"--block", block}) == whole);
}

TEST_CASE("embed_audio: each channel is filtered as if it were alone, at another rate") {
  auto const left = tone(300, 44100, 2000), right = tone(5000, 44100, 2000, 0.7);
  std::vector<float> both;
  for (std::size_t t = 0; t < left.size(); ++t) both.insert(both.end(), {left[t], right[t]});
  std::string const file = filtered(wav(both, 2, 44100), {"--low", "2000"});
  auto const y = chunk<float>(file, "data");
  REQUIRE(y.size() == 4000);
  CHECK(chunk<std::uint16_t>(file, "fmt ").at(1) == 2);
  std::vector<float> separate[2];
  for (std::size_t i = 0; i < y.size(); ++i) separate[i % 2].push_back(y[i]);
  CHECK(separate[0] == chunk<float>(filtered(wav(left, 1, 44100), {"--low", "2000"}), "data"));
  CHECK(separate[1] == chunk<float>(filtered(wav(right, 1, 44100), {"--low", "2000"}), "data"));
}

TEST_CASE("embed_audio: 16-bit samples stay 16-bit, and are clipped, not wrapped around") {
  std::vector<std::int16_t> in(4800);
  for (std::size_t t = 0; t < in.size(); ++t) in[t] = t % 480 < 240 ? std::int16_t{32767} : std::int16_t{-32767};
  auto const y = chunk<std::int16_t>(filtered(wav(in)), "data");
  REQUIRE(y.size() == in.size());
  CHECK(*std::max_element(y.begin(), y.end()) == 32767);  // it overshoots by 16 %
  for (std::size_t t = 1; t < y.size(); ++t) CHECK(std::abs(y[t] - y[t - 1]) < 20000);
}

TEST_CASE("embed_audio: what cannot be done is one sentence, and leaves no file") {
  test::temporary_folder const folder;
  auto const in = wav(tone(440, 48000, 100));
  auto not_finite = tone(440, 48000, 100);
  not_finite[17] = std::numeric_limits<float>::quiet_NaN();
  std::string sun = ".snd" + std::string("\0\0\0\x18\0\0\0\x04\0\0\0\x03\0\0\xbb\x80\0\0\0\x01\0\1\0\2", 24);
  for (auto const& [name, content] :
       std::vector<std::pair<char const*, std::string>>{{"good.wav", in},
                                                        {"empty.wav", ""},
                                                        {"text.wav", "This is not a sound, but a sentence."},
                                                        {"no_samples.wav", wav(std::vector<float>{})},
                                                        {"nan.wav", wav(not_finite)},
                                                        {"sun.au", sun},
                                                        {"header.wav", in.substr(0, 20)},
                                                        {"there.wav", "x"}})
    test::write_text(folder / name, content);
  auto const path = [&](char const* name) { return (folder / name).string(); };
  std::string const out = path("out.wav");
  for (auto const& [arguments, part] : std::vector<std::pair<std::vector<std::string>, char const*>>{
           {{path("missing.wav"), out}, "missing.wav: cannot be opened"},
           {{folder.path().string(), out}, "is a folder"},
           {{path("empty.wav"), out}, "empty.wav: the file is empty"},
           {{path("text.wav"), out}, "text.wav: no WAV file"},
           {{path("header.wav"), out}, "header.wav: "},
           {{path("no_samples.wav"), out}, "there are no samples"},
           {{path("nan.wav"), out}, "sample 17 of channel 0 is not a finite number"},
           {{path("sun.au"), out}, "of another kind"},
           {{path("good.wav"), path("there.wav")}, "exists already; --force"},
           {{path("good.wav"), path("good.wav")}, "is the input itself; --force"},
           {{path("good.wav"), path("no/such/folder/out.wav")}, "cannot be written"},
           {{path("good.wav"), out, "--low", "12001"}, "at most a quarter of the sampling rate of 48000 Hz"},
           {{path("good.wav"), out, "--low", "100", "--high", "100"}, "excludes"},
           {{path("good.wav"), out, "--block", "0"}, "--block must be a whole number from 1 to 1024"}}) {
    std::vector<std::string> all{embed_audio};
    all.insert(all.end(), arguments.begin(), arguments.end());
    auto const ended = test::run(all);
    CHECK_MESSAGE(ended.refused("embed_audio"), ended.err);
    CHECK_MESSAGE(ended.err.find(part) != std::string::npos, ended.err);
  }
  CHECK(test::read_text(folder / "there.wav") == "x");
  CHECK(test::read_text(folder / "good.wav") == in);
  auto const files = std::distance(std::filesystem::directory_iterator(folder.path()), {});
  CHECK(files == 8);  // as they were written above
  auto const forced = test::run({embed_audio, path("good.wav"), path("good.wav"), "--force"});
  CHECK_MESSAGE(forced.status == 0, forced.err);
  CHECK(chunk<float>(test::read_text(folder / "good.wav"), "data").size() == 100);
}

TEST_CASE("embed_audio: runs without a file, and draws its histogram") {
  test::temporary_folder const folder;
  std::string const plot = (folder / "times.svg").string();
  auto const ended = test::run({embed_audio, "--high", "40", "--plot", plot});
  if (ended.err.find("not installed") != std::string::npos) return;  // gnuplot
  CHECK_MESSAGE(ended.status == 0, ended.err);
  CHECK(ended.out.find("calls: 7500, samples in each: 64, budget of a call: 1.33 ms") != std::string::npos);
  CHECK(test::read_text(plot).find("budget") != std::string::npos);
}
