#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs kselftests in simulated time and, on the same kernel, in real time, and
# writes both into a table of Documentation/.
#
# Environment: BUILD, the directory that umtt was built in; REAL_CAP, the seconds
# after which a test in real time is ended (150), and WALL_LIMIT those of the host
# for one in simulated time (60); REAL_JOBS and SIM_JOBS, how many run at a time (1);
# COLLECTIONS (those of uml-glue/kselftest/collections); REPORT, the file to write. Results that are there already, in $BUILD/kselftest/report,
# are kept: remove that directory to begin anew.

set -eu
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top"

build=${BUILD:-build}
build=$(cd "$build" && pwd)
umtt=$build/umtt
out=$build/kselftest/6.12
results=$build/kselftest/report
cap=${REAL_CAP:-150}
real_jobs=${REAL_JOBS:-1}
sim_jobs=${SIM_JOBS:-1}
wall_limit=${WALL_LIMIT:-60}
memory=512M
report=${REPORT:-Documentation/kselftest-report.rst}
mark=report
guest_env=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	HOME=/root LANG=C TERM=dumb)

milliseconds()
{
	date +%s%3N
}

# The file with what the test $2 has printed in mode $1
log_of()
{
	local name=${2//\//_}
	echo "$results/$1/${name//:/.}"
}

# Runs a command, and leaves what it printed and how long it took.
timed()
{
	local log=$1 start
	shift
	start=$(milliseconds)
	"$@" >"$log.tmp" 2>"$log.err" </dev/null || :
	echo $(($(milliseconds) - start)) >"$log.ms"
	mv "$log.tmp" "$log"
}

run_simulated()
{
	local log
	log=$(log_of simulated "$1")
	[ ! -f "$log" ] || return 0
	cd "$out/tests"
	timed "$log" "$umtt" run --kernel "$out/kernel/linux" --mem "$memory" \
		--wall-limit "${wall_limit}s" --stall-limit 10s --time-limit 24h \
		--report "$log.report" --append printk.devkmsg=on -- \
		/usr/bin/env -i "${guest_env[@]}" \
		/bin/sh "$here/guest.sh" "$out" "$mark" "$1"
	cd "$top"
}

# The same kernel, alone: no calendar, no time-travel.
run_real()
{
	local log dir
	log=$(log_of real "$1")
	[ ! -f "$log" ] || return 0
	dir=$(mktemp -d)
	# shellcheck disable=SC2016	# for the shell that is started
	timed "$log" bash -c '
		exec 4>&1 >"$1/console"
		shift
		timeout -k 5 "$@"; :' - "$dir" "$cap" \
		"$out/kernel/linux" mem="$memory" uml_dir="$dir" \
		root=98:0 rootfstype=hostfs rootflags=/ ro quiet \
		con=null con0=null,null ssl=null ssl1=null,fd:4 \
		printk.devkmsg=on init="$here/plain-init.sh" -- \
		"$out" "$mark" "$1"
	rm -rf "$dir"
}

# All tests in mode $1, $2 at a time
all()
{
	local t
	for t in "${tests[@]}"; do
		while [ "$(jobs -r | wc -l)" -ge "$2" ]; do
			wait -n || :
		done
		echo "report.sh: $1: $t"
		"run_$1" "$t" &
	done
	wait
}

# "seconds<TAB>verdict" of a log, in guest's and host's time
judge()
{
	awk -v mark="$mark" -v ms="$(cat "$1.ms")" -v cap="$2" -v why="$3" '
	$1 == "#umtt" && $2 == mark {
		if ($3 == "begin") { begin = $NF; inside = 1 }
		if ($3 == "end") { took = $NF - begin; status = $5; ended = 1; inside = 0 }
		next
	}
	!inside { next }
	/^[# ]*not ok/ && !/# *(SKIP|TODO|XFAIL)/ { bad++ }
	/^[# ]*ok / { if (/# *SKIP/) skipped++; else good++ }
	END {
		counts = good + bad ? sprintf(", %d ok", good) : ""
		if (bad) counts = counts sprintf(", %d not ok", bad)
		if (!ended) verdict = why != "" ? why : sprintf("no end in %d s", cap)
		else if (status == 4) verdict = "skip"
		else if (status == 0 && !bad) verdict = "pass" counts
		else verdict = "fail" counts (status ? sprintf(" (status %d)", status) : "")
		printf "%.1f\t%s\t%s\n", ms / 1000, ended ? sprintf("%.3f", took / 1e9) : "", verdict
	}' "$1"
}

# How a run that has not come to its end was ended
why_ended()
{
	local reason mode
	[ -f "$1.report" ] || return 0
	reason=$(sed -n 's/^reason=//p' "$1.report")
	mode=$(sed -n 's/^stall-mode=//p' "$1.report")
	case $reason in
	stall) echo "busy in $mode mode: time stands" ;;
	wall-limit) echo "no end in $wall_limit s" ;;
	*) echo "$reason" ;;
	esac
}

