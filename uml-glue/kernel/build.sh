#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the User-Mode Linux kernel that umtt's nodes run, and the kernel
# module of the echo device, out of tree.
#
# An interrupted step is done again, a finished one never.

set -euo pipefail
shopt -s nullglob
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=uml-glue/kernel/lib.sh
. "$here/lib.sh"

version=6.12
source=
out=
jobs=$(nproc)
fragments=()
profiled=()
instrumented=()
name=
start_from=
only=

usage()
{
	cat <<END
Usage: $me [--version V | --source DIR] [--out DIR] [options]

Builds a User-Mode Linux kernel for umtt.

  --version V     from Debian's package linux-source-V, 6.12 unless told
                  otherwise; 6.1 works too (message mode only)
  --source DIR    from a kernel tree of your own, 6.1 or later. It is never
                  changed: the build is out of tree, and made from a copy
                  where the kernel needs a patch or DIR holds an earlier build
  --out DIR       where results go (build/kernel/V; build/kernel/custom for
                  --source)
  --config FILE   a fragment of kernel configuration, merged on top of ours;
                  may be repeated
  --gcov DIR      count how often each line runs of what is in DIR of the
                  kernel tree (drivers/gpio) and below; may be repeated
  --kcov DIR      likewise, let KCOV tell what of it a process reaches
  --name NAME     part of the kernel's version, so that its modules are told
                  from those of another configuration
  --start-from DIR  begin with the objects of the kernel in DIR, if it is made
                  from the same tree (--source): what the configuration leaves
                  as it was is not compiled again
  --only STEP     stop after this: source (unpacked or copied), or config
                  (build/.config and config-refused)
  --jobs N        parallel jobs of make ($jobs)

Results in the --out directory:
  linux                the kernel, an ordinary program
  release              its version, as "uname -r" says it
  modules/umtt_echo.ko the driver of the test device "echo"
  config-refused       options of the fragments that this kernel does not have
  source, build        the tree, and its build directory: to build a module of
                       yours, make -C OUT/source O=OUT/build ARCH=um M=DIR
  build.log, module.log  what make said

A second run with the same input takes a fraction of a second.
END
}

set_option()
{
	case $1 in
	--version) version=$2 ;;
	--source) source=$(cd "$2" && pwd -P) || die "no directory $2" ;;
	--out) out=$2 ;;
	--config) fragments+=("$2") ;;
	--name) name=$2 ;;
	--gcov) profiled+=("${2%/}") ;;
	--kcov) instrumented+=("${2%/}") ;;
	--start-from) start_from=$2 ;;
	--only) only=$2 ;;
	--jobs) jobs=$2 ;;
	arg) die "unknown argument $2 (try --help)" ;;
	*) die "unknown option $1 (try --help)" ;;
	esac
}

# "6.12.117" as a number that can be compared
number()
{
	local IFS=.
	# shellcheck disable=SC2086	# split at the dots
	set -- $1
	echo $(($1 * 1000 + ${2:-0}))
}

# Is kernel $2 in the range that the name $1 ("from-6.1-before-6.13") gives?
in_range()
{
	local range=${1##*/from-} v
	v=$(number "$2")
	[ "$v" -ge "$(number "${range%-before-*}")" ] &&
		[ "$v" -lt "$(number "${range#*-before-}")" ]
}

tree_version()
{
	sed -n 's/^VERSION = *//p;s/^PATCHLEVEL = */./p;/^NAME/q' \
		"$1/Makefile" 2>/dev/null | tr -d '\n' || :
}

unstamp()
{
	local s
	for s; do
		rm -f "$out/.stamp-$s"
	done
}

hash_of()
{
	cat -- "$@" | sha256sum | cut -d ' ' -f 1
}

# The kernel's makefiles cannot work in a directory with a space or a colon in
# its path. The big directories then live elsewhere, and OUT has links to them.
choose_work_dir()
{
	work=$out
	case $out in
	*[[:space:]:]*) ;;
	*) return 0 ;;
	esac
	work=${TMPDIR:-/var/tmp}/umtt-kernel-$(id -u)-$(printf '%s' "$out" | sha256sum | cut -c 1-12)
	[ -d "$work" ] || mkdir -m 700 "$work"
	[ -O "$work" ] || die "$work belongs to somebody else"
	ln -sfn "$work/build" "$out/build"
	ln -sfn "$work/modules-build" "$out/modules-build"
}

# Patches for kernel $1 that apply to the tree $2, in the array "patches".
# A tree that has a patch already, or another cure, does not need it.
choose_patches()
{
	local dir p
	patches=()
	for dir in "$here"/patches/from-*; do
		in_range "$dir" "$1" || continue
		for p in "$dir"/*.patch; do
			if patch -p1 -s -f --dry-run -d "$2" <"$p" >/dev/null 2>&1; then
				patches+=("$p")
			elif [ -z "$source" ]; then
				die "${p##*/} does not apply to $2"
			elif ! patch -p1 -s -f -R --dry-run -d "$2" <"$p" >/dev/null 2>&1; then
				echo "$me: ${p##*/} does not apply to $2: left out" >&2
			fi
		done
	done
}

