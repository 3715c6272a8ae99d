#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Every fuzzer gets its seeds, then a few seconds of noise: FUZZ_CHECK_S each.

set -u
cd "$(dirname "$0")/../.." || exit 1
build=${BUILD:-build}
seconds=${FUZZ_CHECK_S:-4}
fuzzers=$(make -s --no-print-directory fuzz-list)

echo "KTAP version 1"
if ! command -v clang >/dev/null; then
	echo "1..0 # SKIP there is no clang, which the fuzzers are built with"
	exit 4
fi
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT

# shellcheck disable=SC2086
set -- $fuzzers
echo "1..$#"
n=0
fail=0
for t; do
	n=$((n + 1))
	mkdir "$new/$t"
	"$build/fuzz/$t" -seed=1 -max_total_time="$seconds" -timeout=10 \
		-rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
		-artifact_prefix="$build/fuzz/$t-" \
		"$new/$t" "selftests/fuzz/corpus/$t" >"$new/log" 2>&1
	status=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$new/log")
	if [ $status -eq 0 ] && [ "${runs:-0}" -gt 0 ]; then
		echo "ok $n $t # $runs runs"
	else
		tail -n 40 "$new/log" | sed 's/^/# /'
		echo "not ok $n $t"
		fail=1
	fi
done
exit $fail
