# SPDX-License-Identifier: MIT
# cmake -DCOMPILER=... -DSOURCE=... -DFOLDERS=... -P check.cmake
cmake_minimum_required(VERSION 3.25)

list(TRANSFORM FOLDERS PREPEND "-I")
set(compile "${COMPILER}" -std=c++20 -fsyntax-only -DMAMBA_CONTRACTS=1 ${FOLDERS} "${SOURCE}")

file(STRINGS "${SOURCE}" expectation REGEX "^// EXPECT: " LIMIT_COUNT 1)
if(NOT expectation)
  message(FATAL_ERROR "${SOURCE} has no line \"// EXPECT: <regular expression>\"")
endif()
string(REPLACE "// EXPECT: " "" expectation "${expectation}")

# "// FLAGS: ..." adds to the wrong form only: flags may be the mistake.
file(STRINGS "${SOURCE}" flags REGEX "^// FLAGS: " LIMIT_COUNT 1)
string(REGEX REPLACE "^// FLAGS: " "" flags "${flags}")
separate_arguments(flags)

# "// ERRORS: n": so many in all, where nothing may follow from the mistake.
file(STRINGS "${SOURCE}" errors REGEX "^// ERRORS: " LIMIT_COUNT 1)
string(REGEX REPLACE "^// ERRORS: " "" errors "${errors}")

execute_process(COMMAND ${compile} -DCORRECTED RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the corrected form must compile:\n${output}")
endif()

execute_process(COMMAND ${compile} ${flags} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(status EQUAL 0)
  message(FATAL_ERROR "it compiles, but must be rejected with: ${expectation}")
endif()
if(NOT output MATCHES "${expectation}")
  message(FATAL_ERROR "rejected, but not with the sentence promised (${expectation}):\n${output}")
endif()
if(NOT errors STREQUAL "")
  string(REGEX MATCHALL "error: " found "${output}")
  list(LENGTH found count)
  if(NOT count EQUAL errors)
    message(FATAL_ERROR "rejected with ${count} errors, expected ${errors}:\n${output}")
  endif()
endif()
