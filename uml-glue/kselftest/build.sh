#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds what "umtt kselftest" runs: a kernel that has what the tests ask for,
# and the tests, out of tree, each collection on its own.
#
# The usual kernel of the nodes is taken if the options that a collection asks
# for make no difference to it; only otherwise one is built here.

set -euo pipefail
shopt -s nullglob
export LC_ALL=C

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=uml-glue/kernel/lib.sh
. "$top/uml-glue/kernel/lib.sh"
me=kselftest/$me

version=6.12
kdir=
out=
jobs=$(nproc)
list=
fragments=()
collections=()

usage()
{
	cat <<END
Usage: $me [--version V | --kdir DIR] --out OUT [options] [COLLECTION...]

Builds a kernel, and the kselftests of COLLECTION... for it; without one those
of uml-glue/kselftest/collections.

  --version V     Debian's linux-source-V, 6.12 unless told otherwise
  --kdir DIR      a kernel tree of your own, which is never changed
  --out OUT       where results go
  --config FILE   a fragment of kernel configuration, which has the last word;
                  may be repeated
  --list          only print the names of the tests, without a kernel
  --jobs N        parallel jobs of make ($jobs)

Results in OUT:
  kernel              link to the kernel's directory (see kernel/build.sh)
  modules             its modules, as below /
  tests               the collections, as kselftest's "install" makes them, and
                      kselftest-list.txt, lines COLLECTION:TEST
  not-built           lines COLLECTION[:TEST], a tab, the reason
  config-refused      lines COLLECTION, a tab, CONFIG_X=value
  logs                what make said, by collection

A second run with the same input takes a fraction of a second.
END
}

set_option()
{
	case $1 in
	--version) version=$2 ;;
	--kdir) kdir=$(cd "$2" && pwd -P) || die "no directory $2" ;;
	--out) out=$2 ;;
	--config) fragments+=("$2") ;;
	--jobs) jobs=$2 ;;
	--list) list=y ;;
	arg) collections+=("${2%/}") ;;
	*) die "unknown option $1 (try --help)" ;;
	esac
}

# net/af_unix as the name of a file
flat()
{
	echo "${1//\//_}"
}

build_kernel()
{
	"$top/uml-glue/kernel/build.sh" --jobs "$jobs" "$@"
}

# Brings the source in reach: of the usual kernel, whose directory is "usual".
get_source()
{
	if [ -n "$kdir" ]; then
		usual=$out/kernels/kdir
		usual_args=(--source "$kdir" --out "$usual")
	else
		usual=$top/build/kernel/$version
		usual_args=(--version "$version" --out "$usual")
	fi
	build_kernel "${usual_args[@]}" --only source
	tree=$(readlink -f "$usual/source" 2>/dev/null) || tree=
	[ -d "$tree" ] || tree=$kdir
	selftests=$tree/tools/testing/selftests
	[ -f "$selftests/lib.mk" ] || die "$tree has no kselftests (tools/testing/selftests)"
	source_id=$(cat "$usual/.stamp-source")
}

