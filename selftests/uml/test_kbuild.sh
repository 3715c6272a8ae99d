#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Kernels and modules that umtt run builds: which one, when, and what is said
# when that fails. No kernel is built here: a script takes build.sh's place.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck disable=SC2016	# it is for the guest's shell to expand
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

[ -f "$UMTT_KERNEL/build/Module.symvers" ] ||
	skip_all "no build directory of the kernel: make kernel"

# A umtt whose scripts are ours
mkdir -p umtt/build umtt/uml-glue/kernel/config
cp "$UMTT" umtt/build/umtt
for f in umtt-init umtt-preload.so; do
	cp "$(dirname "$UMTT")/$f" umtt/build/
done
cp "$top/uml-glue/kernel/module.sh" "$top/uml-glue/kernel/lib.sh" umtt/uml-glue/kernel/
cat >umtt/uml-glue/kernel/build.sh <<END
#!/bin/sh
[ ! -e "$work/broken" ] || { echo "build.sh: it is broken" >&2; exit 1; }
printf '%s\n' "\$@" >"$work/args"
[ ! -e "$work/log_args" ] || cat "$work/args" >>"$work/all"
for a; do
	case \$a in --out=*) out=\${a#--out=} ;; esac
done
[ ! -e "\$out/linux" ] || exit 0
echo "building it"
mkdir -p "\$out"
cp "$linux" "\$out/linux"
ln -s "$UMTT_KERNEL/source" "$UMTT_KERNEL/build" "\$out/"
END
chmod +x umtt/uml-glue/kernel/build.sh
real_umtt=$UMTT
UMTT=$work/umtt/build/umtt

# built ARGS...: a run with the kernel that these ask for; it is $kernel
built()
{
	umtt run --wall-limit 80s "$@" -- echo it runs >out 2>err </dev/null
	status=$?
	kernel=$(sed -n 's/^--out=//p' args)
	succeeded && equal stdout "$(cat out)" "it runs"
}

has_arg()
{
	grep -qxE -e "$1" args && return
	echo "build.sh has not got $1, but:"
	cat args
	return 1
}

# Each content has a directory; one that was there before is found again.
configurations()
{
	echo CONFIG_ONE=y >one.config
	echo CONFIG_TWO=y >two.config
	built --config one.config && said '^building it$' &&
		has_arg "--config=$work/one.config" && has_arg '--name=[0-9a-f]{8}' || return
	one=$kernel
	built --config two.config && said '^building it$' || return
	[ "$kernel" != "$one" ] || { echo "the same directory"; return 1; }
	cp one.config renamed.config
	built --config renamed.config && equal kernel "$kernel" "$one" &&
		equal stderr "$(cat err)" "" || return
	built --config one.config --config two.config && said '^building it$' || return
	echo CONFIG_THREE=y >>one.config
	built --config one.config && said '^building it$'
}

kernel_directory()
{
	mkdir -p tree
	built --kdir tree && has_arg "--source=$work/tree" || return
	if grep -e --start-from -e --config -e --name args; then
		return 1
	fi
	one=$kernel
	built --kdir tree --config two.config && has_arg "--source=$work/tree" || return
	[ "$kernel" != "$one" ] || { echo "the same directory"; return 1; }
	built --kdir ./tree/ && equal kernel "$kernel" "$one" && equal stderr "$(cat err)" ""
}

kasan()
{
	built --kasan && has_arg "--config=$work/umtt/uml-glue/kernel/config/kasan.config"
}

# The lab's, and nodes' that are other ones; the command line adds to the lab's
in_a_lab_file()
{
	mkdir -p lab/tree lab/other
	echo CONFIG_A=y >lab/a.config
	echo CONFIG_B=y >lab/b.config
	cat >lab/built.yaml <<-END
	kdir: tree
	config: [a.config]
	nodes:
	  - name: a
	  - name: b
	    config: [b.config]
	  - name: c
	    kdir: other
	    kasan: true
	  - name: d
	    kernel: $linux
	  - name: e
	    config: [b.config]
	END
	rm -f all
	: >log_args
	built lab/built.yaml --trace trace || return
	rm log_args
	equal kernels "$(grep -c '^--out=' all)" 3 || return
	awk -v RS='--out=[^\n]*\n' 'NR == 1' all >args
	has_arg "--source=$work/lab/tree" && has_arg "--config=$work/lab/a.config" &&
		equal fragments "$(grep -c '^--config' args)" 1 || return
	awk -v RS='--out=[^\n]*\n' 'NR == 2' all >args
	has_arg "--source=$work/lab/tree" && has_arg "--config=$work/lab/a.config" &&
		has_arg "--config=$work/lab/b.config" || return
	awk -v RS='--out=[^\n]*\n' 'NR == 3' all >args
	has_arg "--source=$work/lab/other" && has_arg "--config=$work/lab/a.config" &&
		has_arg '--config=.*/kasan.config' || return
	umtt run --replay trace >out 2>err
	status=$?
	succeeded && said 'all [0-9]+ records are the same$'
}

lab_file_and_options()
{
	echo 'nodes: [{ name: a }]' >lab/plain.yaml
	built lab/plain.yaml --kasan && has_arg '--config=.*/kasan.config' || return
	rm -f all
	: >log_args
	built lab/built.yaml --kdir tree --config one.config || return
	rm log_args
	equal kernels "$(grep -c '^--out=' all)" 3 &&
		equal "with the fragment" "$(grep -cx -e "--config=$work/one.config" all)" 3 &&
		equal "of the tree" "$(grep -cx -e "--source=$work/tree" all)" 2 || return
	sed '/- name: [b-e]/,$d' lab/built.yaml >lab/one.yaml
	rm args
	umtt run lab/one.yaml --kernel "$linux" -- true >out 2>err
	status=$?
	succeeded && [ ! -e args ]
}

# The source of the kernel that is there, and its objects
usual_source()
{
	mkdir -p umtt/build/kernel/6.12
	ln -sf "$linux" umtt/build/kernel/6.12/linux
	built --kasan && has_arg "--source=.*" && has_arg "--start-from=.*"
}

# refused WHY ARGS...
refused()
{
	why=$1
	shift
	umtt run "$@" -- echo it runs >out 2>err </dev/null
	equal "exit status" $? 125 && equal stdout "$(cat out)" "" && said "$why"
}

no_kernel()
{
	: >broken
	refused 'there is no kernel to run: it could not be built in ' --kdir tree &&
		said '^build.sh: it is broken$'
	ret=$?
	rm broken
	[ "$ret" = 0 ] || return
	refused '--kernel is a kernel that is built already: leave out --kdir' --kernel "$linux" --kdir tree &&
	refused '--kernel is .*: leave out --kasan' --kernel "$linux" --kasan &&
	refused '--kdir nowhere: not a directory' --kdir nowhere &&
	refused '--config nothing: not a file' --config nothing || return
	mv umtt/uml-glue elsewhere
	refused 'uml-glue/kernel/build.sh is not there' --kasan
	ret=$?
	mv elsewhere umtt/uml-glue
	return "$ret"
}

# With the script as it is
version_has_a_name()
{
	"$top/uml-glue/kernel/build.sh" --help | grep -q -e '--name NAME' &&
		"$top/uml-glue/kernel/build.sh" --help | grep -q -e '--gcov DIR'
}

new_module()
{
	mkdir -p mod
	echo 'obj-m := hello.o' >mod/Kbuild
	cat >mod/hello.c <<-END
	#include <linux/module.h>
	static int number = $1;
	module_param(number, int, 0444);
	static int __init hello_init(void) { return 0; }
	static void __exit hello_exit(void) { }
	module_init(hello_init);
	module_exit(hello_exit);
	MODULE_LICENSE("GPL");
	END
}

number='cat /sys/module/hello/parameters/number'

# Edit, run
module_directory()
{
	new_module 5
	# shellcheck disable=SC2086
	works --module mod -- $number && equal stdout "$(cat out)" 5 || return
	new_module 6
	# shellcheck disable=SC2086
	works --module mod --node 2 -- $number && equal stdout "$(cat out)" 6 || return
	# shellcheck disable=SC2086
	works --module "mod number=7" -- $number && equal stdout "$(cat out)" 7 &&
		equal stderr "$(cat err)" ""
}

# Paths are relative to the lab file, and a trace knows the module.
lab_file()
{
	mkdir -p lab
	rm -rf lab/mod
	cp -r mod lab
	echo "nodes: [{ name: a, modules: [mod number=8], command: $number }]" >lab/lab.yaml
	works lab/lab.yaml --trace trace && equal stdout "$(cat out)" 8 || return
	umtt run --replay trace >out 2>err
	status=$?
	succeeded && said 'all [0-9]+ records are the same$'
}

bad_modules()
{
	cp "$UMTT_KERNEL/linux" x.ko
	v=$(echo "$release" | tr 0-9 9)
	sed "s/vermagic=$release/vermagic=$v/" mod/hello.ko >other.ko
	echo text >text.ko
	k="--kernel $linux"
	# shellcheck disable=SC2086
	refused "/other.ko: this module is for Linux $v, and the kernel is $release; --module DIR" $k --module other.ko &&
	equal lines "$(wc -l <err)" 1 &&
	refused '/text.ko: not a kernel module$' $k --module text.ko &&
	equal lines "$(wc -l <err)" 1 || return
	mkdir -p empty none bad
	echo 'x := y' >none/Kbuild
	echo 'obj-m := bad.o' >bad/Kbuild
	echo 'int x = y;' >bad/bad.c
	# shellcheck disable=SC2086
	refused '/empty has neither a Kbuild nor a Makefile' $k --module empty &&
	refused '/none builds no module' $k --module none &&
	refused 'bad.c:1:9: error: .y. undeclared' $k --module bad &&
	said '/bad: there is no module to load' || return
	cp "$linux" alone
	refused 'its source and build directories are not beside it' --kernel ./alone --module mod
}

# A module that says by its lines and functions what of it has run
covered_module()
{
	mkdir -p cov
	echo 'obj-m := cov.o' >cov/Kbuild
	cat >cov/cov.c <<-'END'
	#include <linux/module.h>
	static int rounds = 1;
	module_param(rounds, int, 0444);
	static int cov_read(char *buf, const struct kernel_param *kp)
	{
		return sprintf(buf, "read\n");
	}
	static const struct kernel_param_ops ops = { .get = cov_read };
	module_param_cb(seen, &ops, NULL, 0444);
	static int __init cov_init(void)
	{
		int i;

		for (i = 0; i < rounds; i++)
			READ_ONCE(rounds);
		if (rounds < 0)
			return -EINVAL;
		return 0;
	}
	module_init(cov_init);
	MODULE_LICENSE("GPL");
	END
}

# line TEXT: its number in the module
line()
{
	grep -n -F -e "$1" cov/cov.c | cut -d: -f1
}

# counted TEXT WANT: how often the line with that has run, by gcov
counted()
{
	equal "counts of $1" "$(grep -F -e "$1" cov.c.gcov | sed 's/^ *\([^:]*\):.*/\1/')" "$2"
}

counts()
{
	gcov "cover/node1$work/cov/cov.gcda" >gcov.out 2>&1 || { cat gcov.out; return 1; }
	counted 'READ_ONCE' "$1" && counted 'return -EINVAL;' '#####' &&
		counted 'return sprintf' "$2"
}

lines_are_counted()
{
	covered_module
	works --module 'cov rounds=5' --gcov cover --node 2 --trace trace -- cat /sys/module/cov/parameters/seen &&
		equal stdout "$(cat out)" read && counts 5 1 || return
	# Once more: in place of what was there.
	works --module cov --gcov cover -- true && counts 1 '#####' || return
	umtt run --replay trace >out 2>err
	status=$?
	succeeded && said 'all [0-9]+ records are the same$'
}

# reached LINE FUNCTION: KCOV has seen it
reached()
{
	grep -q -E "^0x[0-9a-f]{16} $2 $work/cov/cov.c:$1.* \[cov\]$" kcov
}

# Loading the module, the command, and what the command starts
code_is_reached()
{
	covered_module
	works --module cov --kcov kcov -- sh -c 'cat /sys/module/cov/parameters/seen; :' || return
	if ! reached "$(line READ_ONCE)" cov_init || ! reached "$(line sprintf)" cov_read ||
	   reached "$(line EINVAL)" cov_init; then
		cat kcov
		return 1
	fi
	mv kcov first
	works --module cov --kcov kcov --node 2 --trace trace -- sh -c 'cat /sys/module/cov/parameters/seen; :' &&
		cmp kcov first || return
	umtt run --replay trace >out 2>err
	status=$?
	succeeded && said 'all [0-9]+ records are the same$'
}

more_than_fits()
{
	covered_module
	works --module 'cov rounds=3000000' --kcov kcov -- true && said "node1: KCOV's buffer was full" &&
		equal head "$(sed -n 's/^# node1: [0-9]* places, passed //p' kcov)" \
			'2097151 times; what came later is missing, the buffer was full'
}

nothing_is_reached()
{
	works --kcov kcov -- true && said '/kcov: nothing was reached: no module' &&
		equal file "$(cat kcov)" '# node1: 0 places, passed 0 times' || return
	run --time-limit 2s --kcov kcov -- sleep 5
	equal status "$status" 124 && equal file "$(cat kcov)" '# node1: the command had not ended' || return
	k="--kernel $linux"
	# shellcheck disable=SC2086
	refused '/missing/kcov: No such file or directory' $k --kcov missing/kcov || return
	run --append debugfs=off --kcov kcov -- true
	equal status "$status" 125 && said 'node1: this kernel does not say what is reached: it needs CONFIG_KCOV' || return
	run --append debugfs=off --gcov cover -- true
	equal status "$status" 125 && said 'node1: this kernel counts no lines: it needs CONFIG_GCOV_KERNEL'
}

# A node cannot lead us elsewhere.
coverage_goes_astray()
{
	mkdir -p fake
	echo 'obj-m := fake.o' >fake/Kbuild
	cat >fake/fake.c <<-END
	#include <linux/debugfs.h>
	#include <linux/module.h>
	static struct debugfs_blob_wrapper blob = { "text", 4 };
	static int __init fake_init(void)
	{
		struct dentry *gcov = debugfs_lookup("gcov", NULL);

		debugfs_create_blob("one.gcda", 0444,
				    debugfs_create_dir("one.gcno", gcov), &blob);
		return 0;
	}
	module_init(fake_init);
	MODULE_LICENSE("GPL");
	END
	run --module fake --gcov cover -- echo it runs
	equal status "$status" 125 && said 'node1: it has sent coverage for an odd path'
}

coverage_options()
{
	k="--kernel $linux"
	# shellcheck disable=SC2086
	refused '--gcov-of needs --gcov DIR' $k --gcov-of drivers/gpio &&
	refused '--kcov-of needs --kcov FILE' $k --kcov-of drivers/gpio &&
	refused 'leave out --gcov-of' $k --gcov x --gcov-of drivers/gpio &&
	refused 'leave out --kcov-of' $k --kcov x --kcov-of drivers/gpio || return
	umtt run --gcov c --gcov-of drivers/gpio --gcov-of lib -- true >out 2>err </dev/null
	has_arg --gcov=drivers/gpio && has_arg --gcov=lib && has_arg '--name=[0-9a-f]{8}' || return
	umtt run --kcov c --kcov-of drivers/gpio -- true >out 2>err </dev/null
	has_arg --kcov=drivers/gpio && has_arg '--name=[0-9a-f]{8}'
}

begin 18
check configurations configurations
check kernel_directory kernel_directory
check kasan kasan
check in_a_lab_file in_a_lab_file
check lab_file_and_options lab_file_and_options
check usual_source usual_source
check no_kernel no_kernel
check version_has_a_name version_has_a_name
check module_directory module_directory
check lab_file lab_file
check bad_modules bad_modules
check coverage_options coverage_options
UMTT=$real_umtt
check lines_are_counted lines_are_counted
check code_is_reached code_is_reached
check more_than_fits more_than_fits
check nothing_is_reached nothing_is_reached
check coverage_goes_astray coverage_goes_astray
check module_with_umtt_itself module_directory
finish
