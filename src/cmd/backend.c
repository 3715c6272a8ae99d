// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* What programs that start vhost-user back-ends expect of every one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "../base/log.h"
#include "../dev/bus.h"
#include "../ring/listen.h"
#include "backend.h"
#include "cmd.h"

/* Those that vhost-user.json has a name for; no other name is allowed there. */
static const char *const type_names[] = {
	[VIRTIO_ID_NET] = "net",
	[VIRTIO_ID_BLOCK] = "block",
	[VIRTIO_ID_CONSOLE] = "console",
	[VIRTIO_ID_RNG] = "rng",
	[VIRTIO_ID_BALLOON] = "balloon",
	[VIRTIO_ID_RPMSG] = "rpmsg",
	[VIRTIO_ID_SCSI] = "scsi",
	[VIRTIO_ID_9P] = "9p",
	[VIRTIO_ID_RPROC_SERIAL] = "rproc-serial",
	[VIRTIO_ID_CAIF] = "caif",
	[VIRTIO_ID_GPU] = "gpu",
	[VIRTIO_ID_INPUT] = "input",
	[VIRTIO_ID_VSOCK] = "vsock",
	[VIRTIO_ID_CRYPTO] = "crypto",
	[VIRTIO_ID_FS] = "fs",
};

static const char *type_name(int virtio_id)
{
	return virtio_id >= 0 && virtio_id < (int)ARRAY_SIZE(type_names) ?
		type_names[virtio_id] : NULL;
}

/*
 * There are features in the schema for block, gpu and input alone, and each is
 * an option of the program, none of which this one has.
 */
int backend_capabilities(const char *spec)
{
	char *type = spec ? strndup(spec, strcspn(spec, ",")) : NULL;
	int id = type ? dev_type_virtio_id(type) : -ENOENT;
	const char *name = type_name(id);

	if (!spec)
		log_err(NULL, "--print-capabilities: of which type? give --device TYPE");
	else if (id < 0)
		log_err(NULL, "--device %s: there is no such device type; 'umtt slave --help' lists them", spec);
	else if (!name)
		log_err(NULL, "--device %s: vhost-user.json has no name for virtio device id %d, so there is nothing to print",
			spec, id);
	else
		printf("{\n  \"type\": \"%s\"\n}\n", name);
	free(type);
	return name && fflush(stdout) == 0 ? 0 : EXIT_UMTT;
}

static int socket_option(int fd, int option)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return getsockopt(fd, SOL_SOCKET, option, &v, &len) < 0 ? -errno : v;
}

static bool is_connected(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	return getpeername(fd, (struct sockaddr *)&sa, &len) == 0;
}

static const char *what_is_wrong(int fd)
{
	if (fcntl(fd, F_GETFD) < 0)
		return "not an open file descriptor";
	if (socket_option(fd, SO_DOMAIN) != AF_UNIX ||
	    socket_option(fd, SO_TYPE) != SOCK_STREAM)
		return "not a stream socket of AF_UNIX";
	if (!is_listening(fd) && !is_connected(fd))
		return "neither listening nor connected";
	return NULL;
}

/* With O_NONBLOCK, accept and receive would fail in place of waiting. */
static int make_usable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int backend_take_fd(int fd, bool *connected)
{
	const char *wrong = what_is_wrong(fd);
	int ret;

	if (wrong) {
		log_err(NULL, "--fd %d: %s", fd, wrong);
		return -EINVAL;
	}
	ret = make_usable(fd);
	if (ret < 0)
		log_err(NULL, "--fd %d: %s", fd, strerror(-ret));
	*connected = !is_listening(fd);
	return ret;
}
