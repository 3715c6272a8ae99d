#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# A shell in a node, on a terminal: keys, signals, sizes, what time it is while it
# waits for keys, and that the terminal is as it was afterwards.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
here=$top/selftests/uml

command -v python3 >/dev/null || skip_all "no python3"

# on_terminal ARGS...: umtt run, with what stdin says to be typed
on_terminal()
{
	cat >steps
	TERM=vt100 timeout -k 5 100 "$here/on_terminal.py" steps "$UMTT" run \
		--kernel "$linux" --wall-limit 80s "$@" >"$work/out" 2>"$work/err"
	status=$?
	return 0
}

# A shell that reads no start-up files
plain()
{
	on_terminal "$@" --shell -- env PS1='ready:' bash --norc --noprofile
}

# shown PATTERN: on the terminal
shown()
{
	tr -d '\r' <"$work/out" | grep -aqE -e "$1" && return
	echo "not shown: $1"
	tr -d '\r' <"$work/out" | sed 's/^/shown: /' | tail -n 25
	return 1
}

# value NAME: what NAME=NUMBER was shown with
value()
{
	tr -d '\r' <"$work/out" | sed -n "s/^.*$1=\([0-9][0-9]*\)\$/\1/p" | tail -n 1
}

a_command_is_answered()
{
	plain <<-'END'
	wait ready:
	type echo $((6 * 7)) $TERM; tty; test -t 0 && echo is a terminal\r
	wait ready:
	type exit 3\r
	END
	equal status "$status" 3 && shown '42 vt100$' && shown '^/dev/pts/0$' &&
		shown '^is a terminal$'
}

the_default_is_a_shell()
{
	on_terminal --shell <<-'END'
	wait #
	type echo $0-$(hostname)\r
	wait bash-node1
	type \x04
	END
	succeeded
}

a_long_sleep_returns_at_once()
{
	plain <<-'END'
	wait ready:
	type a=$(date +%s); sleep 1d; echo slept=$(($(date +%s) - a))\r
	wait slept=86400
	type exit\r
	END
	succeeded
}

# The time between two commands, one second of the host's time apart, in us. What
# is waited for must not be in what is typed, which is shown as well.
times="a=\$(date +%s%N); echo g''o\\\\r
wait go
wait ready:
pause 1
type echo u''s=\$(((\$(date +%s%N) - a) / 1000))\\\\r
wait us=
wait ready:"

time_stands_while_it_waits()
{
	plain <<-END
	wait ready:
	type sleep 3 & sleep 0.1; $(printf %b "$times")
	type exit\\r
	END
	succeeded && between "the time between two commands, us" "$(value us)" 1 50000
}

time_passes_while_it_waits()
{
	plain --pace real <<-END
	wait ready:
	type (sleep 0.5; echo ti''mer) & sleep 0.1; $(printf %b "$times")
	type exit\\r
	END
	succeeded && shown 'timer$' &&
		between "the time between two commands, us" "$(value us)" 900000 20000000
}

others_wait_too()
{
	plain <<-'END'
	wait ready:
	type a=$(date +%s%N); read x; echo u''s=$((($(date +%s%N) - a) / 1000))\r
	pause 1
	type word\r
	wait us=
	type a=$(date +%s%N); python3 -c "import sys, tty; tty.setraw(0); sys.stdin.read(1)"; echo u''s=$((($(date +%s%N) - a) / 1000))\r
	pause 2
	type x
	wait us=
	type exit\r
	END
	succeeded && between "the time of both, us" "$(value us)" 1 500000
}

interrupt_goes_to_the_guest()
{
	plain <<-'END'
	wait ready:
	type while sleep 10; do :; done\r
	pause 0.5
	type \x03
	wait ready:
	type echo code=$?; cat\r
	pause 0.5
	type \x1a
	wait Stopped
	type fg; echo code=$?\r
	pause 0.5
	type \x04
	wait code=0
	type exit\r
	END
	succeeded && shown 'code=130$'
}

