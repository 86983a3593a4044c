# SPDX-License-Identifier: MIT
# cmake -DFOLDER=<scratch folder> -DCHECKS=<this folder> -P selftest.cmake
# A check that cannot fail is none: each rule is broken once in a small tree, and its sentence must come.
cmake_minimum_required(VERSION 3.25)

set(licence "// SPDX-License-Identifier: MIT")

# The tree that all checks accept.
function(make_good_tree)
  file(REMOVE_RECURSE "${FOLDER}")
  file(WRITE "${FOLDER}/README.md" "# A house in order\n")
  file(WRITE "${FOLDER}/include/mamba/mamba.hpp"
       "${licence}\n// mamba/mamba.hpp — all\n#pragma once\n#include <mamba/core/a.hpp>\n#include <mamba/math/b.hpp>\n")
  file(WRITE "${FOLDER}/include/mamba/core/a.hpp" "${licence}\n// mamba/core/a.hpp — a  [floor 0]\n#pragma once\n")
  file(WRITE "${FOLDER}/include/mamba/math/b.hpp"
       "${licence}\n// mamba/math/b.hpp — b  [floor 2]\n#pragma once\n#include <mamba/core/a.hpp>\n")
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
foreach(check floors twins style umbrella links)
  run_check(${check})
  if(NOT status EQUAL 0)
    message(SEND_ERROR "${check} rejects a good tree:\n${output}")
  endif()
endforeach()

# Cards that the check of cards accepts: in order, no numbers computed, in detail, or the same as the one before.
string(REPEAT "Ā" 117 wide)
file(WRITE "${FOLDER}/include/mamba/math/b.hpp"
     "${licence}\n// mamba/math/b.hpp — b  [floor 2]\n#pragma once\n// ${wide}\n"
     "namespace detail {\n/// A card.\ninline float f(float x) { return x; }\n}  // namespace detail\n"
     "/// A card.\n///\n/// Why:     x[0].\n/// Why φ₁:  y.\n/// Error:   1 ulp; of x[0].\n/// Determinism: it is.\n"
     "[[nodiscard]] inline float g(float x) { return x; }\n"
     "/// The same in double.\ninline double g(double x) { return x; }\n"
     "/// A size.\n[[nodiscard]] constexpr std::size_t size_of(int x) { return 1; }\n"
     "/// A type.\nstruct s {\n  int f(int x);\n};\n")
run_check(style)
if(NOT status EQUAL 0)
  message(SEND_ERROR "style rejects good cards:\n${output}")
endif()

# broken(<check> <sentence> <header> <text>...): the header's text becomes licence, title, guard and <text>.
function(broken check sentence header)
  make_good_tree()
  list(JOIN ARGN "\n" text)
  file(WRITE "${FOLDER}/include/mamba/${header}"
       "${licence}\n// mamba/${header} — x  [floor 2]\n#pragma once\n${text}\n")
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
broken(floors "has the name x_proj" math/b.hpp "/// as wide as x_proj")
broken(floors "is not a floor" attic/c.hpp "")
broken(twins "tests/math/c_test.cpp is missing" math/c.hpp "")
broken(style "outside namespace mamba::inline MAMBA_ABI" math/b.hpp "namespace mamba::math {" "}")
string(REPEAT "// line\n" 400 long)
broken(style "at most 300" math/b.hpp "${long}")
string(REPEAT "Ā" 118 wide)
broken(style "more than 120 columns" math/b.hpp "// ${wide}")
broken(style "'Domain:' stands too late, labels come in the order Paper, Why, Shapes" math/b.hpp
       "/// A card." "///" "/// Error:   1 ulp." "/// Domain:  all x." "inline float f(float x) {")
broken(style "this function's card has no 'Error:': template <class T> inline T f(T x)" math/b.hpp
       "/// A card." "///" "/// Domain:  all x." "template <class T>" "[[nodiscard]] inline T f(T x) {" "  return x\;"
       "}")
broken(style "has no 'Error:'" kernels/b.hpp "namespace detail {" "/// A card." "int f(int x) {" "}"
       "}  // namespace detail" "/// A card." "void g(int x) {")
make_good_tree()
file(WRITE "${FOLDER}/README.md" "@@SPEED@@\n")
expect_fault(style "'@@' is not for readers")
make_good_tree()
file(WRITE "${FOLDER}/README.md" "# A house in order\n[here](include/mamba/core) [there](include/mamba/nowhere.md)\n")
expect_fault(links "(include/mamba/nowhere.md) leads to no file")
file(WRITE "${FOLDER}/README.md" "# A house, in order\n[here](#a-house-in-order) [there](#a-house-in-disorder)\n")
expect_fault(links "(#a-house-in-disorder) names a heading that README.md does not have")
make_good_tree()
file(WRITE "${FOLDER}/include/mamba/math/b.hpp" "${licence}\n// mamba/math/b.hpp — b\n#pragma once\n")
expect_fault(style "must end with the header's floor")
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
