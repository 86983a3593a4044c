# SPDX-License-Identifier: MIT
# cmake -DMANUAL=<examples/README.md> -P manual.cmake -- <program>...: each option that the manual names is in a --help.
cmake_minimum_required(VERSION 3.25)

set(options --workflow --preset --build --install)  # CMake's
set(programs FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(CMAKE_ARGV${i} STREQUAL "--")
    set(programs TRUE)
  elseif(programs)
    execute_process(COMMAND "${CMAKE_ARGV${i}}" --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX REPLACE "[][;]" " " help "${help}")
    string(REGEX MATCHALL "--[a-z][a-z-]+" found "${help}")
    list(APPEND options ${found})
  endif()
endforeach()

file(READ "${MANUAL}" manual)
string(REGEX REPLACE "[][;]" " " manual "${manual}")
string(REGEX MATCHALL "--[a-z][a-z-]+" named "${manual}")
list(REMOVE_DUPLICATES named)
foreach(option IN LISTS named)
  if(NOT option IN_LIST options)
    message(SEND_ERROR "${MANUAL} names ${option}, which no program has")
  endif()
endforeach()
list(LENGTH named count)
message("${count} options of the manual looked up")
