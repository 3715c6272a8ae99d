#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
#
# Mistakes that umtt run must tell about before anything is started: in a lab
# file with file, line and key, otherwise with the option, in one line.

# shellcheck disable=SC2317	# functions are called by check()
# shellcheck source=selftests/uml/lib.sh
. "$(dirname "$0")/lib.sh"

# one_line PATTERN: that is all of stderr, status 125, and nothing was printed
one_line()
{
	equal "exit status" "$status" 125 && equal "lines" "$(wc -l <err)" 1 &&
		equal stdout "$(cat out)" "" && said "^umtt: $1"
}

# in_file NAME LINE PATTERN: the mistake in the lab file on stdin
in_file()
{
	cat >lab.yaml
	run lab.yaml
	one_line "lab.yaml:$1: $2"
}

# whole_file PATTERN: the lab file on stdin is none
whole_file()
{
	cat >lab.yaml
	run lab.yaml
	one_line "$1"
}

wrong_file()
{
	run "$2"
	one_line "$1"
}

# in_device OPTIONS PATTERN: the mistake in the options of a port
in_device()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: a
	    command: true
	    devices: [rng, "net,$1"]
	END
	run lab.yaml
	one_line "(lab.yaml:4: .*|a.net0: )$2"
}

no_command_in_file()
{
	cat >lab.yaml <<-END
	nodes:
	  - name: a
	END
	run lab.yaml
	one_line "lab.yaml: .*no command.*'nodes\[0\]\.command', or -- COMMAND"
}

no_command()
{
	run --
	one_line "there is no COMMAND after --"
}

# usage PATTERN ARGS...: of the options, all by themselves
usage()
{
	pattern=$1
	shift
	umtt run "$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	one_line "$pattern"
}

# wrong PATTERN ARGS...: run them; COMMAND would succeed
wrong()
{
	pattern=$1
	shift
	run "$@" -- true
	one_line "$pattern"
}

begin 71

check unknown_key in_file 3 "key 'nodes\[0\]\.comand': there is no such key; .*command" <<END
nodes:
  - name: a
    comand: true
END
check unknown_key_at_the_top in_file 1 "key 'node': there is no such key; .*nodes" <<END
node:
  - name: a
END
check unknown_key_of_a_link in_file 3 "key 'links\[0\]\.delay': there is no such key; .*latency" <<END
links:
  - name: lan
    delay: 1ms
nodes:
  - name: a
    command: true
END
check no_nodes in_file 1 "key 'nodes' is missing" <<END
links:
  - name: lan
END
check empty_list_of_nodes in_file 1 "key 'nodes': there must be at least one" <<END
nodes: []
END
check no_name in_file 2 "key 'nodes\[0\]': key 'name' is missing" <<END
nodes:
  - command: true
END
check bad_name in_file 2 "key 'nodes\[0\]\.name': 'a b' cannot be a name" <<END
nodes:
  - name: a b
    command: true
END
check path_as_name in_file 2 "key 'nodes\[0\]\.name': '../a' cannot be a name" <<END
nodes:
  - name: ../a
    command: true
END
check two_nodes_of_one_name in_file 4 "key 'nodes\[1\]\.name': nodes\[0\] is called 'a'" <<END
nodes:
  - name: a
    command: true
  - name: a
END
check two_links_of_one_name in_file 3 "key 'links\[1\]\.name': links\[0\] is called 'lan'" <<END
links:
  - name: lan
  - name: lan
nodes:
  - name: a
    command: true
END
check no_command_to_end_with no_command_in_file
check list_expected in_file 4 "key 'nodes\[0\]\.devices': a list is expected" <<END
nodes:
  - name: a
    command: true
    devices: net
END
check string_expected in_file 2 "key 'nodes\[0\]\.name': a single value is expected" <<END
nodes:
  - name: [a]
    command: true
END
check mapping_expected in_file 2 "key 'nodes\[0\]': keys and values are expected" <<END
nodes:
  - a
END
check command_is_a_mapping in_file 3 "key 'nodes\[0\]\.command': a string or a list" <<END
nodes:
  - name: a
    command: {run: true}
END
check kernel_and_kdir in_file 2 "key 'kdir': key 'kernel' is a kernel that is built already" <<END
kernel: $linux
kdir: /
nodes: [{ name: a, command: "true" }]
END
check kernel_and_config in_file 4 "key 'nodes\[0\]\.config': key 'kernel' is a kernel" <<END
nodes:
  - name: a
    kernel: $linux
    config: [a.config]
    command: "true"
END
check no_fragment in_file 3 "key 'nodes\[0\]\.config\[1\]': there is no file nowhere" <<END
nodes:
  - name: a
    config: [/dev/null, nowhere]
    command: "true"
END
check kasan_or_not in_file 1 "key 'kasan': 'maybe' is neither true nor false" <<END
kasan: maybe
nodes: [{ name: a, command: "true" }]
END
check kernel_args_nested in_file 4 "key 'nodes\[0\]\.kernel-args': a string or a list" <<END
nodes:
  - name: a
    command: true
    kernel-args: [quiet, [a]]
END
check memory_no_size in_file 4 "key 'nodes\[0\]\.memory': 'lots' is not a size" <<END
nodes:
  - name: a
    command: true
    memory: lots
END
check memory_too_little in_file 4 "key 'nodes\[0\]\.memory': '64k' is out of range" <<END
nodes:
  - name: a
    command: true
    memory: 64k
