#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# umtt kselftest with tests of our own: whatever becomes of a test is said as what
# it is, and the same seed gives the same bytes.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

tests_dir=$work/installed
mkdir -p "$tests_dir/own" "$tests_dir/more"

# tiny NAME < SCRIPT: a test of the collection "own"
tiny()
{
	{
		echo "#!/bin/sh"
		cat
	} >"$tests_dir/own/$1"
	chmod +x "$tests_dir/own/$1"
	echo "own:$1" >>"$tests_dir/kselftest-list.txt"
}

tiny pass <<'END'
echo "TAP version 13"; echo 1..2; echo "ok 1 first"; sleep 3
echo "ok 2 second # SKIP no hardware"
END
tiny plain <<'END'
echo "nothing of TAP"; pwd >writable && test -s writable
END
tiny fail <<'END'
echo "TAP version 13"; echo 1..2; echo "ok 1 first"; echo "not ok 2 second"; exit 1
END
tiny lies <<'END'
echo "TAP version 13"; echo 1..2; echo "ok 1 first"; echo "not ok 2 second"; exit 0
END
tiny noplan <<'END'
echo "TAP version 13"; echo "ok 1 first"
END
tiny short <<'END'
echo 1..3; echo "ok 1 first"
END
tiny status <<'END'
exit 3
END
tiny skipped <<'END'
echo "1..0 # SKIP no such thing"; exit 4
END
tiny forever <<'END'
sleep 1000000
END
tiny ending <<'END'
kill -KILL "$(cut -d " " -f 4 "/proc/$PPID/stat")"; sleep 1
END
tiny escapes <<'END'
printf '1..1\nnot ok 1 \033[2J\033]0;evil\007]]>&<name\n\033[31m'; exit 1
END
tiny marks <<'END'
echo "#umtt 0123456789abcdef end own:marks 0 1"; echo "#umtt"; exit 1
END
tiny endless <<'END'
yes
END
tiny hang <<'END'
echo before; while :; do :; done
END
for how in panic bug oops warn hang; do
	echo "echo before; insmod \"\$(dirname \"\$0\")/../crash_module.ko\" how=$how; exit 0" |
		tiny "k$how"
done
tiny last <<'END'
exit 0
END
cp "$tests_dir/own/pass" "$tests_dir/more/pass"
echo more:pass >>"$tests_dir/kselftest-list.txt"
echo timeout=5 >"$tests_dir/own/settings"

make_module()
{
	mkdir "$work/ko"
	cp "$top/selftests/uml/crash_module.c" "$work/ko"
	echo "obj-m := crash_module.o" >"$work/ko/Makefile"
	make -s -C "$UMTT_KERNEL/source" O="$UMTT_KERNEL/build" ARCH=um \
		M="$work/ko" modules >"$work/ko.log" 2>&1 &&
		cp "$work/ko/crash_module.ko" "$tests_dir" && return
	echo "Bail out! cannot build crash_module.ko"
	sed 's/^/# /' "$work/ko.log"
	exit 1
}

# ks ARGS...: a run; leaves $status, $work/out and $work/err
ks()
{
	umtt kselftest --kernel "$linux" --tests "$tests_dir" --stall-limit 3s \
		--output-limit 1M "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
}

# verdict NAME PATTERN: how the line of that test goes on
verdict()
{
	grep -E "^(not )?ok [0-9]+ own:$1( |\$)" "$work/a.ktap" >"$work/line"
	grep -qE "ok [0-9]+ own:$1$2\$" "$work/line" && return
	cat "$work/line"
	return 1
}

failed_as()
{
	grep -q "^not ok [0-9]* own:$1 " "$work/a.ktap" && verdict "$1" " # $2"
}

passed()
{
	grep -q "^ok [0-9]* own:$1\$" "$work/a.ktap" || verdict "$1" ""
}

run_all()
{
	ks --seed 5 --jobs 2 --ktap "$work/a.ktap" --junit "$work/a.xml" \
		--out "$work/a"
	equal "exit status" "$status" 1
}

stands_alone()
{
	# The plan, and each number once
	awk '/^1\.\./ { plan = substr($0, 4) }
	/^(not )?ok / { n++; if ($(NF && $1 == "not" ? 3 : 2) != n) bad = 1 }
	END { exit bad || !n || n != plan }' "$work/out"
}

same_again()
{
	ks --seed 5 --jobs 1 --ktap "$work/b.ktap" --out "$work/b"
	diff "$work/a.ktap" "$work/b.ktap" && diff -rq "$work/a" "$work/b"
}

host_lines_are_all_that_is_left_out()
{
	grep -v '^# host:' "$work/out" | cmp - "$work/b.ktap"
}

no_escapes()
{
	if grep -q "$(printf '\033')" "$work/out" "$work/a.ktap" "$work/a.xml"; then
		echo "there is an escape"
		return 1
	fi
	grep -qF 'not ok 1 \x1b[2J\x1b]0;evil\x07]]>&<name' "$work/a.ktap"
}

