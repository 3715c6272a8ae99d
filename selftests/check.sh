#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# All tests, and a last line that says how many passed.

set -u
cd "$(dirname "$0")/.." || exit 1
build=${BUILD:-build}
out=$PWD/$build/selftests
rm -rf "$out"
mkdir -p "$out"
export UMTT="$PWD/$build/umtt"
if [ -n "${KDIR:-}" ]; then
	export UMTT_KERNEL="$PWD/$build/kernel/kdir"
else
	export UMTT_KERNEL="$PWD/$build/kernel/${KERNEL:-6.12}"
fi
fail=0

group()
{
	echo "== $1"
	shift
	selftests/runner.sh -j "$(nproc)" -o "$out" "$@" || fail=1
}

programs()
{
	find "$1" -maxdepth 1 -type f -perm -u+x | sort
}

build_tests()
{
	make --no-print-directory -j"$(nproc)" "$@" >"$out/build.log" 2>&1 && return
	tail -n 30 "$out/build.log"
	echo "building $* failed, all of it in $out/build.log"
	echo "0 1 0" >>"$out/tally"
	fail=1
}

# Of another kernel than the usual one, only what depends on it.
if [ -z "${KDIR:-}" ] && [ "${KERNEL:-6.12}" = 6.12 ]; then
	echo "== building the tests, with AddressSanitizer and UBSan"
	build_tests SAN=1 umtt unit-build proto-build vu-conformance
	group "lint" selftests/lint/*.sh
	# shellcheck disable=SC2046
	group "unit" $(programs "$build/unit-san")
	# shellcheck disable=SC2046
	UMTT=$PWD/$build/san/umtt group "protocol" $(programs "$build/proto-san")
	command -v clang >/dev/null && build_tests fuzz-build
	BUILD=$build group "fuzz" selftests/fuzz/test_*.sh
	UMTT=$PWD/$build/san/umtt VU_CONFORMANCE=$PWD/$build/san/vu-conformance \
		group "conformance" selftests/conformance/test_*.sh
	# Once, and not by all of them at a time.
	uml-glue/kernel/fetch-cloud-kernel.sh "$build/cloud-kernel" >"$out/cloud-kernel.log" 2>&1
	group "qemu" selftests/qemu/test_*.sh
fi
group "kernels" selftests/uml/test_*.sh

awk '{ p += $1; f += $2; s += $3 }
     END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }' \
	"$out/tally" || fail=1
exit $fail
