#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Which lines and branches of src/ the tests reach: unit and protocol tests, the
# seeds of the fuzzers, and a few tests with kernels.
#
# Usage: coverage.sh, usually by 'make coverage'. BUILD says where things are
# built. The pages in $BUILD/coverage/html show what has been missed.

set -u
cd "$(dirname "$0")/.." || exit 1
top=${BUILD:-build}
build=$top/coverage
raw=$PWD/$build/raw
data=$build/all.profdata

# Counters are in files that are mapped, so that a process need not end well:
# tests end by _exit(), and umtt is killed in some of them.
flags="-fprofile-instr-generate -fcoverage-mapping -mllvm -runtime-counter-relocation"
export LLVM_PROFILE_FILE="$raw/%p%c.profraw"

# Not all of those that start kernels, but each part of umtt run is in one.
kernels=
for t in run run_ends run_options lab echo; do
	kernels="$kernels selftests/uml/test_$t.sh"
done

make_it()
{
	make --no-print-directory -j"$(nproc)" BUILD="$build" CC=clang \
		KSFT_INC="$top/kernel/6.12/source/tools/testing/selftests" \
		CFLAGS="-O0 -g -w $flags" \
		FUZZ_FLAGS=-fsanitize=fuzzer "$@"
}

# What has been counted since the last time is added to the rest.
collect()
{
	[ -f "$data" ] && set -- "$data"
	llvm-profdata merge -sparse -o "$data.new" "$@" "$raw"/*.profraw \
		2>>"$build/log" && mv "$data.new" "$data"
	rm -rf "$raw"
	mkdir -p "$raw"
}

programs()
{
	find "$build/$1" -maxdepth 1 -type f -perm -u+x | sort
}

rm -rf "$raw" "$data" "$build/log"
mkdir -p "$raw"
make_it umtt unit-build proto-build fuzz-build >"$build/build.log" 2>&1 || {
	tail -n 30 "$build/build.log"
	exit 1
}

export UMTT="$PWD/$build/umtt"
export UMTT_KERNEL="$PWD/$top/kernel/6.12"
# Whether they pass is the business of 'make check'.
for t in $(programs unit) $(programs proto) $kernels; do
	timeout 300 "$t" >>"$build/log" 2>&1 </dev/null ||
		echo "$t has failed, see $build/log"
	collect
done
for t in $(programs fuzz); do
	"$t" -runs=0 -artifact_prefix="$build/" \
		"selftests/fuzz/corpus/${t##*/}" >>"$build/log" 2>&1 ||
		echo "$t has failed, see $build/log"
	collect
done

set -- "$UMTT"
for t in $(programs unit) $(programs fuzz); do
	set -- "$@" -object "$t"
done
llvm-cov show "$@" -instr-profile="$data" -format=html -show-branches=count \
	-output-dir="$build/html" src 2>>"$build/log"
llvm-cov report "$@" -instr-profile="$data" src 2>>"$build/log" >"$build/report"

# Per file, then per directory; what has no branches has all of them.
awk '
function pct(all, missed) { return all ? 100 * (all - missed) / all : 100 }
function line(name, l, lm, b, bm) {
	printf "%-26s %6d %6.1f %%  %6d %6.1f %%\n", name, l, pct(l, lm), b,
		pct(b, bm)
}
function add(dir) {
	L[dir] += $8; LM[dir] += $9; B[dir] += $11; BM[dir] += $12
}
BEGIN { printf "%-26s %6s %8s  %6s %8s\n", "", "lines", "", "branches", "" }
NF == 13 && $1 ~ /\.[ch]$/ && $8 {
	name = $1
	sub(/^.*src\//, "", name)
	if (name !~ /^[a-z]+\/[a-z_]+\.[ch]$/)
		next
	line(name, $8, $9, $11, $12)
	dir = name
	sub(/\/.*/, "", dir)
	add(dir)
	add("src")
}
END {
	print ""
	n = split("base wire ring tt cal vu dev lab trace cmd src", order, " ")
	for (i = 1; i <= n; i++)
		if (order[i] in L)
			line(order[i] (order[i] == "src" ? ", all" : "/"),
			     L[order[i]], LM[order[i]], B[order[i]], BM[order[i]])
}' "$build/report"