size_is_passed_on()
{
	plain <<-'END'
	wait ready:
	type stty size; trap 'echo re''sized' WINCH\r
	wait 24 80
	wait ready:
	size 33 99
	wait resized
	type stty size\r
	wait 33 99
	type exit\r
	END
	succeeded
}

many_keys_at_once()
{
	line=$(head -c 2000 /dev/zero | tr '\0' x)
	plain <<-END
	wait ready:
	type stty -icanon; echo is \$((6 * 7)); head -c 40000 | wc -c; stty icanon\\r
	wait is 42
	$(yes "type $line" | head -n 20)
	wait 40000
	wait ready:
	type exit\\r
	END
	succeeded
}

the_escape_ends_it()
{
	plain --report how <<-'END'
	wait ready:
	type while :; do :; done\r
	pause 0.3
	type \x1d\x1d\x1d
	END
	equal status "$status" 130 || return
	equal reason "$(sed -n 's/^reason=//p' how)" terminal
}

a_signal_restores_the_terminal()
{
	plain <<-'END'
	wait ready:
	kill SIGTERM
	END
	equal status "$status" 143
}

even_a_kill_restores_it()
{
	plain <<-'END'
	wait ready:
	kill SIGKILL
	END
	equal status "$status" 137
}

a_panic_restores_it()
{
	plain <<-'END'
	wait ready:
	type echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero\r
	END
	equal status "$status" 125 && shown 'kernel panic: Out of memory'
}

another_node()
{
	on_terminal --node 2 --shell=node2 -- sh <<-'END'
	wait #
	type hostname; ping -q -c 2 node1; exit 4\r
	END
	equal status "$status" 4 && shown 'node2$' && shown '2 received'
}

can_be_replayed()
{
	plain --pace "$1" --trace trace <<-'END'
	wait ready:
	type sleep 0.2 & date\r
	wait ready:
	pause 0.5
	type date +%N; ping -i 0.3 10.0.0.1\r
	pause 0.3
	type \x03
	wait ready:
	type exit 5\r
	END
	equal status "$status" 5 || return
	tr -d '\r' <out | sed '/^umtt: seed/d' >want
	umtt run --replay trace --trace again >out 2>err </dev/null
	equal status "$?" 5 && said 'replay: all [0-9]+ records are the same' &&
		cmp trace again && tr -d '\r' <out | cmp - want
}

without_a_terminal()
{
	run --shell
	equal status "$status" 125 && said '^umtt: --shell: stdin is not a terminal'
}

is_refused()
{
	want=$1
	shift
	run "$@"
	[ "$status" = 125 ] && said "$want"
}

grep -q '^CONFIG_VIRTIO_CONSOLE=y' "$UMTT_KERNEL/build/.config" 2>/dev/null ||
	skip_all "this kernel has no CONFIG_VIRTIO_CONSOLE"

begin 20
check a_command_is_answered a_command_is_answered
check the_default_is_a_shell the_default_is_a_shell
check a_long_sleep_returns_at_once a_long_sleep_returns_at_once
check frozen_time_stands_while_it_waits time_stands_while_it_waits
check real_time_passes_while_it_waits time_passes_while_it_waits
check others_that_wait_for_keys others_wait_too
check interrupt_and_stop_go_to_the_guest interrupt_goes_to_the_guest
check size_is_passed_on size_is_passed_on
check many_keys_at_once many_keys_at_once
check the_escape_ends_it the_escape_ends_it
check a_signal_restores_the_terminal a_signal_restores_the_terminal
check even_a_kill_restores_the_terminal even_a_kill_restores_it
check a_panic_restores_the_terminal a_panic_restores_it
check another_node another_node
check a_frozen_session_can_be_replayed can_be_replayed frozen
check a_real_session_can_be_replayed can_be_replayed real
check without_a_terminal without_a_terminal
check no_such_node is_refused 'the lab has no such node' --shell=nobody
check no_such_pace is_refused 'pace fast: not frozen or real' --shell --pace fast
check pace_needs_a_shell is_refused 'pace is for --shell' --pace real -- true
finish
