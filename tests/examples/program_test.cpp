// SPDX-License-Identifier: MIT
#include <mamba/core/error.hpp>
#include <support/program.hpp>

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>

TEST_CASE("program: messages become one line") {
  CHECK(examples::one_line("a sentence") == "a sentence");
  CHECK(examples::one_line("two\nlines\r\nand\ta tab.\n") == "two lines and a tab");
  CHECK(examples::one_line("a \x1b[31mcolour") == "a [31mcolour");
  CHECK(examples::one_line("a \xC2\x9B"
                           "2J and \xE2\x80\xAE"
                           "b") == "a ?2J and ?b");
  CHECK(examples::one_line("\n\n") == "failed without saying why");
  CHECK(examples::one_line("") == "failed without saying why");
}

TEST_CASE("program: the exit status is 0, or 1 for whatever is thrown") {
  CHECK(examples::run_program("test", [] {}) == 0);
  CHECK(examples::run_program("test", [] { throw examples::reader_gone{}; }) == 0);
  CHECK(examples::run_program("test", [] { throw mamba::error("bad input, on purpose"); }) == 1);
  CHECK(examples::run_program("test", [] { throw std::bad_alloc(); }) == 1);
  CHECK(examples::run_program("test", [] { throw std::logic_error("wrong, on purpose"); }) == 1);
  CHECK(examples::run_program("test", [] { throw 42; }) == 1);
}
