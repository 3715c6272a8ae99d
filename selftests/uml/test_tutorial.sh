#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Documentation/tutorial.rst: its files, its commands, and what they print.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/uml/doc.sh
. "$top/selftests/uml/doc.sh"

command -v gdb >/dev/null || skip_all "no gdb"
text=$top/Documentation/tutorial.rst
export HOME="$work/home"

# A clone that has been built: objects come along, so that only what the new
# device touches is compiled.
clone()
{
	mkdir -p "$HOME/umtt/build/kernel" &&
	cp -a "$top/Makefile" "$top/src" "$top/uml-glue" "$HOME/umtt/" &&
	{ [ ! -d "$top/build/obj" ] || cp -a "$top/build/obj" "$HOME/umtt/build/"; } &&
	ln -s "$UMTT_KERNEL" "$HOME/umtt/build/kernel/6.12" &&
	touch "$HOME/umtt/build/.deps-build"
}

doc_commands "$text"
begin $((commands + 2))
check clone clone
check files sh "$top/Documentation/unpack.sh" "$text" "$HOME/doorbell"
limit=500 doc_run "$HOME"
doc_checks tutorial
finish
