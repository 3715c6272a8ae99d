# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154	# work and top are of lib.sh
#
# Texts with commands, run as they stand; sourced after lib.sh.
#
# All commands of a text are run one after the other by one shell. What they print
# must be what the text shows: a line "..." stands for any lines, "..." within a
# line for any characters. A command must succeed, unless the next one begins with
# "echo $?".

# doc_commands TEXT: to $work/doc; leaves their number in $commands
doc_commands()
{
	rm -rf "$work/doc"
	sh "$top/Documentation/unpack.sh" --commands "$1" "$work/doc"
	# shellcheck disable=SC2034	# for who sources this
	commands=$(find "$work/doc" -name '*.cmd' | wc -l)
}

# doc_run DIR: the commands, in DIR
doc_run()
{
	{
		echo 'doc_status=0'
		for doc_cmd in "$work"/doc/*.cmd; do
			doc_stem=${doc_cmd%.cmd}
			echo "(exit \$doc_status)"
			echo ". $doc_cmd >$doc_stem.out 2>&1"
			echo "doc_status=\$?; echo \$doc_status >$doc_stem.status"
		done
	} >"$work/doc/all.sh"
	(cd "$1" && timeout -k 5 "${limit:-300}" sh "$work/doc/all.sh" </dev/null >"$work/err" 2>&1)
}

doc_matches()
{
	awk '
	function line_ok(want, line,	n, part, i, at)
	{
		n = split(want, part, /\.\.\./)
		if (n <= 1)
			return want == line
		if (substr(line, 1, length(part[1])) != part[1])
			return 0
		line = substr(line, length(part[1]) + 1)
		for (i = 2; i < n; i++) {
			at = index(line, part[i])
			if (!at)
				return 0
			line = substr(line, at + length(part[i]))
		}
		return length(line) >= length(part[n]) &&
			substr(line, length(line) - length(part[n]) + 1) == part[n]
	}
	function all_ok(i, j)
	{
		for (; i <= wants; i++) {
			if (want[i] == "...") {
				for (; j <= lines; j++)
					if (all_ok(i + 1, j))
						return 1
				return all_ok(i + 1, j)
			}
			if (j > lines || !line_ok(want[i], line[j]))
				return 0
			j++
		}
		return j > lines
	}
	{ sub(/[ \t]+$/, "") }
	FILENAME ~ /want$/ { want[++wants] = $0; next }
	{ line[++lines] = $0 }
	END { exit !all_ok(1, 1) }' "$1.want" "$1.out"
}

# doc_is_true NUMBER: what the text says of this command
doc_is_true()
{
	doc_stem=$work/doc/$1
	doc_next=$work/doc/$(printf %03d $((${1#"${1%%[!0]*}"} + 1))).cmd
	if [ ! -f "$doc_stem.status" ]; then
		echo "line $(cat "$doc_stem.line"): not run"
		return 1
	fi
	if [ "$(cat "$doc_stem.status")" != 0 ] &&
	   ! grep -q '^echo \$?' "$doc_next" 2>/dev/null; then
		echo "line $(cat "$doc_stem.line"): exit status $(cat "$doc_stem.status")"
	elif doc_matches "$doc_stem"; then
		return 0
	fi
	echo "line $(cat "$doc_stem.line"): $(cat "$doc_stem.cmd")"
	sed 's/^/text:    /' "$doc_stem.want"
	sed 's/^/printed: /' "$doc_stem.out" | tail -n 60
	return 1
}

# doc_checks PREFIX: a test for each command
doc_checks()
{
	for doc_cmd in "$work"/doc/*.cmd; do
		doc_number=${doc_cmd##*/}
		doc_number=${doc_number%.cmd}
		check "$1_line_$(cat "${doc_cmd%.cmd}.line")" doc_is_true "$doc_number"
	done
}
