# SPDX-License-Identifier: MIT
# cmake -DWAY=installed|subdirectory -DMAMBA_SOURCE=... -DMAMBA_BINARY=... -DCOMPILER=... -P run.cmake
cmake_minimum_required(VERSION 3.25)

set(folder "${MAMBA_BINARY}/consumer_${WAY}")
file(REMOVE_RECURSE "${folder}")

# README's example with mamba::io, as it stands there.
include("${MAMBA_SOURCE}/tests/readme/example.cmake")
readme_example("${MAMBA_SOURCE}/README.md" checkpoint "${folder}/reader.cpp")

set(arguments -S "${MAMBA_SOURCE}/tests/consumer" -B "${folder}/build" -G "${GENERATOR}"
              "-DCMAKE_CXX_COMPILER=${COMPILER}" -DCMAKE_BUILD_TYPE=Release "-DMAMBA_EXPECTED_VERSION=${VERSION}"
              "-DMAMBA_IO_EXAMPLE=${folder}/reader.cpp")

if(WAY STREQUAL "installed")
  execute_process(COMMAND ${CMAKE_COMMAND} --install "${MAMBA_BINARY}" --prefix "${folder}/first" OUTPUT_QUIET
                  COMMAND_ERROR_IS_FATAL ANY)
  # Moving the prefix shows that the package contains no path of its installation or build.
  file(RENAME "${folder}/first" "${folder}/prefix")
  file(GLOB_RECURSE files "${folder}/prefix/*")
  foreach(file IN LISTS files)
    if(file MATCHES "^${folder}/prefix/(bin|share/mamba)/")  # programs and their model; not what others build with
      continue()
    endif()
    file(STRINGS "${file}" absolute REGEX "${MAMBA_SOURCE}|${folder}")
    if(absolute)
      message(FATAL_ERROR "${file} contains a path of this machine: ${absolute}")
    endif()
    if(NOT file MATCHES "^${folder}/prefix/(include/mamba|share/cmake/mamba|share/pkgconfig)/")
      message(FATAL_ERROR "the package installs ${file}, which is outside include/mamba, share/cmake/mamba, "
                          "share/pkgconfig, bin and share/mamba")
    endif()
  endforeach()
  list(APPEND arguments "-DCMAKE_PREFIX_PATH=${folder}/prefix")
else()
  list(APPEND arguments "-DMAMBA_SUBDIRECTORY=${MAMBA_SOURCE}")
endif()

if(FETCHED)
  # The dependencies came from the network into the build folder: the consumer uses those, as headers or the same way.
  if(WAY STREQUAL "subdirectory")
    list(APPEND arguments -DMAMBA_FETCH_DEPS=ON "-DFETCHCONTENT_SOURCE_DIR_EIGEN=${EIGEN_SOURCE}"
                          "-DFETCHCONTENT_SOURCE_DIR_XSIMD=${XSIMD_SOURCE}")
  else()
    message("the dependencies were downloaded, the installed package would not find them: nothing to test")
    return()
  endif()
endif()

execute_process(COMMAND ${CMAKE_COMMAND} ${arguments} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --build "${folder}/build" COMMAND_ERROR_IS_FATAL ANY)
foreach(program serial threaded)
  execute_process(COMMAND "${folder}/build/${program}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()

if(WAY STREQUAL "installed")
  # The same with pkg-config alone: one command, as README gives it.
  find_program(PKG_CONFIG NAMES pkg-config pkgconf)
  if(PKG_CONFIG)
    set(ENV{PKG_CONFIG_PATH} "${folder}/prefix/share/pkgconfig")
    execute_process(COMMAND "${PKG_CONFIG}" --cflags mamba OUTPUT_VARIABLE flags COMMAND_ERROR_IS_FATAL ANY)
    separate_arguments(flags UNIX_COMMAND "${flags}")
    execute_process(COMMAND "${COMPILER}" -std=c++20 -DEXPECT_OPENMP=0 ${flags}
                            "${MAMBA_SOURCE}/tests/consumer/main.cpp" -o "${folder}/by_pkg_config" COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND "${folder}/by_pkg_config" COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND "${PKG_CONFIG}" --libs mamba-io OUTPUT_VARIABLE libraries COMMAND_ERROR_IS_FATAL ANY)
    if(NOT libraries MATCHES "-lutf8proc")
      message(FATAL_ERROR "pkg-config --libs mamba-io has no -lutf8proc: ${libraries}")
    endif()
    # Folders that are given in full, as distributions do, move with the prefix that they lie in.
    execute_process(COMMAND ${CMAKE_COMMAND} -S "${MAMBA_SOURCE}" -B "${folder}/full" -G "${GENERATOR}"
                            "-DCMAKE_CXX_COMPILER=${COMPILER}" -DMAMBA_BUILD_TESTS=OFF -DMAMBA_BUILD_EXAMPLES=OFF
                            -DMAMBA_BUILD_BENCHMARKS=OFF "-DCMAKE_INSTALL_PREFIX=${folder}/first"
                            "-DCMAKE_INSTALL_INCLUDEDIR=${folder}/first/include"
                            "-DCMAKE_INSTALL_DATADIR=${folder}/first/lib/share"
                    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${CMAKE_COMMAND} --install "${folder}/full" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    file(RENAME "${folder}/first" "${folder}/moved")
    set(ENV{PKG_CONFIG_PATH} "${folder}/moved/lib/share/pkgconfig")
    execute_process(COMMAND "${PKG_CONFIG}" --variable=includedir mamba OUTPUT_VARIABLE headers
                            OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    file(STRINGS "${folder}/moved/lib/share/cmake/mamba/mambaTargets.cmake" absolute REGEX "${folder}")
    if(NOT EXISTS "${headers}/mamba/mamba.hpp" OR absolute)
      message(FATAL_ERROR "a moved prefix is not found: mamba.pc says ${headers}, mambaTargets.cmake ${absolute}")
    endif()
  endif()

  execute_process(COMMAND "${folder}/build/reader" WORKING_DIRECTORY "${MAMBA_SOURCE}" OUTPUT_VARIABLE text
                  COMMAND_ERROR_IS_FATAL ANY)
  string(LENGTH "${text}" length)
  if(length LESS 50)
    message(FATAL_ERROR "README's example wrote only ${length} bytes: ${text}")
  endif()
  # Installed programs work from any prefix, with the model that is installed beside them.
  if(EXISTS "${folder}/prefix/bin")
    execute_process(COMMAND "${folder}/prefix/bin/inspect" OUTPUT_VARIABLE table COMMAND_ERROR_IS_FATAL ANY)
    if(NOT table MATCHES "^${folder}/prefix/share/mamba/default_model/")
      message(FATAL_ERROR "the installed inspect does not find the installed model:\n${table}")
    endif()
    foreach(program generate evaluate inspect quantize make_checkpoint tokenize)
      execute_process(COMMAND "${folder}/prefix/bin/${program}" --help OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    endforeach()
  endif()
endif()
