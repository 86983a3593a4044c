# SPDX-License-Identifier: MIT
# cmake -DROOT=<source tree> -P umbrella.cmake
# <mamba/mamba.hpp> includes every public header but those of io/, and nothing else.
cmake_minimum_required(VERSION 3.25)

file(STRINGS "${ROOT}/include/mamba/mamba.hpp" found REGEX "^#include")
list(TRANSFORM found REPLACE "^#include <([^>]+)>.*" "\\1")

file(GLOB_RECURSE expected RELATIVE "${ROOT}/include" "${ROOT}/include/mamba/*/*.hpp")
list(FILTER expected EXCLUDE REGEX "/detail/|^mamba/io/")

foreach(header IN LISTS expected)
  if(NOT header IN_LIST found)
    message(SEND_ERROR "mamba/mamba.hpp doesn't include <${header}>")
  endif()
endforeach()
foreach(header IN LISTS found)
  if(NOT header IN_LIST expected)
    message(SEND_ERROR "mamba/mamba.hpp includes <${header}>, which is not a public header")
  endif()
endforeach()
