// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* A back-end that the suite starts itself, and again whenever it has ended. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target.h"

static pid_t pid;

static void wait_for_socket(void)
{
	u64 end = now_ms() + PATIENCE;
	struct stat sb;

	while (stat(opt.socket, &sb) < 0 && now_ms() < end)
		sleep_ms(2);
}

void exec_start(void)
{
	if (!opt.exec || pid)
		return;
	unlink(opt.socket);
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		broken("fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		/* KTAP is all that goes to the standard output. */
		dup2(STDERR_FILENO, STDOUT_FILENO);
		setenv("VU_SOCKET", opt.socket, 1);
		execl("/bin/sh", "sh", "-c", opt.exec, (char *)NULL);
		_exit(127);
	}
	wait_for_socket();
}

const char *exec_look(void)
{
	static char how[80];
	int status;

	if (!pid || waitpid(pid, &status, WNOHANG) != pid)
		return NULL;
	pid = 0;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) > 128)
		snprintf(how, sizeof(how), "was killed by signal %d (%s)",
			 WEXITSTATUS(status) - 128,
			 strsignal(WEXITSTATUS(status) - 128));
	else if (WEXITSTATUS(status))
		snprintf(how, sizeof(how), "exited with status %d",
			 WEXITSTATUS(status));
	else
		return NULL;
	return how;
}

bool exec_running(void)
{
	return !opt.exec || pid;
}

void exec_stop(void)
{
	if (!pid)
		return;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	pid = 0;
}
