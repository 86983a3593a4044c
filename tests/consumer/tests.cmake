# SPDX-License-Identifier: MIT
# Registers the two ways in which another project uses the library; each configures, builds and runs that project.
foreach(way installed subdirectory)
  add_test(NAME consumer.${way}
           COMMAND ${CMAKE_COMMAND} -DWAY=${way} "-DMAMBA_SOURCE=${PROJECT_SOURCE_DIR}"
                   "-DMAMBA_BINARY=${PROJECT_BINARY_DIR}"
                   "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DGENERATOR=${CMAKE_GENERATOR}" "-DVERSION=${PROJECT_VERSION}"
                   "-DFETCHED=${MAMBA_FETCH_DEPS}" "-DEIGEN_SOURCE=${eigen_SOURCE_DIR}"
                   "-DXSIMD_SOURCE=${xsimd_SOURCE_DIR}"
                   -P "${CMAKE_CURRENT_LIST_DIR}/run.cmake")
  set_tests_properties(consumer.${way} PROPERTIES TIMEOUT 600)
  mamba_leave_tests_to(ci consumer.${way})
endforeach()