xml_is_whole()
{
	if command -v xmllint >/dev/null; then
		xmllint --noout "$work/a.xml" || return
	fi
	tail -n 1 "$work/a.xml" | grep -qx '</testsuites>' &&
		grep -q '<testcase classname="own" name="fail"' "$work/a.xml" &&
		grep -q '<testcase classname="own.fail" name="second"><failure' "$work/a.xml"
}

logs_are_kept()
{
	grep -q "^nothing of TAP" "$work/a/own/plain.log" &&
		grep -q "Kernel panic" "$work/a/own/kpanic.kernel.log" &&
		equal "bytes of endless output" \
			"$(wc -c <"$work/a/own/endless.log")" 1048576
}

log_is_shown()
{
	grep -A 30 "^# kernel log" "$work/a.ktap" | grep -q '|.*crash_init'
}

stall_has_a_place()
{
	printed "^# host: stalled: node node1, process [0-9]+ \(hang\), in user mode" &&
		printed "^# host: stalled: node node1, process [0-9]+ \(insmod\), in kernel mode"
}

timeout_is_simulated()
{
	grep -B 2 "own:forever" "$work/a.ktap" | grep -qE "^# simulated: 5\.0"
}

# Time that goes on because user mode is charged follows from the host's.
charged()
{
	mkdir -p "$work/spins/own"
	cat >"$work/spins/own/spin" <<-'END'
	#!/bin/sh
	trap "exit 0" TERM
	(sleep 1; kill -TERM $$) &
	while :; do :; done
	END
	chmod +x "$work/spins/own/spin"
	echo own:spin >"$work/spins/kselftest-list.txt"
	ks --tests "$work/spins" --busy advance
	succeeded && printed '^ok 1 own:spin$' &&
		printed '^# not reproducible: user mode was charged$'
}

# limited NAME PATTERN ARGS...: that test alone is ended by a limit
limited()
{
	name=$1 pattern=$2
	shift 2
	ks -t "own:$name" --override-timeout 0 "$@"
	equal "exit status" "$status" 1 &&
		printed "^not ok 1 own:$name # TIMEOUT $pattern" &&
		printed '^# Totals: passed 0, failed 1, .* ended by a limit 1$'
}

limits()
{
	limited hang 'limit of wall time' --stall-limit 60s --wall-limit 2s &&
		limited forever 'limit of simulated time' --time-limit 100s
}

# One kernel for all, until a test takes it away
shared_boots()
{
	ks --per-boot collection -c own --skip own:hang --skip own:khang \
		--skip own:endless --skip own:ending --ktap "$work/c.ktap" \
		--out "$work/c"
	for t in panic bug oops; do
		grep -q "^not ok [0-9]* own:k$t # ERROR the kernel has panicked" \
			"$work/c.ktap" || return
	done
	grep -q "^not ok [0-9]* own:kwarn # ERROR kernel: WARNING" "$work/c.ktap" &&
		grep -q "^ok [0-9]* own:last$" "$work/c.ktap" &&
		grep -q "^ok [0-9]* own:plain$" "$work/c.ktap" &&
		equal "boots" "$(find "$work/c" -name '*.kernel.log' | wc -l)" 4
}

expected()
{
	cat >"$work/expect" <<-'END'
	# what is known
	own:fail:sec*	fail	known since long
	own:l*s		fail	it lies
	own:pass	fail	it used to
	own:kwarn	warn	it is told to
	own:plain	vacuous	it does not look at clocks
	own:k[pbo]*	skip	they panic
	own:status	mem	64M
	END
	ks -t 'own:[fklps]*' --skip own:forever --skip own:short --skip own:khang \
		--expectations "$work/expect" "$@"
}

expectations_are_kept()
{
	expected
	equal "exit status" "$status" 1 &&
		printed '^ok [0-9]+ own:fail # XFAIL known since long \(1 result not ok\)$' &&
		printed '^  ok 2 second # XFAIL' &&
		printed '^ok [0-9]+ own:lies # XFAIL it lies \(not ok: second\)$' &&
		printed '^ok [0-9]+ own:pass # unexpected pass: it used to$' &&
		printed '^ok [0-9]+ own:kwarn$' &&
		printed '^# vacuous in simulated time: it does not look at clocks$' &&
		printed '^ok [0-9]+ own:kpanic # SKIP they panic$' &&
		printed '^# Totals: passed 4, failed 1, skipped 4, failed as expected 2, ended by a limit 0$'
}

only_what_is_expected()
{
	expected --skip own:status
	succeeded || return
	expected --skip own:status --strict
	equal "exit status with --strict" "$status" 1
}

selection()
{
	ks --list -c own --skip 'own:k*'
	succeeded && printed '^own:pass$' && ! grep -q own:kpanic "$work/out" &&
		! grep -q more: "$work/out"
}

# refuses PATTERN ARGS...: one line says so, and nothing is run
refuses()
{
	pattern=$1
	shift
	ks "$@"
	equal "exit status" "$status" 125 && said "$pattern" &&
		equal "lines" "$(wc -l <"$work/err")" 1 && ! grep -q ok "$work/out"
}

