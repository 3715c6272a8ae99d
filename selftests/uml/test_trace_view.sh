#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Pictures of a trace: a real run as a web page and for Perfetto. Those that need
# protoc, or a browser, are skipped without it.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# A node that would like to be a web page, too
cat >say.sh <<'END'
printf '</script><script>document.title = "owned"</script>\001\377\n'
ping -c 3 -i 0.1 10.0.0.2
END

traced()
{
	works --node 2 --trace trace -- sh say.sh
}

# made FORMAT: the same again from the same trace
made()
{
	umtt trace --format "$1" --out "one.$1" trace 2>"$work/err" &&
	umtt trace --format "$1" trace >"two.$1" && cmp "one.$1" "two.$1"
}

# nr KIND...: how many such records there are
nr()
{
	umtt trace trace --kind "$1" | wc -l
}

# Of Perfetto's messages, what is used here
cat >trace.proto <<'END'
syntax = "proto2";
message Trace { repeated Packet packet = 1; }
message Packet {
  optional uint64 timestamp = 8;
  optional uint32 sequence = 10;
  optional Event event = 11;
  optional uint32 flags = 13;
  optional Track track = 60;
}
message Event {
  repeated Annotation annotation = 4;
  enum Type { BEGIN = 1; END = 2; INSTANT = 3; COUNTER = 4; }
  optional Type type = 9;
  optional uint64 track = 11;
  optional string category = 22;
  optional string name = 23;
  optional int64 counter = 30;
  repeated fixed64 flow = 47;
  repeated fixed64 last_flow = 48;
}
message Annotation {
  optional uint64 uint = 3;
  optional string string = 6;
  optional string name = 10;
}
message Track {
  optional uint64 uuid = 1;
  optional string name = 2;
  optional Process process = 3;
  optional uint64 parent = 5;
  message Counter { optional uint32 unit = 3; }
  optional Counter counter = 8;
  optional uint32 ordering = 11;
  optional uint32 rank = 12;
}
message Process {
  optional uint32 pid = 1;
  optional string name = 6;
}
END

# lines PATTERN: how many protoc finds in it
lines()
{
	grep -c "^ *$1" decoded
}

perfetto_has_all()
{
	protoc --decode=Trace trace.proto <one.perfetto >decoded &&
	equal "fields that are not known" "$(lines '[0-9][0-9]*[: ]')" 0 &&
	equal "ends of slices" "$(lines 'type: END')" "$(lines 'type: BEGIN')" &&
	equal kicks "$(lines 'category: "kick"')" "$(nr kick)" &&
	equal requests "$(lines 'category: "request"')" "$(nr pop)" &&
	equal interrupts "$(lines 'category: "interrupt"')" "$(nr call)" &&
	equal frames "$(lines 'category: "frame"')" "$(nr frame-tx)" &&
	equal "what was said" "$(lines 'category: "console"')" "$(nr console)" &&
	equal "ends of arrows" "$(lines 'last_flow: ')" "$(lines 'flow: ')"
}

page_is_alone()
{
	equal "scripts" "$(grep -c '<script' one.html)" 5 &&
	equal "what is fetched" "$(grep -cE 'src=|href=|fetch\(|import ' one.html)" 0
}

# Its script ran to the end, and no other one did.
page_runs()
{
	# A browser that is as root has no sandbox; a snap has no other home.
	HOME=$work timeout 60 "$browser" --headless --no-sandbox --disable-gpu \
		--user-data-dir="$work/profile" --virtual-time-budget=10000 \
		--dump-dom "file://$work/one.html" >dom 2>browser.log
	sed -n 's/.*\(<html[^>]*>\).*/\1/p' dom
	grep -q '<html[^>]*data-ready="[1-9][0-9]* items, [1-9]' dom &&
	! grep -q 'data-error' dom && grep -q '<title>umtt trace</title>' dom
}

# What is left when the browser is: its crash handler goes a little later.
browser_gone()
{
	rm -rf "$work/profile" "$work/.config" "$work/.cache" "$work/.pki"
	find "$TMPDIR" -mindepth 1 -delete
}

begin 6
check a_run_is_traced traced
check perfetto_is_the_same_each_time made perfetto
if command -v protoc >/dev/null; then
	check perfetto_has_all_that_happened perfetto_has_all
else
	skip perfetto_has_all_that_happened "no protoc"
fi
check html_is_the_same_each_time made html
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$browser" ]; then
	check the_page_runs_and_only_it page_runs
	browser_gone
else
	skip the_page_runs_and_only_it "no chromium"
fi
check the_page_needs_nothing_else page_is_alone
finish
