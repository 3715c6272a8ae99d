#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Guests that keep simulated time from moving: found, named and ended; and
# --report, by which programs hear of that and of all other ends.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# it is for the guest's shell to expand
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# The programs that loop, each in its own way. This shell compiles them where
# the guest sees them.
cat >loop.c <<'END'
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long n, fired;

static void alarmed(int sig)
{
	fired = sig;
}

static long long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Looks at the clock until a second has passed. */
static int look(void)
{
	long long begin = now();

	for (n = 1; now() - begin < 1000000000; n++)
		;
	printf("%lu\n", n);
	return 0;
}

/* Waits for a timer of two seconds, with or without system calls. */
static int wait_for(int which, int sig, int calls)
{
	struct itimerval it = { .it_value = { .tv_sec = 2 } };
	long long begin;

	signal(sig, alarmed);
	begin = now();
	setitimer(which, &it, NULL);
	while (!fired)
		if (calls)
			syscall(SYS_getpid);
	printf("%lld ms\n", (now() - begin) / 1000000);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "look") == 0)
		return look();
	if (argc > 1 && strcmp(argv[1], "real") == 0)
		return wait_for(ITIMER_REAL, SIGALRM, argc > 2);
	if (argc > 1 && strcmp(argv[1], "virtual") == 0)
		return wait_for(ITIMER_VIRTUAL, SIGVTALRM, 0);
	if (argc > 1 && strcmp(argv[1], "prof") == 0)
		return wait_for(ITIMER_PROF, SIGPROF, argc > 2);
	if (argc > 1 && strcmp(argv[1], "calls") == 0)
		for (;;)
			syscall(SYS_getpid);
	if (argc > 1 && strcmp(argv[1], "prints") == 0)
		for (;;)
			(void)!write(1, "again\n", 6);
	for (;;)
		n++;
}
END

cat >spin.c <<'END'
#include <linux/kthread.h>
#include <linux/module.h>

static bool umtt_spin_end;

static int umtt_spin_here(const char *val, const struct kernel_param *kp)
{
	while (!READ_ONCE(umtt_spin_end))
		barrier();
	return 0;
}

static const struct kernel_param_ops ops = { .set = umtt_spin_here };
module_param_cb(now, &ops, NULL, 0200);
MODULE_LICENSE("GPL");
END

# value KEY: of the report
value()
{
	sed -n "s/^$1=//p" ended
}