bad_input()
{
	refuses "there is no such collection; did you mean 'own'" -c onw &&
		refuses "there is no such test; did you mean 'own:pass'" -t own:pas &&
		refuses "not COLLECTION:TEST" -t own &&
		refuses "not a directory" --tests "$work/none" &&
		refuses "cannot write" --ktap "$work/none/x" -t own:pass &&
		refuses "No such file" --out "$work/none/x" -t own:pass &&
		refuses "not a time" --wall-limit soon &&
		refuses "neither test nor collection" --per-boot all &&
		refuses "--busy often: " --busy often &&
		refuses "--module none.ko: No such file" --module "none.ko x=1" &&
		refuses "Is a directory" --expectations "$work" &&
		refuses "cannot read expectations" --expectations "$work/none" || return
	printf '\nown:pass sometimes x\n' >"$work/expect"
	refuses "expect: line 2: 'sometimes' is no verb" --expectations "$work/expect"
}

no_kernel()
{
	for kernel in "/bin/true" "$work/none"; do
		umtt kselftest --tests "$tests_dir" --kernel "$kernel" -t own:pass \
			>"$work/out" 2>"$work/err"
		status=$?
		equal "exit status" "$status" 125 && said "kernel" &&
			equal "lines" "$(wc -l <"$work/err")" 1 &&
			equal "bytes of stdout" "$(wc -c <"$work/out")" 0 || return
	done
}

interrupted()
{
	setsid env --default-signal "$UMTT" kselftest --kernel "$linux" \
		--tests "$tests_dir" -t own:plain -t own:hang -t own:last --jobs 1 \
		--stall-limit 60s --ktap "$work/i.ktap" --junit "$work/i.xml" \
		--out "$work/i" >"$work/out" 2>"$work/err" </dev/null &
	lab=$!
	wait_for 30 test -e "$work/i/own/hang.log"
	kill -INT "$lab"
	ended 20 || return
	equal "exit status" "$status" 130 &&
		printed '^ok 1 own:plain$' &&
		printed '^ok 3 own:last # SKIP not run: interrupted$' &&
		printed '^Bail out! interrupted by signal 2' &&
		grep -q '^# Totals: passed 1, .* not run 2$' "$work/i.ktap" &&
		tail -n 1 "$work/i.xml" | grep -qx '</testsuites>'
}

killed()
{
	setsid "$UMTT" kselftest --kernel "$linux" --tests "$tests_dir" -t own:hang \
		--stall-limit 60s --out "$work/k" >"$work/out" 2>"$work/err" </dev/null &
	lab=$!
	wait_for 30 test -e "$work/k/own/hang.log"
	kill -KILL "$lab"
	wait "$lab" 2>/dev/null
	nothing_left
}

begin 38
make_module
check all_are_run run_all
check the_stream_has_a_plan_and_keeps_it stands_alone
check pass passed pass
check by_status_without_tap passed plain
check not_ok failed_as fail "ERROR not ok: second"
check not_ok_with_status_0 failed_as lies "ERROR not ok: second"
check no_plan failed_as noplan "ERROR no plan"
check plan_not_kept failed_as short "ERROR plan of 3, but 1 result"
check status failed_as status "ERROR exit status 3"
check skip verdict skipped " # SKIP no such thing"
check timeout failed_as forever "TIMEOUT timeout: ended with exit status 124"
check timeout_is_simulated timeout_is_simulated
check no_end_marker failed_as ending "ERROR the (end marker is missing|kernel has ended).*"
check marks_of_others failed_as marks "ERROR exit status 1"
check endless_output failed_as endless "TIMEOUT limit of output of 1048576 bytes"
check hang_in_user_mode failed_as hang "TIMEOUT hang: simulated time has not moved for 3.0 s of wall time"
check hang_in_the_kernel failed_as khang "TIMEOUT hang: .*"
check hangs_have_a_place stall_has_a_place
check panic failed_as kpanic "ERROR the kernel has panicked: as it was told to"
check bug failed_as kbug "ERROR the kernel has panicked: BUG!"
check oops failed_as koops "ERROR the kernel has panicked: Kernel mode fault .*"
check warning failed_as kwarn "ERROR kernel: WARNING: .*crash_init.*"
check kernel_log_is_shown log_is_shown
check names_are_clean no_escapes
check junit xml_is_whole
check logs_are_kept logs_are_kept
check same_bytes_again same_again
check host_lines_apart host_lines_are_all_that_is_left_out
check limits limits
check user_mode_that_is_charged_is_said charged
check a_boot_for_a_collection shared_boots
check expectations expectations_are_kept
check status_0_if_nothing_is_unexpected only_what_is_expected
check a_selection selection
check bad_input bad_input
check a_kernel_that_is_none no_kernel
check interrupted_by_a_signal interrupted
check nothing_stays_when_killed killed
finish
