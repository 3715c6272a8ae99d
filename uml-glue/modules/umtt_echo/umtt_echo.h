/* SPDX-License-Identifier: (GPL-2.0 OR BSD-3-Clause) */
/*
 * What the echo test device and its driver say to each other
 *
 * A request names a latency, and comes back that much simulated time later,
 * with its payload. Both request queues work alike. All is little-endian.
 */
#ifndef UMTT_ECHO_H
#define UMTT_ECHO_H

#include <linux/types.h>

/* The highest device id that a virtio device on PCI can have */
#define UMTT_ECHO_VIRTIO_ID	63

#define UMTT_ECHO_NR_QUEUES	2

#define UMTT_ECHO_MAGIC		0x6f686365	/* "echo" */
#define UMTT_ECHO_VERSION	1

/**
 * struct umtt_echo_config - the configuration space
 * @magic: %UMTT_ECHO_MAGIC
 * @version: %UMTT_ECHO_VERSION
 * @kick_latency_ns: how long after a kick the device takes requests
 */
struct umtt_echo_config {
	__le32 magic;
	__le32 version;
	__le64 kick_latency_ns;
};

/**
 * struct umtt_echo_req - start of the part that the device reads
 * @latency_ns: time from @t_start to @t_done of the response
 * @cookie: of the driver's choice
 *
 * The payload, of any length, follows.
 */
struct umtt_echo_req {
	__le64 latency_ns;
	__le64 cookie;
};

#define UMTT_ECHO_OK		0
#define UMTT_ECHO_BAD_REQUEST	1

/**
 * struct umtt_echo_resp - start of the part that the device writes
 * @cookie: of the request
 * @t_start: simulated time at which the device took the request, in ns: the
 *	     kick latency after its kick, or sooner if the device was about to
 *	     look for an earlier kick
 * @t_done: simulated time at which it completed the request, in ns
 * @status: %UMTT_ECHO_OK or %UMTT_ECHO_BAD_REQUEST
 * @payload_len: how much payload follows, as much as there was room for
 *
 * Requests complete in the order of @t_done, those with the same in the order
 * in which they came.
 */
struct umtt_echo_resp {
	__le64 cookie;
	__le64 t_start;
	__le64 t_done;
	__le32 status;
	__le32 payload_len;
};

#endif /* UMTT_ECHO_H */
