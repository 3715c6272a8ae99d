#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Fetches Debian's cloud kernel as a guest for QEMU. The package is unpacked,
# not installed: that would make an initramfs and set up a boot loader.

set -euo pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

me=${0##*/}
wanted=(virtio_pci virtio-rng virtio_net virtio_blk af_packet)

usage()
{
	cat <<END
Usage: $me OUTDIR

Leaves in OUTDIR the newest linux-image-*-cloud-amd64 that apt knows:
  vmlinuz        the kernel
  release        its version, as "uname -r" says it
  modules/*.ko   ${wanted[*]}, and what these need,
                 as far as they are not built in
  modules/order  their file names in the order in which to insert them
  modules/for    what they were wanted for

Needs no root. What is there already is not fetched again.
END
}

die()
{
	echo "$me: $*" >&2
	exit 1
}

newest_package()
{
	apt-cache search --names-only '^linux-image-[0-9].*-cloud-amd64$' |
		cut -d ' ' -f 1 | sort -V | tail -n 1
}

# In an empty directory of its own, since apt-get chooses the file's name. It
# may say that it could not drop privileges for that directory: it then
# downloads as the user who runs it.
download()
{
	mkdir "$tmp/deb"
	(cd "$tmp/deb" && apt-get -qq download "$1") >"$tmp/log" 2>&1 || {
		tail -n 5 "$tmp/log" >&2
		die "cannot download $1"
	}
	dpkg-deb -x "$tmp"/deb/*.deb "$tmp/root"
}

# The paths of the modules that modprobe would insert, in its order. Built-in
# ones are marked otherwise, and left out.
module_paths()
{
	local m
	for m in "${wanted[@]}"; do
		modprobe -d "$tmp/root" -S "$release" --show-depends "$m"
	done | sed -n 's/^insmod \(.*\.ko[.a-z]*\).*/\1/p' | awk '!seen[$0]++'
}

copy_modules()
{
	local path name
	mkdir "$tmp/out/modules"
	depmod -b "$tmp/root" "$release"
	module_paths >"$tmp/paths"
	while read -r path; do
		name=${path##*/}
		name=${name%%.ko*}.ko
		case $path in
		*.xz) xz -dc "$path" ;;
		*.zst) zstd -qdc "$path" ;;
		*.gz) gzip -dc "$path" ;;
		*) cat "$path" ;;
		esac >"$tmp/out/modules/$name"
		echo "$name"
	done <"$tmp/paths" >"$tmp/out/modules/order"
	echo "${wanted[*]}" >"$tmp/out/modules/for"
}

case ${1-} in
-h | --help)
	usage
	exit 0
	;;
-* | "")
	usage >&2
	exit 2
	;;
esac

outdir=$1
if [ -f "$outdir/release" ] &&
	[ "$(cat "$outdir/modules/for" 2>/dev/null)" = "${wanted[*]}" ]; then
	exit 0
fi

package=$(newest_package)
[ -n "$package" ] || die "apt knows no linux-image-*-cloud-amd64; try apt-get update"
mkdir -p "$outdir"
outdir=$(cd "$outdir" && pwd)
tmp=$(mktemp -d "$outdir/.fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

echo "$me: fetching $package"
download "$package"
release=${package#linux-image-}
mkdir "$tmp/out"
copy_modules
cp "$tmp/root/boot/vmlinuz-$release" "$outdir/vmlinuz"
rm -rf "$outdir/modules"
mv "$tmp/out/modules" "$outdir/modules"
# The last thing to appear, since it says that all is there
echo "$release" >"$tmp/release"
mv "$tmp/release" "$outdir/release"
