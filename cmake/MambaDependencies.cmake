# SPDX-License-Identifier: MIT
# What the headers need: Eigen 3.4 to 5, xsimd 8.1 to 14; OpenMP, JSON and utf8proc where a component needs them.
#
# Included by the build and, installed, by the package itself, so that both look in the same way. Each lookup defines an
# IMPORTED target of our own and is silent; <NAME>_FOUND says how it went:
#
#   mamba_find_eigen()   mamba::eigen
#   mamba_find_xsimd()   mamba::xsimd
#   mamba_find_openmp()  mamba::openmp = mamba::mamba + OpenMP
#   mamba_find_json()    mamba::json
#   mamba_find_utf8proc()  mamba::utf8proc
#   mamba_define_io()    mamba::io = mamba::mamba + JSON + utf8proc, where both were found
include_guard(GLOBAL)

# Eigen 3.4.0 rejects version ranges, and Eigen 5 is not found as 3.4: so find it without a version, then compare.
function(mamba_find_eigen)
  if(TARGET mamba::eigen)
    return()
  endif()
  if(NOT TARGET Eigen3::Eigen)
    set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
    find_package(Eigen3 CONFIG QUIET)
    if(NOT TARGET Eigen3::Eigen)
      return()
    endif()
    if(Eigen3_VERSION VERSION_LESS 3.4)
      message(STATUS "mamba: Eigen ${Eigen3_VERSION} in ${Eigen3_DIR} is too old, 3.4 is needed")
      return()
    endif()
  endif()
  add_library(mamba::eigen INTERFACE IMPORTED GLOBAL)
  target_link_libraries(mamba::eigen INTERFACE Eigen3::Eigen)
endfunction()

# Never link xsimd's own target: Debian 12 exports it with a dependency on a library "xtl" that is not installed with
# it. What the headers need is the folder alone.
function(mamba_find_xsimd)
  if(TARGET mamba::xsimd)
    return()
  endif()
  if(NOT TARGET xsimd AND NOT TARGET xsimd::xsimd)
    find_package(xsimd CONFIG QUIET)
  endif()
  foreach(name xsimd::xsimd xsimd)
    if(TARGET ${name} AND NOT mamba_xsimd_folder)
      get_target_property(folder ${name} INTERFACE_INCLUDE_DIRECTORIES)
      if(folder)
        set(mamba_xsimd_folder "${folder}")
      endif()
    endif()
  endforeach()
  if(NOT mamba_xsimd_folder)
    find_path(MAMBA_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
    mark_as_advanced(MAMBA_XSIMD_INCLUDE_DIR)
    if(NOT MAMBA_XSIMD_INCLUDE_DIR)
      return()
    endif()
    set(mamba_xsimd_folder "${MAMBA_XSIMD_INCLUDE_DIR}")
  endif()
  add_library(mamba::xsimd INTERFACE IMPORTED GLOBAL)
  target_include_directories(mamba::xsimd INTERFACE "${mamba_xsimd_folder}")
endfunction()

function(mamba_find_openmp)
  if(TARGET mamba::openmp)
    return()
  endif()
  if(NOT TARGET OpenMP::OpenMP_CXX)
    set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
    find_package(OpenMP QUIET COMPONENTS CXX)
  endif()
  if(TARGET OpenMP::OpenMP_CXX)
    add_library(mamba::openmp INTERFACE IMPORTED GLOBAL)
    target_link_libraries(mamba::openmp INTERFACE mamba::mamba OpenMP::OpenMP_CXX)
  endif()
endfunction()

# An IMPORTED target of our own for what was found under another name.
function(mamba_alias_dependency target)
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(${target} INTERFACE ${ARGN})
endfunction()

macro(mamba_find_package_dependency target package)
  if(NOT TARGET ${target})
    set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)
    find_package(${package} CONFIG QUIET)
    foreach(candidate ${ARGN})
      if(TARGET ${candidate} AND NOT TARGET ${target})
        mamba_alias_dependency(${target} ${candidate})
      endif()
    endforeach()
    set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL OFF)
  endif()
endmacro()

function(mamba_find_json)
  mamba_find_package_dependency(mamba::json nlohmann_json nlohmann_json::nlohmann_json)
endfunction()

# utf8proc has no CMake package in Debian 12; it is one header and one library.
function(mamba_find_utf8proc)
  if(TARGET mamba::utf8proc)
    return()
  endif()
  find_path(MAMBA_UTF8PROC_INCLUDE_DIR utf8proc.h)
  find_library(MAMBA_UTF8PROC_LIBRARY utf8proc)
  mark_as_advanced(MAMBA_UTF8PROC_INCLUDE_DIR MAMBA_UTF8PROC_LIBRARY)
  if(MAMBA_UTF8PROC_INCLUDE_DIR AND MAMBA_UTF8PROC_LIBRARY)
    mamba_alias_dependency(mamba::utf8proc "${MAMBA_UTF8PROC_LIBRARY}")
    target_include_directories(mamba::utf8proc INTERFACE "${MAMBA_UTF8PROC_INCLUDE_DIR}")
  endif()
endfunction()

function(mamba_define_io)
  if(NOT TARGET mamba::io AND TARGET mamba::json AND TARGET mamba::utf8proc)
    mamba_alias_dependency(mamba::io mamba::mamba mamba::json mamba::utf8proc)
  endif()
endfunction()