# reports KEY VALUE...
reports()
{
	while [ $# -gt 0 ]; do
		equal "$1 of the report" "$(value "$1")" "$2" || return
		shift 2
	done
}

# stalls ARGS...: a run that is ended by its stall limit
stalls()
{
	run --stall-limit 1s --report ended "$@"
	equal "exit status" "$status" 124 && reports status 124 reason stall
}

user_loop()
{
	stalls -- "$work/loop" user &&
		reports stall-node node1 stall-mode user stall-comm loop stall-syscall "" reproducible no &&
		said '^umtt: node1: simulated time has not moved for 1\.0 s: process [0-9]+ \(loop\) is busy in user mode, at 0x[0-9a-f]+' &&
		between stall-pid "$(value stall-pid)" 2 100
}

# The process is the one that the guest knows by this number.
right_process()
{
	stalls -- sh -c 'echo $$; exec ./loop' && reports stall-comm loop stall-pid "$(cat out)"
}

syscall_loop()
{
	stalls -- "$work/loop" calls &&
		reports stall-mode user stall-comm loop stall-syscall 39 &&
		said 'process [0-9]+ \(loop\) is busy with system calls'
}

# What it prints is no sign of life: time does not move by it. It may be seen, or
# the init that passes its output on.
printing_loop()
{
	stalls -- "$work/loop" prints && reports stall-mode user
}

make_module()
{
	[ -e "$UMTT_KERNEL/build/Module.symvers" ] || return
	mkdir module && mv spin.c module/ && echo 'obj-m := spin.o' >module/Kbuild &&
		env -i PATH="$PATH" HOME="$work" make -s -C "$UMTT_KERNEL/source" \
			O="$(readlink -f "$UMTT_KERNEL/build")" ARCH=um M="$work/module" \
			modules >module/log 2>&1
}

kernel_loop()
{
	stalls --module "$work/module/spin.ko" -- \
		sh -c 'echo 1 >/sys/module/spin/parameters/now' &&
		reports stall-node node1 stall-mode kernel stall-comm sh stall-syscall "" &&
		said 'process [0-9]+ \(sh\) is busy in the kernel, at \[spin\]\+0x[0-9a-f]{1,4}$' &&
		equal where "$(value stall-where | sed 's/+.*//')" "[spin]"
}

second_node()
{
	cat >lab.yaml <<-END
	stall-limit: 1s
	nodes:
	  - name: a
	    command: sleep 100
	  - name: b
	    command: sleep 3; exec $work/loop
	END
	run lab.yaml --report ended "$@"
	equal "exit status" "$status" 124 &&
		reports reason stall stall-node b stall-mode user stall-comm loop
}

# Each step of time is one without a word to anybody.
progress_is_seen()
{
	run --stall-limit 4s --report ended -- \
		sh -c 'i=0; while [ $i -lt 60000 ]; do read -r up idle </proc/uptime; i=$((i + 1)); done; sleep 1000'
	succeeded && reports status 0 reason exited reproducible yes stall-node "" &&
		between simulated "$(value simulated-ns)" 1001000000000 1010000000000
}

# A reader that takes its time is not the node's fault.
slow_reader()
{
	umtt run --kernel "$linux" --wall-limit 80s --stall-limit 4s --report ended -- \
		sh -c 'dd if=/dev/zero bs=1M count=4 2>/dev/null' 2>err | {
			sleep 7
			wc -c
		} >size
	equal size "$(cat size)" 4194304 && reports status 0 reason exited
}

# A debugger holds the node: nobody looks at the clock meanwhile.
stopped_node()
{
	start --stall-limit 4s --report ended -- sh -c 'echo up; while :; do :; done'
	wait_for 20 grep -q up out || return
	node=$(node_pid node1)
	kill -STOP "$node"
	sleep 7
	if is_gone "$lab"; then
		echo "it was ended although it was stopped"
		return 1
	fi
	kill -CONT "$node"
	ended 20 && equal "exit status" "$status" 124 && reports reason stall stall-mode user
}

report_of_status()
{
	run --report ended -- sh -c 'sleep 5; exit 3'
	equal "exit status" "$status" 3 &&
		reports status 3 reason exited reproducible yes why-not "" &&
		between simulated "$(value simulated-ns)" 6000000000 6100000000 &&
		between wall "$(value wall-ns)" 10000000 80000000000
}

report_of_limits()
{
	run --report ended --time-limit 5s -- sleep 10
	reports status 124 reason time-limit reproducible yes || return
	run --report ended --wall-limit 1s -- sleep infinity
	reports status 124 reason wall-limit reproducible no why-not "the host has ended it"
}

report_of_failures()
{
	run --report ended --append rdinit=/none --append init=/none -- true
	reports status 125 reason node-failed || return
	echo old >ended
	run --report ended --device nonsense -- true
	reports status 125 reason error || return
	run --report ended no-such-lab.yaml
	reports status 125 reason error
}

report_that_cannot_be()
{
	run --report none/ended -- true
	equal "exit status" "$status" 125 && said '^umtt: .*/none/ended: cannot write a report here: No such file' || return
	run --report . -- true
	equal "exit status" "$status" 125 && said 'needs the name of a file' &&
		equal files "$(find . -name 'ended.*')" ""
}

bad_limit()
{
	run --stall-limit soon -- true
	equal "exit status" "$status" 125 && said -- '--stall-limit soon: not a time' || return
	sed -i 's/^stall-limit: .*/stall-limit: soon/' lab.yaml
	run lab.yaml
	equal "exit status" "$status" 125 && said "lab.yaml:1: key 'stall-limit': 'soon' is not a time"
}

#
# --busy
#

# Of programs that only make system calls, two runs are the same.
calls_take_time()
{
	works --busy advance,syscall=100us --report ended -- ./loop real calls && cp out first &&
		works --busy advance,syscall=100us --report ended -- ./loop real calls &&
		cmp out first && printed '^2000 ms$' && equal stderr "$(cat err)" "" &&
		reports reason exited reproducible yes
}

calls_are_system_time()
{
	works --busy advance,syscall=100us --report ended -- ./loop prof calls &&
		printed '^20[01][0-9] ms$' && reports reproducible yes
}

# A look is a system call, too.
looks_take_time()
{
	works --busy advance,syscall=100us,clock=100us -- ./loop look && printed '^5000$' &&
		works --busy advance,syscall=0,clock=1ms -- ./loop look &&
		between looks "$(cat out)" 800 1000
}

user_mode_takes_time()
{
	works --busy advance --report ended --out logs -- ./loop real && printed '^200[0-9] ms$' &&
		said '^umtt: node1: a process has computed without end and was charged for it' &&
		equal lines "$(grep -c . err)" 1 &&
		reports reason exited reproducible no why-not "user mode was charged" &&
		grep -q 'loop computes without end and is charged for it' logs/node1.log
}

user_mode_is_user_time()
{
	works --busy advance -- ./loop virtual && printed '^20[01][0-9] ms$'
}

# It ends before anybody has become impatient.
short_work_is_free()
{
	works --busy advance,grace=1h --report ended -- awk 'BEGIN { while (i < 2e5) i++; print i }' &&
		printed '^200000$' && reports reproducible yes && equal stderr "$(cat err)" ""
}

user_mode_switched_off()
{
	stalls --busy advance,user=0 -- ./loop real && reports stall-mode user stall-comm loop
}

from_a_file()
{
	cat >busy.yaml <<-END
	busy: advance,syscall=2us,user=0
	nodes:
	  - name: a
	    command: grep -o 'tt_[^ ]*' /proc/cmdline
	END
	works busy.yaml --trace trace &&
		equal options "$(tr '\n' ' ' <out)" "tt_syscall=2000 tt_clock=10000 " &&
		grep -qa 'busy=advance,syscall=2000ns,clock=10000ns,user=0ns,grace=' trace || return
	run busy.yaml --busy none
	equal "exit status" "$status" 1 && equal options "$(cat out)" ""
}

# no_patch NAME ...
no_patch()
{
	skip "$1" "this kernel does not have the patch for --busy"
}

no_timer()
{
	skip "$1" "Linux $release copies stub processes without their timers: user mode is not charged"
}

refused()
{
	equal "exit status" "$status" 125 && said "$1"
}

bad_costs()
{
	run --busy fast -- true
	refused '^umtt: --busy fast: expected is none, or advance' || return
	run --busy advance,syscall=soon -- true
	refused '^umtt: --busy advance,syscall=soon: a cost is a time' || return
	run --busy advance,clock=1s -- true
	refused 'clock= is from 256ns to 1ms' || return
	echo "busy: none,user=1ms" >bad.yaml
	echo "nodes: [ { name: a } ]" >>bad.yaml
	run bad.yaml
	refused "^umtt: bad.yaml:1: key 'busy': 'none,user=1ms': expected is none"
}

kernel_without()
{
	sed 's/tt_user=/xx_user=/g' "$linux" >other-linux && chmod +x other-linux
	run --kernel ./other-linux --busy advance -- true
	refused 'other-linux: --busy needs a patch that this kernel does not have' || return
	run --kernel ./other-linux -- true
	succeeded
}

compile_loops()
{
	${CC:-cc} -O1 -Wall -o loop loop.c
}

compile_loops || exit 1
begin 25
check user_loop_is_named user_loop
check its_process_is_the_right_one right_process
check loop_on_system_calls_is_named syscall_loop
check loop_that_prints_is_named printing_loop
if make_module; then
	check loop_in_the_kernel_is_named kernel_loop
else
	skip loop_in_the_kernel_is_named "no build directory of the kernel, or a module cannot be built"
fi
check second_node_is_named second_node
check second_node_is_named_by_messages second_node --no-shm
check silent_progress_is_seen progress_is_seen
check slow_reader_is_not_to_blame slow_reader
check stopped_node_is_not_to_blame stopped_node
check report_of_a_status report_of_status
check report_of_limits report_of_limits
rm -f ended
check report_that_cannot_be_written report_that_cannot_be
check report_of_failures report_of_failures
check stall_limit_that_is_none bad_limit
check busy_costs_that_are_none bad_costs
check kernel_without_the_patch kernel_without
if grep -q tt_user= "$linux"; then
	busy=check
else
	busy=no_patch
fi
$busy system_calls_take_time calls_take_time
$busy system_calls_are_system_time calls_are_system_time
$busy looks_at_the_clock_take_time looks_take_time
# Processes whose stub is a copy of another one's have no timer.
if grep -q copy_context_skas0 "$linux"; then
	user=no_timer
else
	user=$busy
fi
$user user_mode_takes_time user_mode_takes_time
$user user_mode_is_user_time user_mode_is_user_time
$busy short_work_is_free short_work_is_free
$busy user_mode_can_be_free user_mode_switched_off
$busy costs_of_a_lab_file from_a_file
finish
