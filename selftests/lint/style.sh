#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# What every file has to look like.

set -u
cd "$(dirname "$0")/../.." || exit 1
n=0
fail=0

result()
{
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		echo "$2" | sed 's/^/# /'
		fail=1
	fi
}

echo "KTAP version 1"
echo "1..7"
code=$(git ls-files 'src/*.[ch]' 'selftests/*.[ch]' 'uml-glue/*.[ch]')
scripts=$(git ls-files '*.sh' .ci/run)

result spdx "$(git ls-files '*.[ch]' '*.sh' '*.mk' Makefile '*.def' |
	while read -r f; do
		head -n 3 "$f" | grep -q SPDX-License-Identifier || echo "$f"
	done)"
# shellcheck disable=SC2086
result tabs "$(grep -nE '^ {8}' $code)"
# shellcheck disable=SC2086
result no_trailing_space "$(grep -nE '[[:space:]]+$' $code $scripts Makefile)"
result no_typedef_struct "$(git ls-files 'src/*.[ch]' | xargs grep -nE '^typedef (struct|union|enum)')"
# shellcheck disable=SC2086
result shellcheck "$(shellcheck -x $scripts 2>&1)"
result tests_can_be_run "$(find selftests -name 'test_*.sh' ! -perm -u+x)"
# Every option of --help stands in the manual.
result man_page_is_complete "$(
	umtt=${UMTT:-build/umtt}
	[ -x "$umtt" ] || echo "$umtt is not built"
	for c in run kselftest calendar slave trace diff; do
		"$umtt" "$c" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u |
		while read -r o; do
			sed 's/\\-/-/g' Documentation/man/umtt.1 |
			grep -q -- "$o" || echo "umtt $c $o"
		done
	done)"
exit $fail
