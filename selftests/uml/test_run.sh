#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# umtt run: what a command is given, and what comes back of it.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# it is for the guest's shell to expand
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# status_is STATUS COMMAND...: and nothing is printed
status_is()
{
	want=$1
	shift
	run -- "$@"
	equal "exit status" "$status" "$want" && equal stdout "$(cat out)" "" &&
		equal stderr "$(cat err)" ""
}

# refused STATUS REASON COMMAND...: it cannot be executed, which is one line
refused()
{
	want=$1
	reason=$2
	shift 2
	run -- "$@"
	equal "exit status" "$status" "$want" &&
		equal stderr "$(cat err)" "umtt: $1: $reason"
}

not_found()
{
	refused 127 "command not found" no-such-command-here &&
		refused 127 "command not found" ./no-such-file &&
		refused 127 "command not found" ""
}

not_executable()
{
	echo true >file
	chmod 644 file
	refused 126 "Permission denied" ./file &&
		refused 126 "Permission denied" "$PWD"
}

by_signal()
{
	status_is 143 sh -c 'kill -TERM $$' && status_is 137 sh -c 'kill -KILL $$' &&
		status_is 130 sh -c 'kill -INT $$' &&
		status_is 139 sh -c 'kill -SEGV $$'
}

# Children that it leaves do not keep the lab.
children_left()
{
	status_is 3 sh -c 'sleep 1000000 & (trap "" TERM; exec sleep 999999) & exit 3'
}

# Every byte value in any order, to stdout and stderr
bytes()
{
	awk 'BEGIN { for (i = 0; i < 256; i++) printf "%o\n", i }' |
		while read -r octal; do
			# shellcheck disable=SC2059
			printf "\\$octal"
		done >all
	head -c 70000 /dev/urandom >random
	cat all random all >to_out
	cat random all random >to_err
	run -- sh -c 'cat to_out; cat to_err >&2'
	succeeded && cmp to_out out && cmp to_err err
}

five_megabytes()
{
	head -c 5242881 /dev/urandom >much
	run -- sh -c 'cat much'
	succeeded && cmp much out && equal stderr "$(cat err)" "" || return
	run -- sh -c 'cat much >&2'
	succeeded && cmp much err && equal stdout "$(cat out)" ""
}

no_newline()
{
	run -- printf 'no newline'
	succeeded && equal bytes "$(od -An -c out | tr -d ' ')" 'nonewline' &&
		equal size "$(wc -c <out)" 10
}

# To one file: in the order in which it was written
order_kept()
{
	umtt run --kernel "$linux" --wall-limit 80s -- sh -c 'i=0
		while [ $i -lt 200 ]; do
			echo out $i
			echo err $i >&2
			i=$((i + 1))
		done' >both 2>&1 </dev/null || return
	awk 'BEGIN { for (i = 0; i < 200; i++) print "out " i "\nerr " i }' >want
	diff -u want both
}

# What it prints is there when it prints it, not at the end.
not_held_back()
{
	start -- sh -c 'echo here; while :; do :; done'
	wait_for 20 grep -q here out
	ret=$?
	kill "$lab"
	ended 20 && return "$ret"
}

nothing_to_read()
{
	echo "not for the guest" >input
	umtt run --kernel "$linux" --wall-limit 80s -- sh -c 'wc -c' \
		<input >"$work/out" 2>"$work/err"
	status=$?
	succeeded && equal "bytes read" "$(cat out)" 0 && equal "bytes left" "$(cat input)" \
		"not for the guest"
}

# in_directory DIR: what the command sees of it
in_directory()
{
	echo "inside $1" >"$1/see.txt"
	(cd "$1" && run -- sh -c 'pwd && echo "$PWD" && cat see.txt' && succeeded) ||
		return
	equal stdout "$(cat out)" "$1
$1
inside $1"
}

directories()
{
	mkdir -p deep/er "with space"
	here=$PWD
	in_directory "$here" && in_directory "$here/deep/er" &&
		in_directory "$here/with space"
}

directory_elsewhere()
{
	(cd "$top/src/lab" && run -- sh -c 'pwd && cat node.c' && succeeded) || return
	{ (cd "$top/src/lab" && pwd -P) && cat "$top/src/lab/node.c"; } | diff - out ||
		return
	(cd / && run -- pwd && succeeded) && equal directory "$(cat out)" /
}

# A path in the command is there, too, although /tmp is the guest's own.
named_file()
{
	dir=$(mktemp -d /tmp/umtt-named.XXXXXX)
	echo hello >"$dir/file"
	run -- cat "$dir/file"
	rm -r "$dir"
	succeeded && equal stdout "$(cat out)" hello
}

