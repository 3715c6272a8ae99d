# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154	# the script that reads this sets out
#
# What the scripts that build kernels, modules and kselftests share, by ".".
#
# A step leaves a stamp in the directory $out that holds all it was made from,
# written when the step is complete.

me=${0##*/}

die()
{
	echo "$me: $*" >&2
	exit 1
}

# set_options FLAGS ARGS...: calls usage, or set_option for each option; of the
# options FLAGS, separated by spaces, without a value; of what is no option as
# "arg".
set_options()
{
	local flags=" $1 "
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		-h | --help)
			usage
			exit 0
			;;
		--*=*)
			set_option "${1%%=*}" "${1#*=}"
			;;
		--*)
			if [[ $flags == *" $1 "* ]]; then
				set_option "$1"
			else
				[ $# -ge 2 ] || die "$1 needs a value (try --help)"
				set_option "$1" "$2"
				shift
			fi
			;;
		*)
			set_option arg "$1"
			;;
		esac
		shift
	done
}

# Is step $1 complete, and made from all that $2 says?
stamped()
{
	[ -f "$out/.stamp-$1" ] && [ "$(cat "$out/.stamp-$1")" = "$2" ]
}

stamp()
{
	printf '%s\n' "$2" >"$out/.stamp-$1.tmp"
	mv "$out/.stamp-$1.tmp" "$out/.stamp-$1"
}

# For make: nothing of the caller's make and environment. The names are fixed, so
# that the same source gives the same kernel.
clean_env=(env -i PATH="$PATH" HOME="${HOME:-/}" TMPDIR="${TMPDIR:-/tmp}" LC_ALL=C
	KBUILD_BUILD_USER=umtt KBUILD_BUILD_HOST=umtt KCFLAGS=-pipe)

clean_make()
{
	"${clean_env[@]}" make "$@"
}
