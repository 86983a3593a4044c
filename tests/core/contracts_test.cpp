// SPDX-License-Identifier: MIT
#include <mamba/core/contracts.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#if MAMBA_CONTRACTS

TEST_CASE("contracts: a broken one names file, sentence and both numbers") {
  std::size_t const found = 8;
  CHECK_THROWS_WITH_AS(MAMBA_EXPECTS(found == 16, "scan: B must have N states", found, 16),
                       doctest::Contains("scan: B must have N states (got 8, expected 16)"), mamba::contract_violation);
  CHECK_THROWS_WITH_AS(MAMBA_EXPECTS(found == 16, "scan: B must have N states", found, 16),
                       doctest::Contains("contracts_test.cpp:"), mamba::contract_violation);
}

TEST_CASE("contracts: numbers are optional, and may be words") {
  CHECK_THROWS_WITH_AS(MAMBA_EXPECTS(false, "only a sentence"), doctest::Contains("only a sentence"),
                       mamba::contract_violation);
  CHECK_THROWS_WITH_AS(MAMBA_EXPECTS(false, "words", "a", std::string("b")),
                       doctest::Contains("words (got a, expected b)"), mamba::contract_violation);
}

TEST_CASE("contracts: a violation is a mistake of the program") {
  CHECK_THROWS_AS(MAMBA_EXPECTS(false, "sentence"), std::logic_error);
  CHECK(mamba::core::contracts_checked);
}

#else

TEST_CASE("contracts: switched off, the condition is not even evaluated") {
  bool evaluated = false;
  MAMBA_EXPECTS((evaluated = true, false), "never looked at");
  CHECK_FALSE(evaluated);
  CHECK_FALSE(mamba::core::contracts_checked);
}

#endif

TEST_CASE("contracts: one that holds has no effect, and is a single statement") {
  if (true)
    MAMBA_EXPECTS(1 + 1 == 2, "arithmetic", 1 + 1, 2);
  else
    FAIL("the macro must not steal the else");
  CHECK(true);
}
