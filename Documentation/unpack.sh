#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Takes a text of this directory apart: the files that it shows, so that nobody has
# to type them; for the tests, its commands and what they print.

set -eu

me=${0##*/}

usage()
{
	cat <<END
Usage: $me [--commands] TEXT.rst DIR

Writes to DIR the files that the text shows: blocks with a :name:. Blocks of the
same name are one file, in the order of the text.

  --commands  instead of the files, the commands after "\$ " in console blocks:
              DIR/NUMBER.cmd, the output that is shown in DIR/NUMBER.want, and the
              command's line in the text in DIR/NUMBER.line
END
}

what=files
case ${1:-} in
-h | --help)
	usage
	exit 0
	;;
--commands)
	what=commands
	shift
	;;
esac
if [ $# -ne 2 ] || [ ! -r "$1" ]; then
	usage >&2
	exit 2
fi
mkdir -p "$2"

awk -v what="$what" -v dir="$2" '
# Where a line of a block belongs to; "" if it is of no interest
function target(line)
{
	if (lang != "console")
		return what == "files" && name ? dir "/" name : ""
	if (what == "files")
		return ""
	if (line ~ /^\$ /)
		begin_command()
	else if (!more)
		return n ? stem ".want" : ""
	more = line ~ /\\$/
	return stem ".cmd"
}

function begin_command()
{
	stem = sprintf("%s/%03d", dir, ++n)
	print NR >(stem ".line")
	printf "" >(stem ".want")
}

function put(line, file)
{
	file = target(line)
	if (!file)
		return
	if (lang == "console" && file ~ /cmd$/)
		sub(/^\$ /, "", line)
	if (!(file in seen) && file ~ /\/.*\//)
		system("mkdir -p \"$(dirname \"" file "\")\"")
	seen[file] = 1
	print line >file
}

/^\.\. code-block:: / { on = 1; lang = $3; name = ""; blank = 0; more = 0; begun = 0; next }
# The next piece of a file is some way below the one before.
on && /^\t:name: / { name = $2; if (pieces[name]++) put(""); next }
on && /^$/ { blank += begun; next }
on && /^\t/ {
	for (; blank; blank--)
		put("")
	begun = 1
	put(substr($0, 2))
	next
}
{ on = 0 }' "$1"
