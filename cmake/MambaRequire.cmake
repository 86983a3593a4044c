# SPDX-License-Identifier: MIT
# mamba_require(NAME): finds a dependency, or downloads it if MAMBA_FETCH_DEPS is on, or says how to install it.
#
# What it defines: mamba::eigen and mamba::xsimd for the headers, mamba::json and mamba::utf8proc for mamba::io;
# dep::doctest, dep::benchmark, dep::cli11 and dep::yaml_cpp for tests, benchmarks and examples. All are IMPORTED, so
# that their headers are system headers and our warnings stay ours.
#
# Header-only packages are downloaded and not configured (their SOURCE_SUBDIR doesn't exist, which FetchContent takes to
# mean "no CMakeLists.txt here"): their own build files bring tests, install rules and minutes of checks.
include_guard(GLOBAL)
include(FetchContent)

# name | version pinned | repository | commit | apt package | brew package
set(mamba_pins
    "eigen|3.4.0|https://gitlab.com/libeigen/eigen.git|3147391d946bb4b6c68edd901f2add6ac1f31f8c|libeigen3-dev|eigen"
    "xsimd|13.2.0|https://github.com/xtensor-stack/xsimd.git|1f8dd9c8e162968d9b4ff0251c56d431b8777f36|libxsimd-dev|xsimd"
    "doctest|2.4.11|https://github.com/doctest/doctest.git|ae7a13539fb71f270b87eb2e874fbac80bc8dda2|doctest-dev|doctest"
    "benchmark|1.8.3|https://github.com/google/benchmark.git|344117638c8ff7e239044fd0fa7085839fc03021|libbenchmark-dev|google-benchmark"
    "json|3.11.3|https://github.com/nlohmann/json.git|9cca280a4d0ccf0c08f47a99aa71d1b0e52f8d03|nlohmann-json3-dev|nlohmann-json"
    "cli11|2.5.0|https://github.com/CLIUtils/CLI11.git|4160d259d961cd393fd8d67590a8c7d210207348|libcli11-dev|cli11"
    "utf8proc|2.8.0|https://github.com/JuliaStrings/utf8proc.git|1cb28a66ca79a0845e99433fd1056257456cef8b|libutf8proc-dev|utf8proc"
    "yaml_cpp|0.8.0|https://github.com/jbeder/yaml-cpp.git|f7320141120f720aecc4c32be25586e7da9eb978|libyaml-cpp-dev|yaml-cpp")

macro(mamba_require name)
  foreach(pin IN LISTS mamba_pins)
    string(REPLACE "|" ";" pin "${pin}")
    list(POP_FRONT pin pin_name pin_version pin_repository pin_commit pin_apt pin_brew)
    if(pin_name STREQUAL "${name}")
      if(MAMBA_FETCH_DEPS)
        message(STATUS "mamba: ${name} ${pin_version} from ${pin_repository}")
        cmake_language(CALL mamba_fetch_${name})
      else()
        cmake_language(CALL mamba_find_${name})
        if(NOT TARGET mamba::${name} AND NOT TARGET dep::${name})
          mamba_say_how_to_install("${name}" "${pin_apt}" "${pin_brew}")
        endif()
      endif()
    endif()
  endforeach()
endmacro()

function(mamba_say_how_to_install name apt brew)
  message(FATAL_ERROR "mamba: ${name} was not found. Install it with\n"
                      "  apt-get install -y ${apt}      (Debian, Ubuntu; with sudo if you are not root)\n"
                      "  brew install ${brew}      (macOS)\n"
                      "or configure with -DMAMBA_FETCH_DEPS=ON to download everything at pinned versions.")
endfunction()

# Our own programs and tests use threads; a project that only uses the headers need not have OpenMP.
function(mamba_require_openmp)
  mamba_find_openmp()
  if(NOT TARGET mamba::openmp AND (MAMBA_BUILD_TESTS OR MAMBA_BUILD_EXAMPLES OR MAMBA_BUILD_BENCHMARKS))
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      mamba_say_how_to_install("OpenMP" "libomp-dev" "libomp")
    else()
      mamba_say_how_to_install("OpenMP" "g++" "gcc")
    endif()
  endif()