arguments()
{
	set -- a 'b c' '' '"quoted" '"'twice'" '$HOME `id` \n' 'two
lines' '*' ' ' 'é€' '-n' '--' 'a,b=c;d|e&f>g' '--verbose'
	for arg; do
		printf '<%s>\n' "$arg"
	done >want
	run -- sh -c 'for a; do printf "<%s>\n" "$a"; done' sh "$@"
	succeeded && diff -u want out
}

many_arguments()
{
	# shellcheck disable=SC2046
	run -- sh -c 'echo $# "$1" "${5000}"' sh $(seq 10001 15000)
	succeeded && equal stdout "$(cat out)" "5000 10001 15000" || return
	long=$(head -c 60000 /dev/zero | tr '\0' x)
	run -- sh -c 'printf %s "$1"' sh "$long"
	succeeded && equal stdout "$(cat out)" "$long"
}

environment()
{
	UMTT_A='a  b "c" $d' UMTT_B='' UMTT_C='two
lines' DISPLAY=:0 MAKEFLAGS=-j8 run -- sh -c 'printf "<%s>" "$UMTT_A" "${UMTT_B-unset}" \
		"$UMTT_C" "${DISPLAY-none}" "${MAKEFLAGS-none}" "${TMPDIR-none}" "$TERM"'
	succeeded && equal stdout "$(cat out)" '<a  b "c" $d><><two
lines><none><none><none><dumb>' || return
	PATH=$PATH run -- sh -c 'command -v ip'
	succeeded
}

# The host's files are seen as they are, and nothing of them can be changed.
files()
{
	echo before >"$work/file"
	run -- sh -c 'cat file; echo after >file; rm -f file; touch new /etc/new
		cat file; echo mine >/tmp/mine && cat /tmp/mine
		: >/run/x; : >/var/tmp/x; : >/dev/shm/x; id -u; hostname'
	equal stdout "$(cat out)" 'before
before
mine
0
node1' && equal "file" "$(cat file)" before && ! [ -e new ] && ! [ -e /etc/new ]
}

# An hour: not as long as that, and no shorter inside.
hour()
{
	begin_wall=$(date +%s)
	run --stats -- sh -c 'cat /proc/uptime; sleep 3600; cat /proc/uptime'
	wall=$(($(date +%s) - begin_wall))
	succeeded && between "seconds it took" "$wall" 0 9 &&
		equal "seconds that passed" "$(awk 'NR == 1 { t = $1 }
			NR == 2 { print $1 - t }' out)" 3600 &&
		said '^umtt: simulated 36[0-9][0-9]\.[0-9] s in [0-9.]+ (s|ms)$'
}

# A clock that all see alike, from the day that is asked for
time_of_day()
{
	run --tod 2035-06-01T12:00:00 -- date -u '+%F %T'
	succeeded && equal date "$(cat out)" "2035-06-01 12:00:01" || return
	run --tod @86400 -- date -u '+%F %T'
	succeeded && equal date "$(cat out)" "1970-01-02 00:00:01"
}

# Its standard output is closed, or cannot be written
output_broken()
{
	run_to()
	{
		umtt run --kernel "$linux" --wall-limit 80s -- yes
	}
	{
		run_to 2>"$work/err" </dev/null
		echo $? >"$work/status"
	} | head -n 3 >"$work/out"
	equal "exit status" "$(cat status)" 141 && equal "lines" "$(wc -l <out)" 3 &&
		equal stderr "$(cat err)" "" || return
	run_to 2>"$work/err" </dev/null >/dev/full
	equal "exit status" $? 125 && said 'cannot write to stdout'
}

closed_descriptors()
{
	umtt run --kernel "$linux" --wall-limit 80s -- sh -c 'exit 5' <&- >&- 2>&-
	equal "exit status" $? 5
}

begin 25
check status_0 status_is 0 true
check status_7 status_is 7 sh -c 'exit 7'
check status_255 status_is 255 sh -c 'exit 255'
check status_127_not_found not_found
check status_126_not_executable not_executable
check status_128_and_signal by_signal
check children_left_running children_left
check output_of_all_byte_values bytes
check output_of_5_megabytes five_megabytes
check output_without_newline no_newline
check output_none status_is 0 sh -c ':'
check order_of_stdout_and_stderr order_kept
check output_is_not_held_back not_held_back
check output_nobody_reads output_broken
check closed_descriptors closed_descriptors
check stdin_is_empty nothing_to_read
check current_directory directories
check current_directory_elsewhere directory_elsewhere
check file_named_in_the_command named_file
check arguments arguments
check arguments_many_and_long many_arguments
check environment environment
check host_files_are_read_only files
check hour_of_sleep hour
check time_of_day time_of_day
finish
