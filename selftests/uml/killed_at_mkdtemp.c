// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Preloaded into umtt run: it is killed as soon as its directory has been made. */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static pid_t umtt;

static void __attribute__((constructor)) begin(void)
{
	umtt = getpid();
}

char *mkdtemp(char *template)
{
	char *(*real)(char *) = (char *(*)(char *))dlsym(RTLD_NEXT, "mkdtemp");
	char *made = real(template);

	kill(umtt, SIGKILL);
	return made;
}
