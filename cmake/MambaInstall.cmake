# SPDX-License-Identifier: MIT
# Headers and a package that works from any prefix and for any architecture, for nothing in it was compiled; the same
# for pkg-config; and the programs, where they are built, with the small model that they use when none is named.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# A folder that is given in full, as distributions do, and lies in the prefix is named from there, so that the prefix
# can be moved.
foreach(kind INCLUDEDIR DATADIR)
  set(mamba_${kind} "${CMAKE_INSTALL_${kind}}")
  cmake_path(IS_PREFIX CMAKE_INSTALL_PREFIX "${mamba_${kind}}" NORMALIZE mamba_inside)
  if(mamba_inside)
    cmake_path(RELATIVE_PATH mamba_${kind} BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
  endif()
endforeach()

set(mamba_package_dir "${mamba_DATADIR}/cmake/mamba")

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/MambaConfig.cmake.in"
                              "${PROJECT_BINARY_DIR}/mambaConfig.cmake" INSTALL_DESTINATION "${mamba_package_dir}"
                              NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/mambaConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/mamba" DESTINATION "${mamba_INCLUDEDIR}"
        FILES_MATCHING PATTERN "*.hpp")
install(FILES "${PROJECT_BINARY_DIR}/mambaConfig.cmake" "${PROJECT_BINARY_DIR}/mambaConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/MambaDependencies.cmake"
        DESTINATION "${mamba_package_dir}")

# pkg-config, for builds without CMake.
set(mamba_pkgconfig_dir "${mamba_DATADIR}/pkgconfig")
set(mamba_pc_prefix "${CMAKE_INSTALL_PREFIX}")  # of folders outside it, which do not move
if(NOT IS_ABSOLUTE "${mamba_DATADIR}")
  file(RELATIVE_PATH mamba_pc_prefix "/prefix/${mamba_pkgconfig_dir}" "/prefix")
  string(REGEX REPLACE "/$" "" mamba_pc_prefix "\${pcfiledir}/${mamba_pc_prefix}")
endif()
set(mamba_pc_includedir "${mamba_INCLUDEDIR}")
if(NOT IS_ABSOLUTE "${mamba_INCLUDEDIR}")
  set(mamba_pc_includedir "\${prefix}/${mamba_INCLUDEDIR}")
endif()
foreach(name mamba mamba-io)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${mamba_pkgconfig_dir}")
endforeach()

install(TARGETS mamba EXPORT mambaTargets INCLUDES DESTINATION "${mamba_INCLUDEDIR}")
install(EXPORT mambaTargets NAMESPACE mamba:: DESTINATION "${mamba_package_dir}")

if(MAMBA_BUILD_EXAMPLES)
  install(TARGETS generate evaluate inspect quantize make_checkpoint tokenize embed keyword_spotter
          RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  if(TARGET embed_audio)
    install(TARGETS embed_audio RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  endif()
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/examples/default_model/"
          DESTINATION "${mamba_DATADIR}/mamba/default_model"
          FILES_MATCHING PATTERN "*.json" PATTERN "*.safetensors" PATTERN "heldout.txt" PATTERN "README.md")
endif()
