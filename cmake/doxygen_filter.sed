# SPDX-License-Identifier: MIT
# What Doxygen reads in place of a header, line by line, so that line numbers stay.
#
# The comment at the head of a header describes the file:
1s|^// SPDX.*|/// \\file|
2s|^// [^ ]* — ([^[]*[^[ ])( *\[floor [0-9]\])?$|/// \\brief \1|
3,/^#pragma once/s|^//( .*)?$|///\1|
# The labels of a card are a list:
s/^( *)\/\/\/ (Paper|Why|Shapes|Units|Domain|Error|Determinism|Cost|Throws|See): +/\1\/\/\/ - **\2:** /
s/^( *)\/\/\/ (Why [^:]{1,12}): +/\1\/\/\/ - **\2:** /
# Relative paths to files that are no page:
s|\]\((\.\./)+[^)]*\)|]|g
# Doxygen 1.9.4 takes a member that ends in "requires … {" for a constructor with initialisers:
s/ requires ([Ss]torage::computes|\(.*\)) \{/ {/
/^ +requires [^{;]*$/{
  N
  s/^.*\n( *\{)$/\n\1/
}
# It does not read "namespace mamba::inline MAMBA_ABI::name", whose inline namespace a reader need not see:
s/^namespace mamba::inline MAMBA_ABI/namespace mamba/
# What a comment means as it stands, and Doxygen takes for a command or a tag:
/^ *\/\/\//s/\\([ps])([{,. ])/\\\\\1\2/g
/^ *\/\/\//s/([a-z ])<(stdfloat|S)>/\1\&lt;\2\&gt;/g
