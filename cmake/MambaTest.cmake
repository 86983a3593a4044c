# SPDX-License-Identifier: MIT
# How tests become programs and CTest entries.
include_guard(GLOBAL)

# What every test program is compiled with.
add_library(mamba_test_settings INTERFACE)
target_include_directories(mamba_test_settings INTERFACE "${PROJECT_SOURCE_DIR}/tests")
target_link_libraries(mamba_test_settings INTERFACE dep::doctest)
target_compile_definitions(mamba_test_settings
                           INTERFACE MAMBA_CONTRACTS=1 MAMBA_GOLDEN_DIR="${PROJECT_SOURCE_DIR}/tests/golden"
                                     MAMBA_DEFAULT_MODEL_DIR="${MAMBA_DEFAULT_MODEL_DIR}")

# Threads that wait must not take the cores that other tests compute on.
set(mamba_test_environment "OMP_WAIT_POLICY=passive")
if(MAMBA_SANITIZE)
  # clang's OpenMP leaves some blocks behind when it gets more threads; ours are all that counts.
  list(APPEND mamba_test_environment
       "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/support/leaks.txt:print_suppressions=0")
endif()

# One main for all test programs, compiled once.
add_library(mamba_test_main OBJECT "${PROJECT_SOURCE_DIR}/tests/support/main.cpp")
target_link_libraries(mamba_test_main PRIVATE dep::doctest mamba_warnings mamba_sanitizers)
target_compile_features(mamba_test_main PRIVATE cxx_std_20)

# What most tests parse, read once for all programs that are compiled with the same flags. Not JSON, nor the command
# line parser: g++ emits the inline functions that a precompiled header uses into every object.
set(mamba_test_headers <Eigen/Core> <xsimd/xsimd.hpp> <doctest/doctest.h> <algorithm> <cmath> <complex> <filesystem>
                       <functional> <limits> <map> <optional> <span> <string> <vector>)

# mamba_test_folder(<folder> <libraries>...): tests/<folder>/**/*_test.cpp become the program test_<folder>, and each
# file is the CTest test <folder>.<name>, or <folder>.<subfolder>.<name>; its doctest suite "slow"
# is <folder>.<name>.slow, labelled slow.
function(mamba_test_folder folder)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*_test.cpp")
  if(NOT sources)
    return()
  endif()
  # Files that mamba_<where>_<folder> lists are a program of their own where README's command is to be quick.
  set(programs test_${folder})
  set(files_ci)
  set(files_elsewhere)
  foreach(where ci elsewhere)
    if(MAMBA_QUICK AND mamba_${where}_${folder})
      list(TRANSFORM mamba_${where}_${folder} PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/${folder}/"
           OUTPUT_VARIABLE files_${where})
      list(TRANSFORM files_${where} APPEND "_test.cpp")
      add_executable(test_${folder}_${where} ${files_${where}})
      list(APPEND programs test_${folder}_${where})
      mamba_leave_targets_to(${where} test_${folder}_${where})
    endif()
  endforeach()
  set(quick ${sources})
  list(REMOVE_ITEM quick "" ${files_ci} ${files_elsewhere})
  add_executable(test_${folder} ${quick})
  foreach(program IN LISTS programs)
    target_link_libraries(${program} PRIVATE ${ARGN} mamba_test_settings mamba_flags mamba_test_main)
  endforeach()
  foreach(source IN LISTS sources)
    set(where)
    set(program test_${folder})
    if(source IN_LIST files_ci)
      set(where ci)
    elseif(source IN_LIST files_elsewhere)
      set(where elsewhere)
    endif()
    if(where)
      set(program test_${folder}_${where})
    endif()
    file(RELATIVE_PATH path "${CMAKE_CURRENT_SOURCE_DIR}/${folder}" "${source}")
    string(REGEX REPLACE "_test[.]cpp$" "" path "${path}")
    string(REPLACE "/" "." name "${path}")
    file(READ "${source}" text)
    string(REGEX MATCH "(test_suite|TEST_SUITE|TEST_SUITE_BEGIN)\\(\"slow\"\\)" slow "${text}")
    set(variants "quick")
    if(slow)
      list(APPEND variants "slow")
    endif()
    foreach(variant IN LISTS variants)
      if(variant STREQUAL "slow")
        set(test ${folder}.${name}.slow)
        set(selection --test-suite=slow)
      else()
        set(test ${folder}.${name})
        set(selection --test-suite-exclude=slow)
      endif()
      add_test(NAME ${test} COMMAND ${program} "--source-file=*/${folder}/${path}_test.cpp" ${selection})
      # A file whose tests are not found must not pass for a file whose tests pass.
      set_tests_properties(${test} PROPERTIES FAIL_REGULAR_EXPRESSION "test cases: +0 " ENVIRONMENT
                                              "${mamba_test_environment}" TIMEOUT 900)
      if(variant STREQUAL "slow")
        set_tests_properties(${test} PROPERTIES LABELS slow TIMEOUT 3600)
      endif()
      if(where)
        mamba_leave_tests_to(${where} ${test})
      endif()
    endforeach()
  endforeach()
