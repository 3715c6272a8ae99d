#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Makes sure that the Debian packages for a purpose are installed.

set -eu

me=${0##*/}

usage()
{
	cat <<END
Usage: $me --for PURPOSE [--for PURPOSE]...

Installs the Debian packages that PURPOSE needs and that are missing. Without
root it only says which ones, and the command to install them.

Purposes:
  build        umtt itself
  kernel       a User-Mode Linux kernel from Debian's linux-source-6.12
  kernel-V     the same from linux-source-V, for example kernel-6.1
  kernel-tree  a User-Mode Linux kernel from a tree of your own
  kselftest    the kernel's own tests, as "umtt kselftest" builds them
  check        the tests
END
}

# The one place where packages are listed.
packages()
{
	case $1 in
	build)
		echo gcc make pkg-config libc6-dev linux-libc-dev liburing-dev \
			libcyaml-dev libyaml-dev libfdt-dev device-tree-compiler \
			cpio
		;;
	kernel)
		packages kernel-6.12
		;;
	kernel-tree)
		echo gcc make libc6-dev flex bison bc patch rsync xz-utils \
			libelf-dev kmod
		;;
	kernel-*)
		echo "linux-source-${1#kernel-}"
		packages kernel-tree
		;;
	kselftest)
		packages kernel-tree
		echo dosfstools e2fsprogs fuse iproute2 libcap-dev libcap-ng-dev \
			libfuse-dev libmnl-dev libpopt-dev pkg-config
		;;
	check)
		packages build
		packages kernel-tree
		echo clang llvm libclang-rt-dev shellcheck iproute2 \
			iputils-ping python3 gdb protobuf-compiler tcpdump busybox-static qemu-system-x86 qemu-system-common
		;;
	*)
		echo "$me: no such purpose: $1 (try --help)" >&2
		return 2
		;;
	esac
}

# Prints those of its arguments that are not installed, in one dpkg-query.
missing()
{
	installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" \
		2>/dev/null | sed -n 's/ installed$//p') || true
	for p; do
		case "
$installed
" in
		*"
$p
"*) ;;
		*) echo "$p" ;;
		esac
	done
}

apt()
{
	DEBIAN_FRONTEND=noninteractive nice apt-get -qq -y \
		--no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

# The package lists may be too old for the mirror, or not there at all: a
# first try that fails is tried again with fresh ones.
install()
{
	log=$(mktemp)
	trap 'rm -f "$log"' EXIT
	echo "$me: installing $*" >&2
	if apt install "$@" >"$log" 2>&1; then
		return 0
	fi
	if apt update >>"$log" 2>&1 && apt install "$@" >>"$log" 2>&1; then
		return 0
	fi
	tail -n 5 "$log" >&2
	echo "$me: cannot install: $*" >&2
	return 1
}

wanted=
while [ $# -gt 0 ]; do
	case $1 in
	--for)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		list=$(packages "$2") || exit 2
		wanted="$wanted $list"
		shift
		;;
	--for=*)
		list=$(packages "${1#--for=}") || exit 2
		wanted="$wanted $list"
		;;
	-h | --help)
		usage
		exit 0
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
	shift
done
[ -n "$wanted" ] || { usage >&2; exit 2; }

if ! command -v dpkg-query >/dev/null; then
	echo "$me: not a Debian system; needed are the likes of$wanted" >&2
	exit 0
fi

# shellcheck disable=SC2086	# a list of words
lacking=$(missing $wanted | sort -u | tr '\n' ' ')
lacking=${lacking% }
[ -n "$lacking" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "$me: missing: $lacking; install with: sudo apt-get install --no-install-recommends $lacking" >&2
	exit 1
fi
# shellcheck disable=SC2086	# a list of words
install $lacking
