# SPDX-License-Identifier: MIT
# cmake -DDOXYGEN=<program> -DFOLDER=<with a Doxyfile> [-DSTRICT=ON] -P run_doxygen.cmake, in the source tree.
cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE "${FOLDER}/html")
execute_process(COMMAND "${DOXYGEN}" "${FOLDER}/Doxyfile" COMMAND_ERROR_IS_FATAL ANY)
file(READ "${FOLDER}/warnings.txt" warnings)
if(warnings AND STRICT)
  message(FATAL_ERROR "Doxygen warns:\n${warnings}")
elseif(warnings)
  message(WARNING "Doxygen warns:\n${warnings}")
endif()

# What the filter is there for: a function under its namespace, with its card as a list, and no detail.
file(GLOB details "${FOLDER}/html/*detail_1_1*")
if(NOT EXISTS "${FOLDER}/html/namespacemamba_1_1kernels.html" OR details)
  message(FATAL_ERROR "the pages have no namespace mamba::kernels, or have details: ${details}")
endif()
file(READ "${FOLDER}/html/namespacemamba_1_1kernels.html" page)
if(NOT page MATCHES "<li><b>Determinism:</b>")
  message(FATAL_ERROR "the page of mamba::kernels has no cards")
endif()
message("${FOLDER}/html/index.html")