# One line of the table: test, real wall, real verdict, wall, simulated, verdict
row()
{
	local sim real
	sim=$(log_of simulated "$1")
	real=$(log_of real "$1")
	[ -f "$real" ] || return 0
	printf '%s\t%s\t%s\n' "$1" \
		"$(judge "$real" "$cap" "" | cut -f 1,3)" \
		"$(judge "$sim" "$wall_limit" "$(why_ended "$sim")")"
}

write_report()
{
	local rows=$results/rows t
	for t in "${tests[@]}"; do
		row "$t"
	done >"$rows"
	{
		cat <<END
.. SPDX-License-Identifier: GPL-2.0

.. Written by \`\`make kselftest-report\`\`: do not edit.

===============================
kselftests in two kinds of time
===============================

Linux $(cat "$out/kernel/release"), User-Mode Linux, one test for each boot. In real time the
kernel runs alone, without time-travel, $real_jobs at a time, for at most $cap s; in
simulated time with umtt, $sim_jobs at a time, for at most $wall_limit s of the host's time, without
\`\`--busy\`\`. "Wall" is the host's time from start to end, with boot and exit;
"simulated" is what the test has taken by the guest's clock. The host: $(nproc) CPUs,
$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1), load $load when the runs in simulated time began. To make this table::

	make kselftest-report REAL_CAP=$cap REAL_JOBS=$real_jobs \\
		SIM_JOBS=$sim_jobs WALL_LIMIT=$wall_limit

END
		summary "$rows"
		cat <<END

A pass says what it says in \`\`umtt kselftest\`\`: see *Expectations* in kselftest.rst
for tests whose pass means nothing in simulated time.

.. csv-table::
   :header: "test", "real: wall s", "real: verdict", "simulated: wall s", "simulated s", "simulated: verdict"

END
		awk -F '\t' '{ printf "   \"%s\", %s, \"%s\", %s, %s, \"%s\"\n", $1, $2, $3, $4, $5 == "" ? "\"\"" : $5, $6 }' "$rows"
	} >"$report.tmp"
	mv "$report.tmp" "$report"
	echo "report.sh: $report has $(wc -l <"$rows") tests"
}

# What the rows have in common, counted
summary()
{
	awk -F '\t' '
	function kind(v) { return v ~ /^pass/ ? "pass" : v ~ /^fail/ ? "fail" : v ~ /^skip/ ? "skip" : "end" }
	{
		n++
		real = kind($3); sim = kind($6)
		if (real != "end" && sim != "end") {
			both++
			wall_real += $2; wall_sim += $4
			if (real == sim) same++
		} else if (sim != "end") {
			only_sim++
		} else if (real != "end") {
			only_real++
		} else {
			neither++
		}
	}
	END {
		printf "%d tests. %d came to their end in both: in %.0f s of real time, and in %.0f s of\n", n, both, wall_real, wall_sim
		printf "wall time with simulated time; %d of them with the same verdict. %d came to their end\n", same, only_sim
		printf "in simulated time only, %d in real time only, %d in neither.\n", only_real, neither
	}' "$1"
}

read -r -a collections <<<"${COLLECTIONS:-}"
if [ ${#collections[@]} -eq 0 ]; then
	mapfile -t collections < <(sed '/^#/d;/^$/d' "$here/collections")
fi
"$here/build.sh" --out "$out" "${collections[@]}"
mkdir -p "$results/simulated" "$results/real"
mapfile -t tests <"$out/tests/kselftest-list.txt"
# Real time is spent with sleeping, more than with work.
all real "$real_jobs"
load=$(cut -d ' ' -f 1 /proc/loadavg)
all simulated "$sim_jobs"
write_report
