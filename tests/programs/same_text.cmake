# SPDX-License-Identifier: MIT
# cmake -P same_text.cmake -- <generate>: a seed names a text, whatever the number of threads.
cmake_minimum_required(VERSION 3.25)

math(EXPR last "${CMAKE_ARGC} - 1")
set(generate "${CMAKE_ARGV${last}}")

set(arguments -p "ROMEO:" -n 200 -t 0.8 --seed 11)
execute_process(COMMAND "${generate}" ${arguments} --threads 1 OUTPUT_VARIABLE one COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${generate}" ${arguments} --threads 2 OUTPUT_VARIABLE two COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${generate}" -p "ROMEO:" -n 200 -t 0.8 --seed 12 OUTPUT_VARIABLE other
                COMMAND_ERROR_IS_FATAL ANY)
string(LENGTH "${one}" length)
if(length LESS 200)
  message(FATAL_ERROR "expected 200 bytes, found ${length}:\n${one}")
endif()
if(NOT one STREQUAL two)
  message(FATAL_ERROR "one thread wrote\n${one}\ntwo threads wrote\n${two}")
endif()
if(one STREQUAL other)
  message(FATAL_ERROR "seeds 11 and 12 wrote the same text")
endif()
