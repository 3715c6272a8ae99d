#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Kernels that find mistakes and count lines, seen to do so: 'make check-kernels'.
#
# They take minutes to build, so without CHECK_KERNELS this is skipped.
# KASAN_KERNEL and GCOV_KERNEL name kernels that are built already.

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

# gcov_run ARGS...
gcov_run()
{
	if [ -n "${GCOV_KERNEL:-}" ]; then
		run_on --kernel "$GCOV_KERNEL" --gcov cover "$@"
	else
		run_on --gcov cover --gcov-of drivers/char/hw_random "$@"
	fi
	succeeded
}

# counted FILE LINE WANT: how often the line with that text has run
counted()
{
	equal "counts of $2" "$(grep -F -e "$2" "$1" | sed 's/^ *\([^:]*\):.*/\1/' | xargs)" "$3"
}

lines_of_a_module()
{
	gcov_run --module uaf -- head -c 100 /dev/hwrng || return
	gcov "cover/node1$work/uaf/umtt_uaf.gcda" >gcov.out 2>&1 || { cat gcov.out; return 1; }
	counted umtt_uaf.c.gcov 'p[1] = 1;' 1 &&
		counted umtt_uaf.c.gcov 'return -ENOMEM;' '#####'
}

lines_of_the_kernel()
{
	file=$(find cover/node1 -name core.gcda -path '*hw_random*')
	[ -n "$file" ] || { echo "nothing of hw_random"; find cover; return 1; }
	gcov "$file" >gcov.out 2>&1 || { cat gcov.out; return 1; }
	n=$(grep 'static ssize_t rng_dev_read' -A 6 core.c.gcov | sed 's/^ *\([0-9]*\)\**:.*/\1/' | sort -n | tail -n 1)
	between "reads" "${n:-0}" 1 100
}

# The usual kernel's source has all that our fragments ask for.
nothing_refused()
{
	for f in kasan gcov kcov; do
		"$top/uml-glue/kernel/build.sh" --source "$(readlink -f "$UMTT_KERNEL/source")" \
			--out "$work/$f" --only config \
			--config "$top/uml-glue/kernel/config/$f.config" >out 2>&1 ||
			{ cat out; return 1; }
		equal "$f.config, refused" "$(cat "$work/$f/config-refused")" "" || return
	done
}

begin 5
check nothing_refused nothing_refused
check use_after_free use_after_free
check no_false_alarm no_false_alarm
check lines_of_a_module lines_of_a_module
check lines_of_the_kernel lines_of_the_kernel
finish
