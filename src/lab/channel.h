/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* What umtt and the init process of a node say to each other. */
#ifndef LAB_CHANNEL_H
#define LAB_CHANNEL_H

#include <stdint.h>

/*
 * DOC: The channel
 *
 * umtt to init: the file CHANNEL_CONF of the initramfs, "key=value" strings,
 * each with a NUL behind it; a key may come several times, order matters.
 *
 * init to umtt: frames, a header and up to CHANNEL_MAX_DATA bytes, written to
 * one serial line in one write each. A frame fits the 2048 bytes to which the
 * kernel's tty layer cuts writes. One line for everything, because then the
 * order of what the command writes to stdout and stderr is kept.
 *
 * The host's end is a socket of whole messages (SOCK_SEQPACKET) or, for
 * kernels before 6.8, a pipe, so a reader must not rely on message bounds.
 */

#define CHANNEL_CONF	"/umtt.conf"
#define CHANNEL_TTY	"/dev/ttyS0"
#define CHANNEL_UML	"ssl0"

/*
 * Keys of CHANNEL_CONF:
 *
 * hostname=NAME
 * root=DIR		of the host, the root file system
 * start=NS		on the node's clock, before which the command does not start
 * arg=WORD		of the command; none: the node only idles
 * env=NAME=VALUE	of the command
 * cwd=DIR		of the command; "/" when it does not exist
 * keep=PATH		stays visible below a directory that becomes a tmpfs
 * devicetree=yes	this kernel was given one
 * gcov=yes		send the kernel's coverage when the command has ended
 * kcov=yes		send what of the kernel modules and the command reach
 * module=NAME		to load: file "moduleN" of the initramfs, N from 0 on
 * module-args=ARGS	of each module
 * net=INDEX ADDR/PLEN	address for the interface of platform device INDEX
 * gw=ADDR		default route
 * host=ADDR NAME	a line for /etc/hosts
 * keys=INDEX		the command has a terminal; what is typed comes through
 *			platform device INDEX
 */

/**
 * enum channel_kind - what a frame carries
 * @CHANNEL_OUT: bytes of the command's stdout
 * @CHANNEL_ERR: bytes of its stderr
 * @CHANNEL_COVER: path: a file of coverage begins
 * @CHANNEL_COVER_DATA: bytes of it
 * @CHANNEL_KCOV: lines of text: what was reached, see kcov.h
 * @CHANNEL_EXIT: struct channel_exit: the command has ended
 * @CHANNEL_FAIL: text: init itself could not do its work; nothing follows
 */
enum channel_kind {
	CHANNEL_OUT = 'O',
	CHANNEL_ERR = 'E',
	CHANNEL_COVER = 'C',
	CHANNEL_COVER_DATA = 'D',
	CHANNEL_KCOV = 'R',
	CHANNEL_EXIT = 'X',
	CHANNEL_FAIL = 'F',
};

#define CHANNEL_MAGIC	0xa5

/** struct channel_hdr - in front of every frame; @len bytes follow */
struct channel_hdr {
	uint8_t kind, magic;
	uint16_t len;
};

#define CHANNEL_MAX_FRAME	2048
#define CHANNEL_MAX_DATA	(CHANNEL_MAX_FRAME - sizeof(struct channel_hdr))

/**
 * struct channel_exit - payload of CHANNEL_EXIT
 * @now: the node's clock since its boot, ns
 * @status: as of a shell: the exit code, or 128 and the signal
 */
struct channel_exit {
	uint64_t now;
	uint32_t status;
	uint32_t reserved;
};

/*
 * DOC: The terminal
 *
 * A command with a terminal has one side of a pseudo-terminal, and init the
 * other. What is typed comes through a device of its own (src/dev/keys.c), a
 * stream of frames: struct channel_typed and @len bytes. init tells through the
 * same device, by struct channel_keys, whenever that has changed, whether
 * somebody waits for more.
 *
 * Output goes the way of all output, as CHANNEL_OUT.
 */

/**
 * enum channel_typed_kind - what a frame of the terminal carries
 * @CHANNEL_TYPED_KEYS: bytes as the terminal sends them
 * @CHANNEL_TYPED_SIZE: struct channel_size
 */
enum channel_typed_kind {
	CHANNEL_TYPED_KEYS = 'K',
	CHANNEL_TYPED_SIZE = 'S',
};

struct channel_typed {
	uint8_t kind, reserved;
	uint16_t len;
};

/** struct channel_size - the terminal has so many @rows and @cols */
struct channel_size {
	uint16_t rows, cols;
};

/**
 * struct channel_keys - what init says of keys
 * @got: bytes of the stream that have been passed on to the terminal
 * @waits: whoever is in the foreground waits for keys
 */
struct channel_keys {
	uint64_t got;
	uint32_t waits, reserved;
};

#endif