all_collections()
{
	if [ ${#collections[@]} -eq 0 ]; then
		mapfile -t collections < <(sed '/^#/d;/^$/d' "$here/collections")
	fi
}

# Without those that this tree does not have.
check_collections()
{
	local c have=()
	for c in "${collections[@]}"; do
		if [ -f "$selftests/$c/Makefile" ]; then
			have+=("$c")
		elif [ ${#collections[@]} -eq 1 ]; then
			die "there is no collection $c in $selftests"
		else
			echo "$me: there is no collection $c in $selftests" >&2
			printf '%s\tno such collection\n' "$c" >>"$out/not-built.tmp"
		fi
	done
	[ ${#have[@]} -gt 0 ] || die "nothing to build"
	collections=("${have[@]}")
}

# What the tests of a collection ask for: upstream's list, and what it forgets.
fragments_of()
{
	local f
	for f in "$selftests/$1/config" "$selftests/$1/config.common" "$here/config/$(flat "$1")"; do
		if [ -f "$f" ]; then
			echo "$f"
		fi
	done
}

# One fragment of the files $@: an option has the most that anybody asks for, a
# built-in driver is as good as a module.
merge_fragments()
{
	awk '
	/^CONFIG_[A-Za-z0-9_]+=/ {
		split($0, a, "="); sym = a[1]; val = substr($0, length(sym) + 2)
		sub(/[ \t]+(#.*)?$/, "", val)
		if (val == "n" || have[sym] == "y" || (have[sym] == "m" && val == "m"))
			next
		have[sym] = val
	}
	END { for (sym in have) print sym "=" have[sym] }' "$@" /dev/null | sort
}

# What of the fragment $1 the .config $2 does not have. m is granted by y.
lacking()
{
	awk -F= '
	FNR == NR { if (/^CONFIG_/) have[$1] = substr($0, length($1) + 2); next }
	{
		want = substr($0, length($1) + 2); got = have[$1]
		if (got != want && !(want == "m" && got == "y") &&
		    !(want == "y" && got == "m"))
			print
	}' "$2" "$1"
}

options_in()
{
	grep -E '^(CONFIG_|# CONFIG_.* is not set)' "$1"
}

# Asks the kernel's own tools whether the fragment $1 changes anything.
makes_difference()
{
	local dir
	for dir in plain wanted; do
		rm -rf "$out/resolve/$dir"
	done
	mkdir -p "$out/resolve"
	build_kernel --source "$tree" --out "$out/resolve/plain" --only config >/dev/null
	build_kernel --source "$tree" --out "$out/resolve/wanted" --only config \
		--config "$1" >/dev/null
	! cmp -s <(options_in "$out/resolve/plain/build/.config") \
		<(options_in "$out/resolve/wanted/build/.config")
}

# Sets kernel, the directory, and kernel_args, what to call kernel/build.sh with.
choose_kernel()
{
	local wanted=$out/wanted.config id c files=()
	for c in "${collections[@]}"; do
		mapfile -t -O ${#files[@]} files < <(fragments_of "$c")
	done
	merge_fragments "${files[@]}" >"$wanted.all"
	cp "$wanted.all" "$wanted"
	if [ -f "$usual/build/.config" ]; then
		lacking "$wanted.all" "$usual/build/.config" >"$wanted"
	fi
	for c in "${fragments[@]}"; do
		cat "$c" >>"$wanted"
	done
	kernel=$usual
	kernel_args=("${usual_args[@]}")
	[ -s "$wanted" ] || return 0

	id=$(cat "$wanted" "$top"/uml-glue/kernel/config/*.config - <<<"$source_id" |
		sha256sum | cut -c 1-12)
	if [ ! -f "$out/.stamp-config-$id" ]; then
		if makes_difference "$wanted"; then
			stamp "config-$id" own
		else
			stamp "config-$id" usual
		fi
	fi
	stamped "config-$id" own || return 0
	kernel=$out/kernels/$id
	mkdir -p "$kernel"
	cp "$wanted" "$kernel/kselftest.config"
	kernel_args=(--source "$tree" --out "$kernel" --start-from "$usual"
		--config "$kernel/kselftest.config")
}

say_refused()
{
	local c f line
	for c in "${collections[@]}"; do
		mapfile -t f < <(fragments_of "$c")
		while IFS= read -r line; do
			printf '%s\t%s\n' "$c" "$line"
		done < <(lacking <(merge_fragments "${f[@]}") "$kernel/build/.config")
	done >"$out/config-refused"
	while IFS=$'\t' read -r c line; do
		echo "$me: $c asks for $line, which UML does not have"
	done <"$out/config-refused"
}

install_modules()
{
	local id
	id=$(cat "$kernel/.stamp-kernel")
	if stamped modules "$id"; then
		return 0
	fi
	rm -rf "$out/modules"
	clean_make -s -C "$kernel/build" ARCH=um INSTALL_MOD_PATH="$out/modules" \
		INSTALL_MOD_STRIP=1 modules_install >"$out/logs/modules.log" 2>&1 ||
		die "cannot install the kernel's modules: see $out/logs/modules.log"
	rm -f "$out"/modules/lib/modules/*/build
	stamp modules "$id"
}

get_kernel()
{
	choose_kernel
	build_kernel "${kernel_args[@]}" || die "no kernel"
	ln -sfn "$kernel" "$out/kernel"
	say_refused
	install_modules
}

# Some makefiles write beside their sources in spite of O=: they get a copy of
# tools, beside links to the rest of the tree.
mirror_tree()
{
	local f
	mkdir -p "$out/src/tools"
	for f in "$tree"/*; do
		[ "${f##*/}" = tools ] || ln -sfn "$f" "$out/src/"
	done
	rsync -a --exclude=/perf "$tree/tools/" "$out/src/tools/"
	clean_make -s -C "$tree" O="$out/obj" headers -j "$jobs" >"$out/logs/headers.log" 2>&1 ||
		die "cannot make the kernel's headers: see $out/logs/headers.log"
}

# Did anything of the tests change since they were copied? Debian's source does
# not: its stamp says which it is.
get_tests_source()
{
	local id="$source_id / $tree"
	if stamped source "$id" && ! { [ -n "$kdir" ] && changed_tree; }; then
		return 0
	fi
	echo "$me: copying the tests' sources"
	touch "$out/.stamp-seen"
	mirror_tree
	stamp source "$id"
	touch -r "$out/.stamp-seen" "$out/.stamp-source"
}

changed_tree()
{
	[ -n "$(find "$tree/tools" "$tree/include/uapi" "$tree/arch/x86/include/uapi" \
		-newer "$out/.stamp-source" -print -quit)" ]
}

# make in the copy of a collection, with what its own makefile needs to know
collection_make()
{
	local c=$1
	shift
	mkdir -p "$out/obj/kselftest/$c"
	clean_make -s --no-print-directory -C "$out/src/tools/testing/selftests/$c" \
		OUTPUT="$out/obj/kselftest/$c" COLLECTION="$c" O="$out/obj" \
		BUILD="$out/obj/kselftest" KHDR_INCLUDES="-isystem $out/obj/usr/include" "$@"
}

# The tests that a collection has. Those as well that change the clock and are
# therefore not in upstream's list; and where that is empty, the programs.
# shellcheck disable=SC2016	# for make
tests_of()
{
	collection_make "$1" --eval '
umtt-tests: emit_tests
	@for t in $(DESTRUCTIVE_TESTS) $(if $(TEST_GEN_PROGS)$(TEST_PROGS)$(TEST_CUSTOM_PROGS),,$(notdir $(TEST_GEN_FILES))); do echo "$(COLLECTION):$$t"; done' \
		umtt-tests 2>/dev/null | grep "^$1:" | awk '!seen[$0]++'
}

# What make said of the test $1 in the log $2: the first error since it went on
# after the one before.
reason()
{
	awk -v name="$1" '
	/\(ignored\)$/ {
		if (index($0, "/" name "]") || index($0, " " name "]")) {
			found = first != "" ? first : $0
			exit
		}
		first = ""
		next
	}
	first == "" && /error|undefined reference|cannot find|No such file|not found/ {
		first = $0
		if (any == "") any = $0
	}
	END { print found != "" ? found : any != "" ? any : "not installed by its makefile" }' "$2"
}

# One that fails shall not take the others with it: errors are ignored, and
# then it is looked which tests there are. Without sanitizers, which some tests
# are built with: the memory that they want is not there on User-Mode Linux.
build_collection()
{
	local c=$1 log t
	log=$out/logs/$(flat "$c").log
	# make does not see that it is called with other flags.
	mkdir -p "$out/obj/kselftest/$c"
	find "$out/obj/kselftest/$c" -maxdepth 1 -type f ! -newer "$here/build.sh" -delete
	clean_make -i -O -j "$jobs" -C "$out/src/tools/testing/selftests" O="$out/obj" \
		TARGETS="$c" SKIP_TARGETS= USERCFLAGS=-fno-sanitize=all KSFT_INSTALL_PATH="$out/tests" install \
		>"$log" 2>&1 || :
	: >"$out/lists/$(flat "$c").not"
	while IFS= read -r t; do
		if [ -e "$out/tests/$c/${t#*:}" ]; then
			echo "$t"
		else
			printf '%s\t%s\n' "$t" "$(reason "${t#*:}" "$log")" \
				>>"$out/lists/$(flat "$c").not"
		fi
	done < <(tests_of "$c") >"$out/lists/$(flat "$c")"
	if [ ! -s "$out/lists/$(flat "$c")" ] && [ ! -s "$out/lists/$(flat "$c").not" ]; then
		printf '%s\t%s\n' "$c" "$(reason "$c" "$log")" >"$out/lists/$(flat "$c").not"
	fi
}

# A collection that is not complete is tried again when packages have changed.
collection_id()
{
	local not
	not=$out/lists/$(flat "$1").not
	cat "$out/.stamp-source"
	stat -c %Y "$out/.stamp-source"
	gcc -dumpfullversion
	sha256sum <"$here/build.sh"
	if [ -s "$not" ]; then
		stat -c %Y /var/lib/dpkg/status 2>/dev/null || :
	fi
}

build_tests()
{
	local c n=0
	for c in "${collections[@]}"; do
		n=$((n + 1))
		if stamped "tests-$(flat "$c")" "$(collection_id "$c")"; then
			continue
		fi
		[ ! -t 1 ] || printf '\r\033[K%s: tests: %s (%d of %d)' "$me" "$c" "$n" ${#collections[@]}
		build_collection "$c"
		stamp "tests-$(flat "$c")" "$(collection_id "$c")"
		[ ! -t 1 ] || printf '\r\033[K'
		echo "$me: $c: $(wc -l <"$out/lists/$(flat "$c")") tests ($n of ${#collections[@]}, $((SECONDS - start)) s)"
	done
}

# The lists of all collections become one, in the order that was asked for.
collect()
{
	local c
	rm -f "$out/tests/kselftest-list.txt.tmp"
	for c in "${collections[@]}"; do
		cat "$out/lists/$(flat "$c")" >>"$out/tests/kselftest-list.txt.tmp"
		cat "$out/lists/$(flat "$c").not" >>"$out/not-built.tmp"
	done
	mv "$out/tests/kselftest-list.txt.tmp" "$out/tests/kselftest-list.txt"
	mv "$out/not-built.tmp" "$out/not-built"
	while IFS=$'\t' read -r c line; do
		echo "$me: not built: $c: $line" >&2
	done <"$out/not-built"
}

set_options --list "$@"
[ -n "$out" ] || die "where to? --out OUT"
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
case $out in
*[[:space:]:]*) die "make cannot work in $out: --out without spaces and colons" ;;
esac
for f in "${fragments[@]}"; do
	[ -r "$f" ] || die "cannot read $f"
done
mkdir -p "$out/logs" "$out/lists" "$out/kernels" "$out/tests"

# One build at a time in a directory
exec 8>"$out/.lock"
if ! flock -n 8; then
	echo "$me: waiting for another build in $out" >&2
	flock 8
fi

start=$SECONDS
all_collections
if [ -n "$list" ]; then
	exec 3>&1 >&2
fi
"$top/uml-glue/deps.sh" --for kselftest
get_source
: >"$out/not-built.tmp"
check_collections
if [ -n "$list" ]; then
	get_tests_source
	for c in "${collections[@]}"; do
		tests_of "$c" >&3
	done
	exit 0
fi
get_kernel
get_tests_source
build_tests
collect