endfunction()

# mamba_contract_test(<name> <source>): the partition contract must hold under all compiler flags, so one source becomes
# several programs. A few cover each optimisation level, each -ffp-contract and each instruction set; with MAMBA_FULL
# there is one for each combination.
function(mamba_contract_test name source)
  set(machine "${MAMBA_MARCH}")
  if(NOT mamba_march_accepted)
    set(machine "default")
  endif()
  set(sets ${machine})
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    list(APPEND sets x86-64)
    if(mamba_host_runs_avx2)
      list(APPEND sets haswell)
    endif()
  endif()

  set(variants)  # level_contraction_set
  if(MAMBA_SANITIZE)
    set(variants O0_fast_${machine})
  elseif(MAMBA_FULL)
    if(haswell IN_LIST sets)
      list(APPEND sets x86-64-v2)
    endif()
    foreach(set IN LISTS sets)
      foreach(level O0 O2 O3)
        list(APPEND variants ${level}_off_${set} ${level}_fast_${set})
      endforeach()
    endforeach()
  else()
    set(variants O3_fast_${machine} O2_fast_${machine} O0_off_${machine})
    foreach(variant O2_off_x86-64 O0_fast_x86-64 O3_off_haswell O2_fast_haswell)
      string(REGEX REPLACE ".*_" "" set "${variant}")
      if(set IN_LIST sets)
        list(APPEND variants ${variant})
      endif()
    endforeach()
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")  # five will do for the second compiler
      list(REMOVE_ITEM variants O2_fast_${machine} O0_fast_x86-64)
    endif()
  endif()
  if(NOT MAMBA_SANITIZE AND (MAMBA_FULL OR name STREQUAL "products"))  # batches of one lane, without xsimd
    list(APPEND variants O1_fast_portable)
  endif()
  if(name STREQUAL "products" AND haswell IN_LIST sets AND NOT MAMBA_SANITIZE AND NOT MAMBA_FULL)  # SSSE3's products
    list(APPEND variants O2_fast_x86-64-v2)
  endif()

  set(quick O3_fast_${machine})
  foreach(variant IN LISTS variants)
    string(REPLACE "_" ";" parts "${variant}")
    list(POP_FRONT parts level contraction set)
    set(program contract_${name}_${variant})
    add_executable(${program} ${source})
    target_link_libraries(${program} PRIVATE mamba::openmp mamba_test_settings mamba_warnings mamba_sanitizers
                                             mamba_test_main)
    target_compile_options(${program} PRIVATE -${level} -ffp-contract=${contraction})
    if(set STREQUAL "portable")
      target_compile_definitions(${program} PRIVATE MAMBA_SIMD_PORTABLE=1)
      set(set ${machine})  # with the machine's multiply-add within the compiler's reach
    endif()
    if(NOT set STREQUAL "default")
      target_compile_options(${program} PRIVATE -march=${set})
    endif()
    if(level STREQUAL "O2")  # as users build it: without checks of preconditions
      target_compile_options(${program} PRIVATE -DNDEBUG -UMAMBA_CONTRACTS -DMAMBA_CONTRACTS=0)
    endif()
    add_test(NAME contract.${name}.${variant} COMMAND ${program})
    set_tests_properties(contract.${name}.${variant} PROPERTIES LABELS contract ENVIRONMENT "${mamba_test_environment}"
                                                                TIMEOUT 900 FAIL_REGULAR_EXPRESSION "test cases: +0 ")
    if(NOT variant IN_LIST quick)
      mamba_leave_targets_to(ci ${program})
      mamba_leave_tests_to(ci contract.${name}.${variant})
    endif()
  endforeach()
endfunction()
