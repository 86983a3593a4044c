// SPDX-License-Identifier: MIT
// A main for fuzz targets where there is no libFuzzer: every file of the corpus folder, then seeded mutations of it.
//
//     fuzz_<name> FOLDER [MUTATIONS PER FILE, 200 by default]
#include <support/random.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size);

namespace {

using bytes = std::vector<std::uint8_t>;

bytes read(std::filesystem::path const& path) {
  std::ifstream file(path, std::ios::binary);
  return bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void run(bytes const& input) {
  // A copy of exactly this size, so that AddressSanitizer reports the first byte read beyond it.
  bytes const exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

/// One to four small damages: a byte changed, a bit flipped, bytes removed, bytes doubled, or a piece of another file.
bytes damaged(bytes input, bytes const& other, test::random& random) {
  for (std::size_t rounds = 1 + random.below(4); rounds > 0; --rounds) {
    if (input.empty()) {
      input = other;
      continue;
    }
    std::size_t const at = random.below(input.size());
    std::size_t const length = std::min(input.size() - at, 1 + random.below(16));
    auto const first = input.begin() + static_cast<std::ptrdiff_t>(at);
    auto const last = first + static_cast<std::ptrdiff_t>(length);
    switch (random.below(5)) {
      case 0:
        *first = static_cast<std::uint8_t>(random.below(256));
        break;
      case 1:
        *first = static_cast<std::uint8_t>(*first ^ (1U << random.below(8)));
        break;
      case 2:
        input.erase(first, last);
        break;
      case 3: {
        bytes const piece(first, last);
        input.insert(first, piece.begin(), piece.end());
        break;
      }
      default:
        for (std::size_t i = 0; i < length && at + i < other.size(); ++i) input[at + i] = other[at + i];
    }
  }
  return input;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [MUTATIONS PER FILE]\n", arguments[0]);
    return 1;
  }
  int const mutations = count > 2 ? std::atoi(arguments[2]) : 200;
  std::vector<std::filesystem::path> paths;
  for (auto const& entry : std::filesystem::directory_iterator(arguments[1])) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<bytes> corpus;
  for (auto const& path : paths) corpus.push_back(read(path));
  if (corpus.empty()) {
    std::fprintf(stderr, "%s has no files\n", arguments[1]);
    return 1;
  }

  run({});
  test::random random(20240229);
  for (bytes const& input : corpus) {
    run(input);
    for (int i = 0; i < mutations; ++i) run(damaged(input, corpus[random.below(corpus.size())], random));
  }
  std::printf("%zu files, %d mutations of each\n", corpus.size(), mutations);
  return 0;
}
