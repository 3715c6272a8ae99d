#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The conformance suite against a back-end that is not ours: the vhost-user-blk
# export of qemu-storage-daemon. It must differ from the rules just where
# qsd-VERSION.txt says so.

top=$(cd "$(dirname "$0")/../.." && pwd)
here=$top/selftests/conformance

skip_all()
{
	echo "KTAP version 1"
	echo "1..0 # SKIP $1"
	exit 4
}

command -v qemu-storage-daemon >/dev/null || skip_all "no qemu-storage-daemon"
version=$(qemu-storage-daemon --version |
	sed -n 's/^qemu-storage-daemon version \([0-9]*\.[0-9]*\).*/\1/p')
[ -f "$here/qsd-$version.txt" ] ||
	skip_all "no list of differences of qemu-storage-daemon $version"

# shellcheck source=selftests/conformance/lib.sh
. "$here/lib.sh"

socket=$work/socket
truncate -s 1M "$work/disk"
suite qsd --device blk --socket "$socket" --patience 1500 \
	--expect "$here/qsd-$version.txt" --exec "exec qemu-storage-daemon \
	--blockdev driver=file,node-name=disk,filename=$work/disk \
	--export type=vhost-user-blk,id=e,addr.type=unix,addr.path=$socket,node-name=disk,writable=on" "$@"
finish
