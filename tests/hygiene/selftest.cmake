# SPDX-License-Identifier: MIT
# cmake -DFOLDER=<scratch folder> -DCHECKS=<this folder> -P selftest.cmake
# A check that cannot fail is none: each rule is broken once in a small tree, and its sentence must come.
cmake_minimum_required(VERSION 3.25)

set(licence "// SPDX-License-Identifier: MIT")

# The tree that all checks accept.
function(make_good_tree)
  file(REMOVE_RECURSE "${FOLDER}")
  file(WRITE "${FOLDER}/include/mamba/mamba.hpp"
       "${licence}\n// mamba/mamba.hpp — all\n#pragma once\n#include <mamba/core/a.hpp>\n#include <mamba/math/b.hpp>\n")
  file(WRITE "${FOLDER}/include/mamba/core/a.hpp" "${licence}\n// mamba/core/a.hpp — a\n#pragma once\n")
  file(WRITE "${FOLDER}/include/mamba/math/b.hpp"
       "${licence}\n// mamba/math/b.hpp — b\n#pragma once\n#include <mamba/core/a.hpp>\n")
  file(WRITE "${FOLDER}/tests/core/a_test.cpp" "${licence}\n#include <mamba/core/a.hpp>\nTEST_CASE(\"a: a\") {}\n")
  file(WRITE "${FOLDER}/tests/math/b_test.cpp" "${licence}\n#include <mamba/math/b.hpp>\nTEST_CASE(\"b: b\") {}\n")
endfunction()

function(run_check check)
  execute_process(COMMAND ${CMAKE_COMMAND} "-DROOT=${FOLDER}" -P "${CHECKS}/${check}.cmake" RESULT_VARIABLE status
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  set(status "${status}" PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

function(expect_fault check sentence)
  run_check(${check})
  string(FIND "${output}" "${sentence}" at)
  if(status EQUAL 0 OR at EQUAL -1)
    message(SEND_ERROR "${check} must fail and say \"${sentence}\", but ended with ${status}:\n${output}")
  endif()
endfunction()

make_good_tree()
foreach(check floors twins style umbrella)
  run_check(${check})
  if(NOT status EQUAL 0)
    message(SEND_ERROR "${check} refuses a good tree:\n${output}")
  endif()
endforeach()

# broken(<check> <sentence> <header> <text>...): the header's text becomes licence, title, guard and <text>.
function(broken check sentence header)
  make_good_tree()
  list(JOIN ARGN "\n" text)
  file(WRITE "${FOLDER}/include/mamba/${header}" "${licence}\n// mamba/${header} — x\n#pragma once\n${text}\n")
  expect_fault(${check} "${sentence}")
endfunction()

broken(floors "core/a.hpp (floor 0) includes <mamba/math/b.hpp> (floor 2)" core/a.hpp "#include <mamba/math/b.hpp>")
broken(floors "ssm/c.hpp (floor 3) includes <mamba/kernels/k.hpp> (floor 4)" ssm/c.hpp "#include <mamba/kernels/k.hpp>")
broken(floors "tensor/c.hpp (floor 1) includes <mamba/simd/s.hpp> (floor 1)" tensor/c.hpp "#include <mamba/simd/s.hpp>")
broken(floors "only simd/ names xsimd" math/b.hpp "#include <xsimd/xsimd.hpp>")
broken(floors "names xsimd outside simd/" math/b.hpp "using b = xsimd::batch<float>\;")
broken(floors "include Eigen" kernels/c.hpp "#include <Eigen/Core>")
broken(floors "the standard library only" core/a.hpp "#include <nlohmann/json.hpp>")
broken(floors "the standard library only" core/a.hpp "#include <pcre2.h>")
broken(floors "slow to compile" core/a.hpp "#include <iostream>")
broken(floors "the umbrella is for users" math/b.hpp "#include <mamba/mamba.hpp>")
broken(floors "own headers are included as" math/b.hpp "#include \"a.hpp\"")
broken(floors "is not a floor" attic/c.hpp "")
broken(twins "tests/math/c_test.cpp is missing" math/c.hpp "")
broken(style "outside namespace mamba::inline MAMBA_ABI" math/b.hpp "namespace mamba::math {" "}")
string(REPEAT "// line\n" 400 long)
broken(style "at most 400" math/b.hpp "${long}")
broken(umbrella "doesn't include <mamba/math/c.hpp>" math/c.hpp "")
broken(umbrella "not a public header" mamba.hpp "#include <mamba/core/a.hpp>" "#include <mamba/math/b.hpp>"
       "#include <vector>")

make_good_tree()
file(WRITE "${FOLDER}/tests/math/b_test.cpp" "${licence}\nTEST_CASE(\"b: b\") {}\n")
expect_fault(twins "doesn't include <mamba/math/b.hpp>")
file(WRITE "${FOLDER}/tests/math/b_test.cpp" "${licence}\n#include <mamba/math/b.hpp>\n")
expect_fault(twins "tests nothing")
file(WRITE "${FOLDER}/tests/math/b_test.cpp" "#include <mamba/math/b.hpp>\n")
expect_fault(style "tests/math/b_test.cpp: the first line must be")
file(WRITE "${FOLDER}/cmake/x.cmake" "set(x)\n")
expect_fault(style "cmake/x.cmake: one of the first two lines must be")
file(WRITE "${FOLDER}/include/mamba/math/b.hpp" "${licence}\n// mamba/math/b.hpp — b\n")
expect_fault(style "no #pragma once")
file(WRITE "${FOLDER}/include/mamba/math/b.hpp" "${licence}\n#pragma once\n")
expect_fault(style "the second line must begin with")
