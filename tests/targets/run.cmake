# SPDX-License-Identifier: MIT
# cmake -DCOMPILER=... -DFLAGS=... -DEMULATOR=... -DEMULATOR_FLAGS=... -DSOURCES=... -DPROGRAM=... -P run.cmake
# Compiles model.cpp for another machine, under the warnings of our own targets, and runs it there.
cmake_minimum_required(VERSION 3.25)

execute_process(COMMAND "${COMPILER}" -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Werror -Wno-psabi
                        "${SOURCES}/model.cpp" ${FLAGS} -o "${PROGRAM}"
                RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "it does not compile:\n${output}")
endif()
execute_process(COMMAND "${EMULATOR}" ${EMULATOR_FLAGS} "${PROGRAM}" INPUT_FILE /dev/null RESULT_VARIABLE status
                OUTPUT_VARIABLE output ERROR_VARIABLE output TIMEOUT 300)
message("${output}")
if(NOT status EQUAL 0 OR NOT output MATCHES "\n0 faults")
  message(FATAL_ERROR "the program failed (${status})")
endif()

# A portable build for ARM must have no multiply-add that rounds once.
string(REGEX REPLACE "g[+][+]$" "objdump" objdump "${COMPILER}")
if(COMPILER MATCHES "arm-none-eabi" AND EXISTS "${objdump}")
  execute_process(COMMAND "${objdump}" -d "${PROGRAM}" OUTPUT_VARIABLE code RESULT_VARIABLE status)
  if(NOT status EQUAL 0 OR NOT code MATCHES "<reset>")
    message(FATAL_ERROR "the program cannot be disassembled")
  endif()
  if(code MATCHES "vfn?m[as]|vn?ml[as]")
    message(FATAL_ERROR "the compiler has formed a multiply-add: ${CMAKE_MATCH_0}")
  endif()
endif()