END
check unknown_device in_file 4 "key 'nodes\[0\]\.devices\[1\]': there is no device type 'nett'; .*net" <<END
nodes:
  - name: a
    command: true
    devices: [rng, "nett,link=lan"]
END
check missing_module in_file 4 "key 'nodes\[0\]\.modules\[0\]': there is no file ./no.ko" <<END
nodes:
  - name: a
    command: true
    modules: [./no.ko]
END
check wait_neither_true_nor_false in_file 4 "key 'nodes\[0\]\.wait': 'maybe' is neither" <<END
nodes:
  - name: a
    command: true
    wait: maybe
END
check first_node_is_waited_for in_file 4 "key 'nodes\[0\]\.wait': the lab always waits" <<END
nodes:
  - name: a
    command: true
    wait: no
END
check nothing_to_wait_for in_file 5 "key 'nodes\[1\]\.wait': there is no command" <<END
nodes:
  - name: a
    command: true
  - name: b
    wait: yes
END
check latency_no_time in_file 3 "key 'links\[0\]\.latency': 'soon' is not a time" <<END
links:
  - name: lan
    latency: soon
nodes:
  - name: a
    command: true
END
check bandwidth_no_rate in_file 4 "key 'links\[0\]\.bandwidth': 'fast' is not a rate" <<END
links:
  - name: lan
    latency: 1ms
    bandwidth: fast
nodes:
  - name: a
    command: true
END
check loss_no_probability in_file 3 "key 'links\[0\]\.loss': '200%' is not a probability" <<END
links:
  - name: lan
    loss: 200%
nodes:
  - name: a
    command: true
END
check seed_no_number in_file 1 "key 'seed': '-1' is not a number" <<END
seed: -1
nodes:
  - name: a
    command: true
END
check key_given_twice in_file '[23]' "key 'seed': is given twice" <<END

seed: 1
seed: 2
nodes:
  - name: a
    command: true
END
check time_limit_no_time in_file 1 "key 'time-limit': 'never' is not a time" <<END
time-limit: never
nodes:
  - name: a
    command: true
END
check tod_no_date in_file 1 "key 'tod': 'noon' is not a time of day" <<END
tod: noon
nodes:
  - name: a
    command: true
END
check no_kernel_file in_file 1 "key 'kernel': there is no file /no/linux" <<END
kernel: /no/linux
nodes:
  - name: a
    command: true
END
check no_root_directory in_file 1 "key 'root': there is no directory /no/root" <<END
root: /no/root
nodes:
  - name: a
    command: true
END
check quote_not_closed in_file 4 "not YAML" <<END
nodes:
  - name: "a
    command: true
END
tab=$(printf '\t')
check tab_for_indentation in_file 2 "not YAML" <<END
nodes:
$tab- name: a
END
check no_such_alias in_file 3 "not YAML" <<END
nodes:
  - name: a
    command: *x
END

# A device's own options: they are checked when it is made, under its name.
check device_option in_device bogus=1 "device type 'net' has no option 'bogus'"
check device_ip_without_length in_device ip=10.0.0.1 "option ip=10.0.0.1: not an address"
check device_ip_no_address in_device ip=ten/8 "option ip=ten/8: not an address"
check device_gateway in_device ip=10.0.0.1/8,gw=x "option gw=x: not an address"
check device_mac in_device mac=1:2:3 "option mac=1:2:3: not the address"
check device_kick_latency in_device kick-latency=-1s "option kick-latency=-1s: not a time"
check device_option_twice in_device mtu=1500,mtu=1400 "option mtu is given twice"

check not_yaml_but_text whole_file "lab.yaml: not a lab" <<END
once upon a time
END
check empty_file whole_file "lab.yaml: not a lab" </dev/null
check file_missing wrong_file "no.yaml: No such file" no.yaml
mkdir dir.yaml
check file_is_a_directory wrong_file "dir.yaml: Is a directory" dir.yaml
check command_without_dashes wrong_file "there is no lab file 'true'; a COMMAND goes after --" true

directory_gone()
{
	mkdir gone
	status=$(cd gone && rmdir "$work/gone" && run --report report -- true
		echo "$status")
	one_line "the current directory is gone: "
}

check directory_gone directory_gone
check unknown_option usage "unrecognized option '--nodes-of-lab'" --nodes-of-lab -- true
check nothing_to_run usage "nothing to run"
check node_0 usage "--node 0: " --node 0 -- true
check node_no_number usage "--node two: " --node two -- true
check node_and_lab_file usage "--node is for runs without a lab file" --node 2 lab.yaml
check cpu_no_number usage "--cpu x: " --cpu x -- true
check cpu_not_there wrong "cannot run on CPU 4095: .*--cpu none" --cpu 4095
check no_command_behind_dashes no_command
check mem_no_size wrong "--mem much: not a size" --mem much
check seed_option wrong "--seed x: not a number" --seed x
check time_limit_option wrong "--time-limit 0: not a time" --time-limit 0
check wall_limit_option wrong "--wall-limit soon: not a time" --wall-limit soon
check kernel_missing wrong "--kernel /no/linux: not a file" --kernel /no/linux
check kernel_is_no_kernel wrong "/.*: not a User-Mode Linux kernel" --kernel /bin/true
check module_missing wrong "--module ./no.ko: not a file" --module ./no.ko
check root_missing wrong "--root /no/root: not a directory" --root /no/root
check device_unknown wrong "--device nett: there is no device type 'nett'" --device nett
check link_option wrong "lan: option latency=x: not a time" --link lan,latency=x
check link_option_unknown wrong "lan: a link has no option 'delay'" --link lan,delay=1ms
finish
