#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Kernels that find mistakes and say which lines have run, seen to do so:
# 'make check-kernels'.
#
# They take minutes to build, so without CHECK_KERNELS this is skipped.
# KASAN_KERNEL and COVERAGE_KERNEL name kernels that are built already.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

[ -n "${CHECK_KERNELS:-}" ] || skip_all "make check-kernels builds what this needs"

# umtt's own choice of a kernel, and minutes to build it
run_on()
{
	"$UMTT" run "$@" >out 2>err </dev/null
	status=$?
	return 0
}

mkdir -p uaf
echo 'obj-m := umtt_uaf.o' >uaf/Kbuild
cat >uaf/umtt_uaf.c <<'END'
#include <linux/module.h>
#include <linux/slab.h>

static bool wrong;
module_param(wrong, bool, 0444);

static int __init umtt_uaf_init(void)
{
	volatile char *p = kmalloc(64, GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	p[1] = 1;
	if (!wrong)
		pr_info("read %d\n", p[1]);
	kfree((void *)p);
	if (wrong)
		pr_info("read %d\n", p[1]);
	return 0;
}
module_init(umtt_uaf_init);
MODULE_LICENSE("GPL");
END

# kasan ARGS...
kasan()
{
	if [ -n "${KASAN_KERNEL:-}" ]; then
		run_on --kernel "$KASAN_KERNEL" -v "$@"
	else
		run_on --kasan -v "$@"
	fi
	succeeded
}

use_after_free()
{
	kasan --module 'uaf wrong=1' -- sleep 100 &&
		said 'BUG: KASAN: slab-use-after-free in umtt_uaf_init' &&
		said 'Freed by task 1'
}

# Nor does it find anything where there is nothing.
no_false_alarm()
{
	kasan --module uaf --node 2 -- ping -c 3 10.0.0.2 || return
	if grep -E 'KASAN: |BUG: |WARNING: ' err; then
		return 1
	fi
}

# cover ARGS...
cover()
{
	if [ -n "${COVERAGE_KERNEL:-}" ]; then
		run_on --kernel "$COVERAGE_KERNEL" --gcov cover --kcov kcov "$@"
	else
		run_on --gcov cover --gcov-of drivers/char/hw_random \
			--kcov kcov --kcov-of drivers/char/hw_random "$@"
	fi
	succeeded
}

lines_of_the_kernel()
{
	cover -- head -c 100 /dev/hwrng || return
	file=$(find cover/node1 -name core.gcda -path '*hw_random*')
	[ -n "$file" ] || { echo "nothing of hw_random"; find cover; return 1; }
	gcov "$file" >gcov.out 2>&1 || { cat gcov.out; return 1; }
	n=$(grep 'static ssize_t rng_dev_read' -A 6 core.c.gcov | sed 's/^ *\([0-9]*\)\**:.*/\1/' | sort -n | tail -n 1)
	between "reads" "${n:-0}" 1 100
}

code_of_the_kernel()
{
	cover -- sh -c 'head -c 100 /dev/hwrng; :' || return
	if ! grep -q -E '^0x[0-9a-f]{16} rng_dev_read drivers/char/hw_random/core.c:[0-9]+$' kcov ||
	   ! grep -q -E ' virtio_read drivers/char/hw_random/virtio-rng.c:[0-9]+$' kcov; then
		cat kcov
		return 1
	fi
	mv kcov first
	cover -- sh -c 'head -c 100 /dev/hwrng; :' && cmp kcov first
}

# The usual kernel's source has all that our fragments ask for.
nothing_refused()
{
	"$top/uml-glue/kernel/build.sh" --source "$(readlink -f "$UMTT_KERNEL/source")" \
		--out "$work/kasan" --only config \
		--config "$top/uml-glue/kernel/config/kasan.config" >out 2>&1 ||
		{ cat out; return 1; }
	equal "refused" "$(cat "$work/kasan/config-refused")" ""
}

begin 5
check nothing_refused nothing_refused
check use_after_free use_after_free
check no_false_alarm no_false_alarm
check lines_of_the_kernel lines_of_the_kernel
check code_of_the_kernel code_of_the_kernel
finish
