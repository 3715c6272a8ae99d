#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the kernel modules of a directory for a kernel that build.sh has built,
# in place, and prints their paths in the order in which to load them.

set -euo pipefail
export LC_ALL=C

# shellcheck source=uml-glue/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

if [ $# -lt 2 ]; then
	echo "Usage: $me KERNEL DIR [VARIABLE=VALUE]...: the --out directory of build.sh, a directory with a Kbuild or Makefile, and variables for make, as GCOV_PROFILE=y" >&2
	exit 2
fi
kernel=$1
dir=$(cd "$2" && pwd -P) || die "no directory $2"
if [ ! -d "$kernel/source" ] || [ ! -f "$kernel/build/Module.symvers" ]; then
	die "$dir cannot be built for the kernel in $kernel: its source and build directories are not beside it, as 'make kernel' or --kdir leave them"
fi
if [ ! -f "$dir/Kbuild" ] && [ ! -f "$dir/Makefile" ]; then
	die "$dir has neither a Kbuild nor a Makefile (obj-m := name.o)"
fi
case $dir in
*[[:space:]:]*) die "$dir: the kernel's makefiles cannot work in a directory with a space or a colon in its path" ;;
esac

shift 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! clean_make -C "$kernel/source" O="$(readlink -f "$kernel/build")" ARCH=um \
	M="$dir" "$@" modules >"$log" 2>&1; then
	grep -v -e '^make' -e '^  [A-Z]' "$log" >&2 || cat "$log" >&2
	die "cannot build the module in $dir"
fi
# What the compiler warns of is for whoever writes the module.
grep -A 4 'warning:' "$log" >&2 || :
[ -s "$dir/modules.order" ] || die "$dir builds no module: its Kbuild or Makefile has no obj-m"
while IFS= read -r object; do
	case $object in
	/*) ;;
	*) object=$dir/$object ;;
	esac
	# Before Linux 6.3 it is a list of modules, since then of their objects.
	object=${object%.ko}
	echo "${object%.o}.ko"
done <"$dir/modules.order"
