#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# What "make install" puts there for those who start back-ends by QEMU's
# conventions: descriptions, and programs that do as the conventions say.

# shellcheck source=selftests/qemu/lib.sh
. "$(dirname "$0")/lib.sh"

need_qemu
# A connection for later: this script once more, with its ends as 5 and 6
if [ -z "${BACKEND_DIR:-}" ]; then
	${CC:-cc} -O2 -Wall -Wextra -o "$work/with_socket" \
		"$top/selftests/qemu/with_socket.c" || exit 1
	BACKEND_DIR=$work exec "$work/with_socket" 5 6 "$0"
fi
rm -r "$BACKEND_DIR"
usr=$work/usr
: >"$work/slave.log"
: >"$work/console"
echo "KTAP version 1"

# As make does it, but the program is the one under test.
make -s -C "$top" install PREFIX="$usr" >"$work/install.log" 2>&1 &&
	cp "$UMTT" "$usr/bin/umtt"
ok installs $?

# described TYPE: the schema's fields, and no others; the program is there
described()
{
	cat >"$work/want" <<-END
	{
	  "description": "TEXT",
	  "type": "$1",
	  "binary": "$usr/lib/umtt/vhost-user-$1"
	}
	END
	sed 's/\("description": \)"[^"\\]*"/\1"TEXT"/' \
		"$usr/share/qemu/vhost-user/90-umtt-$1.json" | diff "$work/want" - &&
		[ -x "$usr/lib/umtt/vhost-user-$1" ]
}

# capable TYPE: what it prints, whatever else it is asked for
capable()
{
	printf '{\n  "type": "%s"\n}\n' "$1" >"$work/want"
	"$usr/lib/umtt/vhost-user-$1" --print-capabilities >"$work/got" &&
		diff "$work/want" "$work/got" &&
		"$usr/lib/umtt/vhost-user-$1" --fd=99 --seed x --print-capabilities \
			--socket-path=/nowhere >"$work/got" &&
		diff "$work/want" "$work/got"
}

for type in net rng; do
	described $type
	ok ${type}_is_described $?
	capable $type
	ok ${type}_prints_capabilities $?
done

make_initramfs <<'EOS'
dd if=/dev/hwrng of=/tmp.bin bs=1024 count=16 iflag=fullblock 2>/dev/null
echo "bytes: $(wc -c </tmp.bin)"
echo "kinds: $(od -An -v -tu1 -w1 /tmp.bin | sort -u | wc -l)"
EOS
UMTT=$usr/lib/umtt/vhost-user-rng

# started ARGS...: as a manager does, which has no terminal for it
started()
{
	"$UMTT" "$@" >"$work/slave.out" 2>"$work/slave.log" </dev/null &
	slave=$!
}

served()
{
	said 'guest: end' && said 'bytes: 16384' && said 'kinds: 256'
}

silent()
{
	[ ! -s "$work/slave.log" ] && [ ! -s "$work/slave.out" ]
}

started --socket-path="$work/sock" 5>&- 6>&-
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -S "$work/sock" ] && break
	sleep 0.1
done
qemu -chardev socket,id=c0,path="$work/sock" -device vhost-user-rng-pci,chardev=c0 \
	5>&- 6>&-
served
ok socket_path_serves $?
stop_slave && silent && [ ! -e "$work/sock" ]
ok socket_path_ends_when_told_to $?

started --fd=5 6>&-
exec 5>&-
qemu -chardev socket,id=c0,fd=6 -device vhost-user-rng-pci,chardev=c0
served
ok connection_serves $?
# The front-end has gone, but for this script.
exec 6>&-
wait "$slave"
status=$?
slave=
[ $status -eq 0 ] && silent
ok connection_ends_with_the_front_end $?

make -s -C "$top" uninstall PREFIX="$usr" >>"$work/install.log" 2>&1 &&
	[ -z "$(find "$usr" -type f)" ]
ok uninstalls $?
finish
