// SPDX-License-Identifier: MIT
// index — puts what the lessons wrote into a folder onto one page: index.html, which opens in a browser and needs
// nothing.
#include <support/command_line.hpp>
#include <support/plot.hpp>
#include <support/program.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace fs = std::filesystem;
using examples::plot::xml_text;

namespace {

char const* const style = R"(
  :root { color-scheme: light; }
  body { margin: 0; background: #f6f6f4; color: #222;
         font: 17px/1.55 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
  main, header { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
  header { padding-top: 44px; }
  h1 { font-size: 34px; margin: 0 0 8px; }
  h2 { font-size: 25px; margin: 0 0 14px; }
  h2 span { color: #0072B2; margin-right: 12px; font-variant-numeric: tabular-nums; }
  nav ol { columns: 2; list-style: none; padding: 0; margin: 22px 0 34px; }
  nav li { padding: 3px 0; }
  nav span { display: inline-block; width: 2em; color: #777; font-variant-numeric: tabular-nums; }
  a { color: #0072B2; text-decoration: none; }
  a:hover { text-decoration: underline; }
  article { background: #fff; border: 1px solid #e2e2de; border-radius: 10px; padding: 26px 28px; margin: 0 0 34px; }
  figure { margin: 0; }
  figure svg { width: 100%; height: auto; display: block; }
  figure svg text { white-space: pre; }
  figcaption { margin: 14px 0 18px; font-size: 18px; }
  details { border-top: 1px solid #ececE8; padding: 10px 0 2px; }
  summary { cursor: pointer; color: #0072B2; }
  pre { font: 13.5px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-x: auto; margin: 10px 0;
        background: #fafaf8; padding: 12px 14px; border-radius: 6px; }
  @media (max-width: 700px) { nav ol { columns: 1; } article { padding: 16px; } }
  @media print { article { break-inside: avoid; } body { background: #fff; } }
)";

std::string read(fs::path const& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) mamba::core::fail(path.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// What stands between two marks, or nothing.
std::string between(std::string const& text, std::string_view open, std::string_view close) {
  auto const first = text.find(open);
  auto const last = first == text.npos ? first : text.find(close, first + open.size());
  return last == text.npos ? "" : text.substr(first + open.size(), last - first - open.size());
}

/// An SVG as a part of a page: without its XML head, and with ids that no other figure has.
std::string inlined(std::string svg, std::string const& name) {
  svg.erase(0, svg.find("<svg"));
  svg.insert(4, " role=\"img\"");
  for (std::string_view const mark : {" id='", " id=\"", "href='#", "href=\"#", "url(#"}) {
    for (auto at = svg.find(mark); at != svg.npos; at = svg.find(mark, at + mark.size()))
      svg.insert(at + mark.size(), "f" + name + "-");
  }
  return svg;
}

/// One lesson: its figure, what is seen and learnt, what it printed, and the program itself.
std::string article(fs::path const& folder, std::string const& name) {
  std::string const svg = read(folder / (name + ".svg")), text = read(folder / (name + ".txt"));
  std::string const title = text.substr(0, text.find('\n'));
  auto const body = text.find('\n', text.find('\n') + 1);  // after the title and the line under it
  std::string page =
      "<article id=\"" + name + "\">\n<h2><span>" + name.substr(0, 2) + "</span>" + xml_text(title) +
      "</h2>\n<figure>\n" + inlined(svg, name.substr(0, 2)) + "<figcaption>" + between(svg, "<desc>", "</desc>") +
      "</figcaption>\n</figure>\n" + "<details open=\"open\"><summary>What the program prints</summary>\n<pre>" +
      xml_text(text.substr(std::min(text.find_first_not_of('\n', body), text.size()))) + "</pre></details>\n";
  fs::path const source = fs::path(MAMBA_LECTURE_SOURCES) / (name + ".cpp");
  if (fs::exists(source))
    page += "<details><summary>The program: examples/lecture/" + name + ".cpp</summary>\n<pre>" +
            xml_text(read(source)) + "</pre></details>\n";
  return page + "</article>\n";
}

std::string page_of(fs::path const& folder) {
  std::vector<std::string> names;
  for (auto const& entry : fs::directory_iterator(folder)) {
    std::string const name = entry.path().stem().string();
    if (entry.path().extension() == ".svg" && name.size() > 2 && name.find_first_not_of("0123456789") == 2)
      names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  if (names.empty()) mamba::core::fail(folder.string() + ": no lesson has written anything here");
  std::string contents, articles;
  for (std::string const& name : names) {
    std::string const text = read(folder / (name + ".txt"));
    contents += "<li><a href=\"#" + name + "\"><span>" + name.substr(0, 2) + "</span>" +
                xml_text(text.substr(0, text.find('\n'))) + "</a></li>\n";
    articles += article(folder, name);
  }
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
         "<title>State-space models, a lecture</title>\n<style>" +
         std::string(style) + "</style>\n</head>\n<body>\n<header>\n<h1>State-space models, a lecture</h1>\n" +
         "<p>From a mass on a spring to a Mamba block. Each lesson is a program: it computes with the library's own "
         "formulas, checks what it claims and draws what you see here.</p>\n<nav>\n<ol>\n" +
         contents + "</ol>\n</nav>\n</header>\n<main>\n" + articles + "</main>\n</body>\n</html>\n";
}

}  // namespace

int main(int argc, char** argv) {
  return examples::run_program("index", [&] {
    std::string folder = "lecture";
    examples::command_line line("index", "Puts the figures and texts of the lessons onto one page, index.html.");
    line.name("--out", folder, "Folder that the lessons have written into, and the page's place (default: lecture)");
    line.add_threads();
    if (!line.parse(argc, argv)) return;
    std::error_code error;
    if (!fs::is_directory(folder, error)) mamba::core::fail(folder + ": is not a folder");
    fs::path const page = fs::path(folder) / "index.html";
    examples::plot::write_whole(page, page_of(folder));
    examples::write_output("The lecture, to open in a browser: " + fs::absolute(page).lexically_normal().string() +
                           "\n");
  });
}
