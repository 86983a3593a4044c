# SPDX-License-Identifier: MIT
# Which programs and tests README's test command has, and where the others run.
# The preset `release` has MAMBA_QUICK: `all` and the CTest tests without a label are what README's command builds and
# runs. The rest is left to
#   ci          the target `ci` and the CTest tests with that label, which the preset `rest` builds and runs in CI
#   elsewhere   other presets of CI: tests/README.md has the table
include_guard(GLOBAL)

if(MAMBA_QUICK)
  add_custom_target(ci)
endif()
function(mamba_leave_targets_to where)
  foreach(target IN LISTS ARGN)
    if(NOT TARGET ${target})
      continue()
    endif()
    get_target_property(type ${target} TYPE)
    get_target_property(left_out ${target} EXCLUDE_FROM_ALL)
    if(MAMBA_QUICK AND NOT left_out AND NOT type STREQUAL "UTILITY" AND NOT type STREQUAL "INTERFACE_LIBRARY")
      set_target_properties(${target} PROPERTIES EXCLUDE_FROM_ALL TRUE)
      if(where STREQUAL "ci")
        add_dependencies(ci ${target})
      endif()
    endif()
  endforeach()
endfunction()
function(mamba_leave_tests_to where)
  if(MAMBA_QUICK)
    set_property(TEST ${ARGN} APPEND PROPERTY LABELS ${where})
  endif()
endfunction()

# mamba_leave_to(<where>): the same for all that the CMakeLists.txt it stands in defines.
function(mamba_leave_to where)
  cmake_language(EVAL CODE "cmake_language(DEFER CALL mamba_leave_all_to ${where})")
endfunction()
function(mamba_leave_all_to where)
  get_property(targets DIRECTORY PROPERTY BUILDSYSTEM_TARGETS)
  get_property(tests DIRECTORY PROPERTY TESTS)
  mamba_leave_targets_to(${where} ${targets})
  if(tests)
    mamba_leave_tests_to(${where} ${tests})
  endif()
endfunction()