apply_patches()
{
	local p
	for p in "${patches[@]}"; do
		patch -p1 -s -f -d "$1" <"$p" || die "cannot apply ${p##*/}"
	done
}

all_patches()
{
	local dir
	for dir in "$here"/patches/from-*; do
		if in_range "$dir" "$1"; then
			cat "$dir"/*.patch
		fi
	done
}

# What nobody can build for UML is not worth the time to unpack it.
unpack()
{
	local top_dir=linux-source-$version not=(
		Documentation/\*/\* arch/\[!ux]\*/\*.\[chS] arch/\[!ux]\*/\*.dts\*
		drivers/gpu/drm/{amd,i915,nouveau,radeon,xe}/\*.\[ch]
	)
	xz -T0 -dc "$1" | tar -x -C "$2" --strip-components=1 \
		"${not[@]/#/--exclude=$top_dir/}"
}

source_from_debian()
{
	local tar=/usr/src/linux-source-$version.tar.xz id package
	package=$(dpkg-query -W -f '${Version}' "linux-source-$version" 2>/dev/null) || package=
	id="debian $version $package $(stat -c '%s %Y' "$tar") $(all_patches "$version" | sha256sum)"
	tree=$work/source
	if ! stamped source "$id" || [ ! -f "$tree/Makefile" ]; then
		unstamp source kernel module
		echo "$me: unpacking ${tar##*/} ${package:+($package)}"
		rm -rf "$work/build" "$tree" "$work/source.tmp"
		mkdir "$work/source.tmp"
		unpack "$tar" "$work/source.tmp"
		choose_patches "$version" "$work/source.tmp"
		apply_patches "$work/source.tmp"
		mv "$work/source.tmp" "$tree"
		stamp source "$id"
	fi
	source_id=$id
}

# Did anything in the directory $1 change since the file $2 was written?
changed_since()
{
	[ -n "$(find "$1" -name .git -prune -o -newer "$2" -print -quit)" ]
}

# A build in the tree itself would be picked up by one out of tree.
is_dirty()
{
	[ -e "$1/.config" ] || [ -d "$1/include/config" ] ||
		[ -d "$1/include/generated" ] ||
		[ -d "$1/arch/um/include/generated" ] ||
		[ -d "$1/arch/x86/include/generated" ]
}

