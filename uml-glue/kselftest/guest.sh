#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Inside a node: runs kselftests one after the other, each between two lines
# that say so, with all that tests expect to find.
#
# Usage: guest.sh OUT MARK COLLECTION:TEST...
#
# OUT is what build.sh made, or a directory with tests that are installed. On
# standard output, alone on their lines, with simulated nanoseconds since boot:
#   #umtt MARK ready
#   #umtt MARK begin COLLECTION:TEST NS
#   #umtt MARK end COLLECTION:TEST STATUS NS
#   #umtt MARK done
# UMTT_TIMEOUT is the seconds of simulated time that a test may take (0: no
# limit) in place of those of its collection.

out=$1
mark=$2
shift 2
tests=$out/tests
[ -d "$tests" ] || tests=$out

say()
{
	echo "#umtt $mark $*"
	echo "#umtt $mark $*" >/dev/kmsg
}

# Since boot, suspended time included: what /proc/uptime has in steps of 10 ms.
now()
{
	awk '
	/^now at/ { now = $3 }
	/ktime_get_boottime/ { found = 1 }
	found && /offset:/ { off = $2; exit }
	END { if (!found) exit 1; printf "%.0f", now + off }' /proc/timer_list 2>/dev/null ||
		awk '{ printf "%.0f", $1 * 1e9 }' /proc/uptime
}

# What has to be mounted for a root that can be written to, as in fstab(5): one
# process mounts it all, since starting programs is most of what a boot costs.
# The host's files are read-only, and hostfs keeps no names that it has looked up
# in vain, which tests of the kernel's memory count on.
mounts()
{
	echo "overlay $root overlay lowerdir=/,upperdir=$layers/root,workdir=$layers/work"
	for dir in /dev /proc /sys /tmp /var/tmp; do
		echo "$dir $root$dir none rbind"
	done
	echo "/run $root/run none bind"
	# It has the names of the nodes.
	echo "/etc/hosts $root/etc/hosts none bind"
	if [ -d /sys/fs/bpf ]; then
		echo "bpf $root/sys/fs/bpf bpf defaults"
	fi
	# "modprobe NAME" looks below /lib/modules, which need not exist on the host.
	if [ -d "$out/modules/lib/modules" ]; then
		echo "$out/modules/lib/modules $root/lib/modules none bind,X-mount.mkdir"
	fi
}

# The root itself is replaced, not only that of this process: in a chroot there
# are no user namespaces.
replace_root()
{
	root=/run/umtt/root
	layers=/run/umtt/layers
	mkdir -p $root /run/umtt/old $layers/root $layers/work $layers/tests $layers/tests-work
	mounts >/run/umtt/fstab
	mount -a -T /run/umtt/fstab
	cd $root && pivot_root . run/umtt/old && umount -l run/umtt/old
}

# Some tests call it although they need to be run as root.
make_sudo()
{
	command -v sudo >/dev/null && return 0
	printf '#!/bin/sh\nexec "$@"\n' >/usr/local/bin/sudo
	chmod 755 /usr/local/bin/sudo
}

prepare()
{
	replace_root
	# Below /tmp, for example
	[ -w "$tests" ] ||
		mount -t overlay -o "lowerdir=$tests,upperdir=$layers/tests,workdir=$layers/tests-work" overlay "$tests"
	make_sudo
}

# Sets timeout, from the collection's "settings".
timeout_of()
{
	timeout=45
	if [ -r "$tests/$1/settings" ]; then
		while read -r line || [ "$line" ]; do
			case $line in
			timeout=[0-9]*)
				line=${line#timeout=}
				timeout=${line%%[!0-9]*}
				;;
			esac
		done <"$tests/$1/settings"
	fi
	timeout=${UMTT_TIMEOUT:-$timeout}
}

# Sets cmd, as upstream's runner finds it.
command_of()
{
	if [ -x "$1" ]; then
		cmd=$1
	elif [ -x ./ksft_runner.sh ]; then
		cmd="./ksft_runner.sh $1"
	else
		cmd="$(sed -n '1s/^#!//p' "$1" 2>/dev/null) $1"
	fi
	# Line by line, so that nothing is lost when a test is ended
	if [ -x /usr/bin/stdbuf ]; then
		cmd="/usr/bin/stdbuf --output=L $cmd"
	fi
}

# In coreutils' timeout 0 is no limit; its time is simulated.
run()
{
	cd "$tests/$1" || return 127
	timeout_of "$1"
	command_of "./$2"
	# shellcheck disable=SC2086	# program and arguments
	/usr/bin/timeout --kill-after=10 "$timeout" $cmd
}

[ $# -gt 0 ] || exit 2
prepare
say ready
for t; do
	say "begin $t $(now)"
	run "${t%%:*}" "${t#*:}" </dev/null 2>&1
	status=$?
	# The last line of the output may not be complete.
	echo
	say "end $t $status $(now)"
done
say "done"
