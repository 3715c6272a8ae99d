#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The kernel on a CPU with AMX, or on this one made to look like it: kernels
# before 6.13 need our patch for that.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# preload SIZE: a kernel, $work/linux-SIZE, that finds a register area so large
preload()
{
	sed "s/^#define AMX_SIZE.*/#define AMX_SIZE $1/" \
		"$top/uml-glue/kernel/amx-host.c" >"$work/amx-$1.c"
	cc -shared -fPIC -o "$work/amx-$1.so" "$work/amx-$1.c" || return
	printf '#!/bin/sh\nLD_PRELOAD=%s exec %s "$@"\n' \
		"$work/amx-$1.so" "$UMTT_KERNEL/linux" >"$work/linux-$1"
	chmod +x "$work/linux-$1"
}

# with_area SIZE COMMAND...: a run on a CPU with so large a register area
with_area()
{
	preload "$1" || return
	linux=$work/linux-$1
	shift
	run -- "$@"
}

floating_point()
{
	# shellcheck disable=SC2016	# for the shell in the node
	with_area 11008 sh -c 'for i in 1 2 3 4; do
		awk "BEGIN { print 1.5 * $i }" & done; wait'
	succeeded && equal "products" "$(sort -n out | tr '\n' ' ')" "1.5 3 4.5 6 "
}

# Without this, the other one could pass because nothing was preloaded.
too_large()
{
	with_area 99008 true
	equal "exit status" "$status" 125
}

begin 2
check programs_run_on_a_cpu_with_amx floating_point
check an_area_beyond_all_reason_is_refused too_large
finish
