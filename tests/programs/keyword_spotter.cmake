# SPDX-License-Identifier: MIT
# cmake -P keyword_spotter.cmake -- <keyword_spotter> <file>: it writes weights, reads them back and classifies, in
# float and in q8, to nearly the same scores; it overwrites nothing.
cmake_minimum_required(VERSION 3.25)

math(EXPR last "${CMAKE_ARGC} - 1")
math(EXPR before "${CMAKE_ARGC} - 2")
set(file "${CMAKE_ARGV${last}}")
set(spotter "${CMAKE_ARGV${before}}")

file(REMOVE "${file}")
execute_process(COMMAND "${spotter}" --write "${file}" COMMAND_ERROR_IS_FATAL ANY)
set(scores "frame 19: class [0-9], score ([-0-9]+[.][0-9])[0-9]+\nframe 39: [^\n]*\nframe 59: [^\n]*\n")
string(APPEND scores "frame 79: [^\n]*\nframe 99: [^\n]*\n$")
foreach(format f32 q8)
  execute_process(COMMAND "${spotter}" --model "${file}" --weights ${format} OUTPUT_VARIABLE out
                  COMMAND_ERROR_IS_FATAL ANY)
  if(NOT out MATCHES "^${scores}")
    message(FATAL_ERROR "${format}: five lines with a class and a score were expected:\n${out}")
  endif()
  set(${format} ${CMAKE_MATCH_1})
endforeach()
if(NOT f32 STREQUAL q8)
  message(FATAL_ERROR "scores in f32 begin with ${f32}, in q8 with ${q8}")
endif()
execute_process(COMMAND "${spotter}" --write "${file}" RESULT_VARIABLE status ERROR_VARIABLE err)
if(NOT status EQUAL 1 OR NOT err MATCHES "is there already")
  message(FATAL_ERROR "a file that exists must not be overwritten: status ${status}, ${err}")
endif()
