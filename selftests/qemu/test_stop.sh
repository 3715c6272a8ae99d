#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# A guest is stopped and goes on, and starts anew, again and again, while it
# works. The connections stay.

# shellcheck source=selftests/qemu/guests.sh
. "$(dirname "$0")/guests.sh"

need_qemu
echo "KTAP version 1"
make_guest_initramfs
slave_args="--link lan"
add_rng rng
add_net here lan mac=52:54:00:00:00:01
add_net there lan mac=52:54:00:00:00:02
# shellcheck disable=SC2086
start_slave $slave_args --stats -v
held=$(slave_holds)

guest_options="-m 256M"
# shellcheck disable=SC2086
boot g $qemu_args
boot_wait g
guest g pair 0
guest g load
guest g progress
holds=$(slave_holds)
n=0
status=0
while [ $n -lt 30 ] && [ $status -eq 0 ]; do
	monitor g stop && sleep 0.0$((n % 4)) && monitor g cont || status=1
	sleep 0.0$((n % 7))
	n=$((n + 1))
done
ok stopped_and_continued_30_times $status
guest g progress
ok all_goes_on $?
guest g unload
ok all_that_was_done_meanwhile_is_right $?
ok_nothing_stays as_many_fds_and_mappings_as_before "$holds"

# started N HOW: for the Nth time; it works as the first time
started()
{
	boot_wait g "$1"
	guest g pair 0 && guest g load && guest g progress
	ok "works_after_$2" $?
	ok_nothing_stays "as_many_fds_and_mappings_after_$2" "$holds"
}

n=1
for how in system_reset reboot reboot; do
	n=$((n + 1))
	case $how in
	system_reset) monitor g system_reset ;;
	reboot) echo 'reboot -f' >"$work/g.sh" ;;
	esac
	started $n "$how-$n"
done
guest g unload
ok and_all_is_right_at_last $?
[ "$(count '^=up' "$work/g.out")" = 4 ]
ok no_other_start_than_these $?
[ "$(count 'has connected' "$work/slave.log")" -eq 3 ] && ! grep -E 'left|ended|broken|stopped' "$work/slave.log"
ok no_session_has_ended $?
end g
ok_nothing_stays nothing_of_the_session_stays "$held"
stop_slave
ok slave_ends_cleanly $?
guests_finish
