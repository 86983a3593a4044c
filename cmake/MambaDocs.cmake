# SPDX-License-Identifier: MIT
# docs: reference pages from the cards in the headers, build/<preset>/docs/html; where Doxygen is installed.
include_guard(GLOBAL)
find_program(MAMBA_DOXYGEN doxygen)
find_program(MAMBA_SED sed)
mark_as_advanced(MAMBA_DOXYGEN MAMBA_SED)

if(MAMBA_DOXYGEN AND MAMBA_SED)
  set(mamba_docs_folder "${PROJECT_BINARY_DIR}/docs")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/Doxyfile.in" "${mamba_docs_folder}/Doxyfile" @ONLY)
  # Warnings are printed, and are an error in the test docs.warnings only: other versions of Doxygen have others.
  add_custom_target(docs COMMAND "${CMAKE_COMMAND}" "-DDOXYGEN=${MAMBA_DOXYGEN}" "-DFOLDER=${mamba_docs_folder}"
                                 -P "${PROJECT_SOURCE_DIR}/cmake/run_doxygen.cmake"
                    WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" VERBATIM)
  if(MAMBA_BUILD_TESTS AND NOT MAMBA_SANITIZE)
    add_test(NAME docs.warnings COMMAND "${CMAKE_COMMAND}" "-DDOXYGEN=${MAMBA_DOXYGEN}" "-DFOLDER=${mamba_docs_folder}"
                                        -DSTRICT=ON -P "${PROJECT_SOURCE_DIR}/cmake/run_doxygen.cmake"
             WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  endif()
else()
  add_custom_target(docs COMMAND "${CMAKE_COMMAND}" -E echo
                                 "docs needs Doxygen: apt-get install doxygen, then cmake ${PROJECT_BINARY_DIR}"
                    COMMAND "${CMAKE_COMMAND}" -E false VERBATIM)
endif()
