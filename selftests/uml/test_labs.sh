#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# The labs: what their READMEs show is what comes out, command by command.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=selftests/uml/doc.sh
. "$top/selftests/uml/doc.sh"

# What a user sees in the top directory, with the kernel that is to be tested.
# Modules are built in place: in a copy.
mkdir -p top/build/kernel top/uml-glue
cp -R "$top/uml-glue/labs" top/uml-glue/
ln -s "$UMTT_KERNEL" top/build/kernel/6.12
old=$top/build/kernel/6.1
[ ! -x "$old/linux" ] || ln -s "$old" top/build/kernel/6.1
cat >top/build/umtt <<END
#!/bin/sh
[ "\$1" = run ] || exec "$UMTT" "\$@"
shift
exec "$UMTT" run --kernel "$linux" --wall-limit 80s "\$@"
END
chmod +x top/build/umtt

# versions is about two kernels.
missing()
{
	[ "$1" = versions ] || return
	case $release in
	6.12*) [ ! -x "$old/linux" ] && echo "no $old/linux: make kernel KERNEL=6.1" ;;
	*) echo "Linux $release is not 6.12" ;;
	esac
}

# From another directory, whatever that is
elsewhere()
{
	mkdir -p away
	cd away && run "../top/uml-glue/labs/$1/lab.yaml"
	cd .. && succeeded
}

labs=$(cd "$top/uml-glue/labs" && find . -name lab.yaml | cut -d / -f 2 | sort)
count=0
for lab in $labs; do
	doc_commands "$top/uml-glue/labs/$lab/README.rst"
	count=$((count + commands + 1))
done
begin "$count"
for lab in $labs; do
	doc_commands "$top/uml-glue/labs/$lab/README.rst"
	if why=$(missing "$lab"); then
		for i in $(seq "$((commands + 1))"); do
			skip "${lab}_$i" "$why"
		done
		continue
	fi
	check "${lab}_elsewhere" elsewhere "$lab"
	doc_run top
	doc_checks "$lab"
done
finish
