// SPDX-License-Identifier: GPL-2.0
/*
 * Makes this host look like one with AMX to a User-Mode Linux kernel
 *
 * Preloaded, it gives ptrace() an XSAVE area of 11008 bytes: the real one, and
 * a tail that must come back the way it was handed out. A kernel that assumes
 * another size dies as it would on such a CPU, "failed, errno = 14"; one that
 * loses part of the area is stopped here.
 *
 *   gcc -shared -fPIC -o amx-host.so amx-host.c
 *   LD_PRELOAD=$PWD/amx-host.so ./linux ...
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

#define NT_X86_XSTATE	0x202
#define AMX_SIZE	11008
#define TAIL		0xa5

typedef long ptrace_fn(int, ...);

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static long get(ptrace_fn *real, pid_t pid, struct iovec *iov)
{
	size_t len = min(iov->iov_len, AMX_SIZE);
	long ret = real(PTRACE_GETREGSET, pid, NT_X86_XSTATE, iov);

	if (ret < 0)
		return ret;
	memset((char *)iov->iov_base + iov->iov_len, TAIL, len - iov->iov_len);
	iov->iov_len = len;
	return 0;
}

static long set(ptrace_fn *real, pid_t pid, struct iovec *iov)
{
	static size_t host_size;
	const unsigned char *area = iov->iov_base;
	char buf[AMX_SIZE];

	if (iov->iov_len != AMX_SIZE) {
		errno = EFAULT;
		return -1;
	}
	if (!host_size) {
		struct iovec now = { buf, sizeof(buf) };

		if (real(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &now) < 0)
			return -1;
		host_size = now.iov_len;
	}
	for (size_t i = host_size; i < AMX_SIZE; i++) {
		if (area[i] != TAIL) {
			fprintf(stderr, "amx-host: byte %zu of the XSAVE area got lost\n", i);
			abort();
		}
	}
	return real(PTRACE_SETREGSET, pid, NT_X86_XSTATE,
		    &(struct iovec){ iov->iov_base, host_size });
}

long ptrace(enum __ptrace_request request, ...)
{
	ptrace_fn *real = (ptrace_fn *)dlsym(RTLD_NEXT, "ptrace");
	void *addr, *data;
	va_list ap;
	pid_t pid;

	va_start(ap, request);
	pid = va_arg(ap, pid_t);
	addr = va_arg(ap, void *);
	data = va_arg(ap, void *);
	va_end(ap);

	if (addr == (void *)NT_X86_XSTATE && request == PTRACE_GETREGSET)
		return get(real, pid, data);
	if (addr == (void *)NT_X86_XSTATE && request == PTRACE_SETREGSET)
		return set(real, pid, data);
	return real(request, pid, addr, data);
}