source_from_tree()
{
	local id
	version=$(tree_version "$source")
	if [ -z "$version" ] || [ ! -d "$source/arch/um" ]; then
		die "$source is not a kernel tree"
	fi
	[ "$(number "$version")" -ge "$(number 6.1)" ] ||
		die "$source is Linux $version; 6.1 is the oldest that works"
	choose_patches "$version" "$source"
	touch "$out/.seen"
	if [ ${#patches[@]} -eq 0 ] && ! is_dirty "$source" && [[ $source != *[[:space:]:]* ]]; then
		use_tree
	else
		copy_tree
	fi
	# What changes from now on, while we build, is for the next time.
	touch -r "$out/.seen" "$out/.stamp-source"
	source_id=$id
}

# Sets id, as copy_tree does.
use_tree()
{
	tree=$source
	id="tree $source"
	if ! stamped source "$id"; then
		unstamp source kernel module
		rm -rf "$work/build" "$work/source"
		stamp source "$id"
	elif changed_since "$source" "$out/.stamp-source"; then
		unstamp kernel
	fi
}

# Files that patches touch are left alone by later copies, so that not all is
# compiled again; if the user changes those, all starts over.
copy_tree()
{
	local touched=() f
	for f in "${patches[@]}"; do
		mapfile -t -O ${#touched[@]} touched < <(sed -n 's,^+++ b/\([^\t]*\).*,\1,p' "$f")
	done
	id="copy $source $(cd "$source" && hash_of Makefile "${touched[@]}" 2>/dev/null) $(all_patches "$version" | sha256sum)"
	tree=$work/source
	if ! stamped source "$id"; then
		unstamp source kernel module
		echo "$me: copying $source"
		rm -rf "$work/build" "$tree"
		mkdir "$tree"
		sync_tree
		apply_patches "$tree"
		stamp source "$id"
	elif changed_since "$source" "$out/.stamp-source"; then
		unstamp kernel
		sync_tree "${touched[@]/#/--exclude=/}"
	fi
}

sync_tree()
{
	rsync -a --delete --exclude=/.git --exclude='*.o' --exclude='*.ko' \
		--exclude='*.a' --exclude='.*.cmd' --exclude=/vmlinux \
		--exclude=/linux "$@" "$source/" "$tree/"
	# In a tree with parts missing some of this fails: the rest counts.
	if is_dirty "$tree"; then
		kmake -C "$tree" -s -k mrproper >"$log" 2>&1 || :
		rm -rf "$tree/.config" "$tree"/include/{config,generated} \
			"$tree"/arch/*/include/generated
	fi
}

# A value of GCOV_PROFILE or KCOV_INSTRUMENT: "y" in the directories DIR... and
# below. In the environment it is in place of a line in the makefile of each, and
# leaves alone those that have one.
in_dirs()
{
	[ $# -eq 0 ] || echo "\$(if \$(filter $* ${*/%//%},\$(obj)),y)"
}

# make for this tree, with a date that follows from it
kmake()
{
	"${clean_env[@]}" GCOV_PROFILE="$(in_dirs "${profiled[@]}")" \
		KCOV_INSTRUMENT="$(in_dirs "${instrumented[@]}")" \
		make ARCH=um KBUILD_BUILD_VERSION=1 \
		KBUILD_BUILD_TIMESTAMP="$(date -u -r "$tree/Makefile")" "$@"
}

# Copies what make says to the log, and shows how far it is: on a terminal as
# a line that changes, elsewhere as a line now and then.
progress()
{
	local line n=0 shown=0 start=$SECONDS
	while IFS= read -r line; do
		printf '%s\n' "$line" >&3
		case $line in
		"  CC "* | "  AS "*) n=$((n + 1)) ;;
		esac
		if [ -t 1 ]; then
			printf '\r%s: %s: %d objects, %d s ' "$me" "$1" "$n" $((SECONDS - start))
		elif [ $((SECONDS - shown)) -ge 15 ]; then
			[ "$shown" -eq 0 ] || echo "$me: $1: $n objects, $((SECONDS - start)) s"
			shown=$SECONDS
		fi
	done 3>>"$log"
	[ ! -t 1 ] || printf '\r\033[K'
}

# Says what of the log matters, and gives up.
failed()
{
	grep -E -i -A 3 '(^|[^-_a-z])(fatal )?error[: ]|undefined reference|No such file' "$log" |
		grep -v '^--$' | head -n 15 >&2 || tail -n 10 "$log" >&2
	die "$1; the whole log: $log"
}

# The objects of another kernel, with the times they have: make then compiles
# what is not as it was. Only from the same tree, which make's rules name.
seed_objects()
{
	[ -n "$start_from" ] || return 0
	[ ! -e "$work/build" ] || return 0
	[ "$(readlink -f "$start_from/source")" = "$tree" ] || return 0
	[ -f "$start_from/build/Module.symvers" ] || return 0
	echo "$me: starting from the objects of $start_from"
	flock "$start_from/.lock" cp -a --reflink=auto "$start_from/build/." "$work/build.tmp"
	mv "$work/build.tmp" "$work/build"
}

configure()
{
	mkdir -p "$work/build"
	kmake -s -C "$tree" O="$work/build" allnoconfig \
		KCONFIG_ALLCONFIG="$work/all.config" >>"$log" 2>&1 ||
		failed "cannot configure the kernel"
	refused
}

# Compares what the fragments ask for, each option's last word, with what
# kconfig made of it.
refused()
{
	awk '
	match($0, /^(# )?CONFIG_[A-Za-z0-9_]+/) {
		sym = substr($0, RSTART, RLENGTH); sub(/^# /, "", sym)
		val = $0 ~ /^#/ ? "n" : substr($0, index($0, "=") + 1)
		if ($0 ~ /^#/ && $0 !~ / is not set$/) next
		if (FILENAME == ARGV[1]) have[sym] = val
		else want[sym] = val
	}
	END {
		for (sym in want)
			if ((sym in have ? have[sym] : "n") != want[sym])
				print sym "=" want[sym]
	}' "$work/build/.config" "$work/all.config" | sort >"$out/config-refused"
	if [ -s "$out/config-refused" ]; then
		echo "$me: options that Linux $version refused: $(tr '\n' ' ' <"$out/config-refused")"
	fi
}

build_kernel()
{
	log=$out/build.log
	: >"$log"
	unstamp kernel
	seed_objects
	configure
	kmake -C "$tree" O="$work/build" -j "$jobs" 2>&1 |
		progress "Linux $version" || failed "cannot build the kernel"
	# What runs is read whole for a run's identity: debug information is for
	# gdb, which has vmlinux.
	objcopy --strip-debug "$work/build/linux" "$out/linux.tmp"
	mv "$out/linux.tmp" "$out/linux"
	cp "$work/build/include/config/kernel.release" "$out/release"
	[ "$tree" -ef "$out/source" ] || ln -sfn "$tree" "$out/source"
	stamp kernel "$1"
}

build_module()
{
	local dir=$work/modules-build
	log=$out/module.log
	: >"$log"
	unstamp module
	rm -rf "$dir"
	mkdir -p "$dir" "$out/modules"
	cp "$top"/uml-glue/modules/umtt_echo/* "$dir/"
	kmake -C "$tree" O="$work/build" M="$dir" modules 2>&1 |
		progress "umtt_echo.ko" || failed "cannot build umtt_echo.ko"
	cp "$dir/umtt_echo.ko" "$out/modules/umtt_echo.ko.tmp"
	mv "$out/modules/umtt_echo.ko.tmp" "$out/modules/umtt_echo.ko"
	stamp module "$1"
}

our_fragments()
{
	local f
	echo "$here/config/base.config"
	for f in "$here"/config/from-*.config; do
		if in_range "${f%.config}" "$version"; then
			echo "$f"
		fi
	done
}

set_options "" "$@"
out=${out:-$top/build/kernel/$([ -n "$source" ] && echo custom || echo "$version")}
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
for f in "${fragments[@]}"; do
	[ -r "$f" ] || die "cannot read $f"
done

# One build at a time in a directory
exec 9>"$out/.lock"
if ! flock -n 9; then
	echo "$me: waiting for another build in $out"
	flock 9
fi

start=$SECONDS
log=$out/build.log
choose_work_dir
if [ -n "$source" ]; then
	"$top/uml-glue/deps.sh" --for kernel-tree
	source_from_tree
else
	"$top/uml-glue/deps.sh" --for "kernel-$version"
	source_from_debian
fi

[ "$only" != source ] || exit 0

mapfile -t ours < <(our_fragments)
{
	cat "${ours[@]}"
	[ -z "$name" ] || echo "CONFIG_LOCALVERSION=\"-umtt-$name\""
	cat "${fragments[@]}" </dev/null
} >"$work/all.config.tmp"
mv "$work/all.config.tmp" "$work/all.config"
if [ "$only" = config ]; then
	unstamp kernel
	: >"$log"
	configure
	exit 0
fi
compiler=$(gcc -dumpfullversion) || die "gcc does not work"
kernel_id="$source_id / config $(hash_of "$work/all.config") / gcc $compiler"
[ ${#profiled[@]} -eq 0 ] || kernel_id+=" / gcov ${profiled[*]}"
[ ${#instrumented[@]} -eq 0 ] || kernel_id+=" / kcov ${instrumented[*]}"
if ! stamped kernel "$kernel_id" || [ ! -x "$out/linux" ] ||
   [ ! -f "$work/build/Module.symvers" ]; then
	unstamp module
	build_kernel "$kernel_id"
	echo "$me: $out/linux is Linux $(cat "$out/release") ($((SECONDS - start)) s)"
fi

module_id="$kernel_id / module $(hash_of "$top"/uml-glue/modules/umtt_echo/*)"
if ! stamped module "$module_id" || [ ! -f "$out/modules/umtt_echo.ko" ]; then
	build_module "$module_id"
	echo "$me: $out/modules/umtt_echo.ko is ready"
fi