endfunction()

# --- installed ------------------------------------------------------------------------------------------------------

function(mamba_find_doctest)
  mamba_find_package_dependency(dep::doctest doctest doctest::doctest)
endfunction()
function(mamba_find_benchmark)
  mamba_find_package_dependency(dep::benchmark benchmark benchmark::benchmark)
endfunction()
function(mamba_find_cli11)
  mamba_find_package_dependency(dep::cli11 CLI11 CLI11::CLI11)
endfunction()
function(mamba_find_yaml_cpp)
  mamba_find_package_dependency(dep::yaml_cpp yaml-cpp yaml-cpp::yaml-cpp yaml-cpp)
endfunction()

# --- downloaded -----------------------------------------------------------------------------------------------------

macro(mamba_declare_pin content)
  FetchContent_Declare(${content} GIT_REPOSITORY ${pin_repository} GIT_TAG ${pin_commit} GIT_PROGRESS ON SYSTEM ${ARGN})
endmacro()

# Downloads a header-only package: ${target} gets the folder ${include} of it.
macro(mamba_fetch_headers content target include)
  if(NOT TARGET ${target})
    mamba_declare_pin(${content} SOURCE_SUBDIR this-folder-does-not-exist)
    FetchContent_MakeAvailable(${content})
    add_library(${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(${target} INTERFACE "${${content}_SOURCE_DIR}/${include}")
  endif()
endmacro()

macro(mamba_fetch_eigen)
  mamba_fetch_headers(eigen mamba::eigen "")
endmacro()
macro(mamba_fetch_xsimd)
  mamba_fetch_headers(xsimd mamba::xsimd include)
endmacro()
macro(mamba_fetch_doctest)
  mamba_fetch_headers(doctest dep::doctest "")
  # <doctest/doctest.h>: the repository has the header in a folder of that name.
endmacro()
macro(mamba_fetch_json)
  mamba_fetch_headers(json mamba::json single_include)
endmacro()
macro(mamba_fetch_cli11)
  mamba_fetch_headers(cli11 dep::cli11 include)
endmacro()

# Downloads and builds a library with its own CMakeLists.txt, without its tests and install rules.
macro(mamba_fetch_library content)
  enable_language(C)
  set(FETCHCONTENT_QUIET OFF)
  set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
  set(CMAKE_POLICY_VERSION_MINIMUM 3.5)
  set(CMAKE_WARN_DEPRECATED OFF CACHE INTERNAL "")
  mamba_declare_pin(${content})
  FetchContent_MakeAvailable(${content})
endmacro()

macro(mamba_fetch_benchmark)
  if(NOT TARGET dep::benchmark)
    set(BENCHMARK_ENABLE_TESTING OFF)
    set(BENCHMARK_ENABLE_WERROR OFF)
    set(BENCHMARK_ENABLE_INSTALL OFF)
    mamba_fetch_library(benchmark)
    mamba_alias_dependency(dep::benchmark benchmark::benchmark)
  endif()
endmacro()
macro(mamba_fetch_utf8proc)
  if(NOT TARGET mamba::utf8proc)
    set(UTF8PROC_INSTALL OFF)
    mamba_fetch_library(utf8proc)
    mamba_alias_dependency(mamba::utf8proc utf8proc)
  endif()
endmacro()
macro(mamba_fetch_yaml_cpp)
  if(NOT TARGET dep::yaml_cpp)
    set(YAML_CPP_BUILD_TESTS OFF)
    set(YAML_CPP_BUILD_TOOLS OFF)
    set(YAML_CPP_BUILD_CONTRIB OFF)
    set(YAML_CPP_INSTALL OFF)
    mamba_fetch_library(yaml-cpp)
    mamba_alias_dependency(dep::yaml_cpp yaml-cpp::yaml-cpp)
  endif()
endmacro()
