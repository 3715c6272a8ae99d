#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# A guest moves from one QEMU to another, and from one slave to another, while
# its disk writes into its memory all the time. What the first slave has
# written, and not said so, the second QEMU does not have.

# shellcheck source=selftests/qemu/guests.sh
. "$(dirname "$0")/guests.sh"

need_qemu
echo "KTAP version 1"
make_guest_initramfs
dd if=/dev/urandom of="$work/image" bs=1M count=72 2>/dev/null

# devices SIDE PROPERTIES: the same for both QEMUs
devices()
{
	slave_args="--link lan"
	qemu_args=
	add_net "here_$1" lan "mac=52:54:00:00:00:01,$2"
	add_net "there_$1" lan "mac=52:54:00:00:00:02,$2"
	add_blk "disk_$1" "file=$work/image,readonly,serial=d" "$2"
	# shellcheck disable=SC2086
	start_slave $slave_args --stats -v
	guest_pids="$guest_pids $slave"
}

# shellcheck disable=SC2317	# by wait_for
migrated()
{
	monitor a info migrate | grep -qE 'status: (completed|failed)'
}

# move PROPERTIES NAME
move()
{
	devices a "$1"
	slave_a=$slave
	# shellcheck disable=SC2086
	boot a $qemu_args
	boot_wait a
	devices b "$1"
	held=$(slave_holds)
	# shellcheck disable=SC2086
	boot b $qemu_args -incoming "unix:$work/migration"
	guest a pair 0
	guest a 'reread 12 & rereader=$!'
	guest a reread_progress 2
	monitor a migrate_set_parameter max-bandwidth 16M
	monitor a migrate_set_parameter downtime-limit 1000
	monitor a migrate -d "unix:$work/migration"
	wait_for 60 migrated
	monitor a info migrate >"$work/migrate"
	grep -q 'status: completed' "$work/migrate"
	status=$?
	ok "$2_migration_completes" $status
	if [ $status -ne 0 ]; then
		sed 's/^/# /' "$work/migrate"
		guests_finish
	fi
	guest b reread_progress 3
	ok "$2_disk_works_there" $?
	guest b reread_end
	ok "$2_memory_is_what_the_disk_has_written" $?
	guest b pings 0 | grep -q '^5 packets transmitted, 5 packets received'
	ok "$2_network_works_there" $?
	no_complaint b
	ok "$2_guest_has_no_complaint" $?
	end b
	ok_nothing_stays nothing_of_the_session_stays "$held"
	stop_slave
	ok slave_there_ends_cleanly $?
	slave=$slave_a
	end a
	ok_nothing_stays nothing_stays_where_it_came_from "$held"
	stop_slave
	ok slave_where_it_came_from_ends_cleanly $?
}

move packed=off split
guests_finish
