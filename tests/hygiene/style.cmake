# SPDX-License-Identifier: MIT
# cmake -DROOT=<source tree> -P style.cmake
# One licence line in every file; headers of at most 300 lines, with a one-sentence title that names the floor,
# #pragma once, and namespaces that carry the ABI; nothing left open in README.
cmake_minimum_required(VERSION 3.25)

set(limit 300)

file(GLOB_RECURSE sources RELATIVE "${ROOT}" "${ROOT}/include/*.hpp" "${ROOT}/examples/*.hpp" "${ROOT}/examples/*.cpp"
     "${ROOT}/tests/*.hpp" "${ROOT}/tests/*.cpp" "${ROOT}/benchmarks/*.hpp" "${ROOT}/benchmarks/*.cpp")
foreach(source IN LISTS sources)
  file(STRINGS "${ROOT}/${source}" first LIMIT_COUNT 1 ENCODING UTF-8)
  if(NOT first STREQUAL "// SPDX-License-Identifier: MIT")
    message(SEND_ERROR "${source}: the first line must be // SPDX-License-Identifier: MIT")
  endif()
endforeach()

file(GLOB_RECURSE scripts RELATIVE "${ROOT}" "${ROOT}/cmake/*.cmake" "${ROOT}/cmake/*.in" "${ROOT}/tests/*.cmake"
     "${ROOT}/tests/*CMakeLists.txt" "${ROOT}/examples/*CMakeLists.txt" "${ROOT}/benchmarks/*CMakeLists.txt"
     "${ROOT}/examples/*.py" "${ROOT}/tests/*.py" "${ROOT}/.ci/*" "${ROOT}/CMakeLists.txt")
foreach(script IN LISTS scripts)
  file(STRINGS "${ROOT}/${script}" first LIMIT_COUNT 2)
  if(NOT first MATCHES "# SPDX-License-Identifier: MIT")
    message(SEND_ERROR "${script}: one of the first two lines must be # SPDX-License-Identifier: MIT")
  endif()
endforeach()

file(GLOB_RECURSE headers RELATIVE "${ROOT}" "${ROOT}/include/mamba/*.hpp" "${ROOT}/examples/*.hpp")
foreach(header IN LISTS headers)
  file(READ "${ROOT}/${header}" text)
  string(REGEX MATCHALL "\n" newlines "${text}")
  list(LENGTH newlines count)
  if(count GREATER limit)
    message(SEND_ERROR "${header}: ${count} lines, at most ${limit}: one idea, one header")
  endif()
  string(REGEX REPLACE "^include/|^examples/" "" name "${header}")
  string(FIND "${text}" "// ${name} — " title)
  if(title EQUAL -1)
    message(SEND_ERROR "${header}: the second line must begin with \"// ${name} — \"")
  endif()
  if(header MATCHES "^include/mamba/[a-z]+/" AND NOT text MATCHES "^[^\n]*\n// [^\n]*floor [0-9].\n")
    message(SEND_ERROR "${header}: the second line must end with the header's floor, as in [floor 2]")
  endif()
  if(NOT text MATCHES "\n#pragma once\n")
    message(SEND_ERROR "${header}: no #pragma once")
  endif()
  if(header MATCHES "^include/" AND text MATCHES "\nnamespace mamba[^\n]*" AND NOT header MATCHES "mamba/(mamba|fwd).hpp$")
    string(REGEX MATCHALL "\nnamespace mamba[^\n]*" namespaces "${text}")
    foreach(namespace IN LISTS namespaces)
      if(NOT namespace MATCHES "namespace mamba::inline MAMBA_ABI")
        string(STRIP "${namespace}" namespace)
        message(SEND_ERROR "${header}: \"${namespace}\" is outside namespace mamba::inline MAMBA_ABI")
      endif()
    endforeach()
  endif()
endforeach()
file(READ "${ROOT}/README.md" readme)
if(readme MATCHES "@@|TODO|FIXME")
  message(SEND_ERROR "README.md: '${CMAKE_MATCH_0}' is not for readers")
endif()

list(LENGTH sources count)
message("${count} sources looked at")
