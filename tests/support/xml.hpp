// SPDX-License-Identifier: MIT
// tests/support/xml.hpp — enough of XML to check that an SVG or a page is well-formed, and to read its text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace test {

/// Whether every tag that opens is closed in order, quotes and entities end, and there is one root of the given name.
[[nodiscard]] inline bool well_formed(std::string_view xml, std::string_view root = "svg") {
  std::vector<std::string> open;
  bool rooted = false;
  for (std::size_t at = 0; at < xml.size();) {
    auto const begin = xml.find('<', at);
    std::string_view const between = xml.substr(at, begin == xml.npos ? xml.npos : begin - at);
    for (std::size_t i = between.find('&'); i != between.npos; i = between.find('&', i + 1)) {
      if (between.substr(i, 8).find(';') == between.npos) return false;
    }
    if (open.empty() && between.find_first_not_of(" \t\r\n") != between.npos) return false;
    if (begin == xml.npos) break;
    auto const end = xml.find('>', begin);
    if (end == xml.npos) return false;
    std::string_view const tag = xml.substr(begin + 1, end - begin - 1);
    at = end + 1;
    if (tag.empty() || tag.find('<') != tag.npos) return false;
    if (tag.front() == '?' || tag.front() == '!') continue;
    if (tag.front() == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
      continue;
    }
    std::string const name(tag.substr(0, tag.find_first_of(" \t\r\n/")));
    if (open.empty() && (rooted || name != root)) return false;
    rooted = true;
    if (tag.back() != '/') open.push_back(name);
  }
  return rooted && open.empty();
}

/// The words without the tags, so that words in several styles are found as one; entities stay as they are.
[[nodiscard]] inline std::string words(std::string_view xml) {
  std::string text;
  bool inside = false;
  for (char const c : xml) {
    if (c == '<') inside = true;
    if (!inside && c != '\n' && c != '\t') text += c;
    if (c == '>') inside = false;
  }
  return text;
}

}  // namespace test
