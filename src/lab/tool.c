// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* Programs of the host that work for umtt before and after a run. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "strvec.h"
#include "tool.h"

int tool_run(char *const *argv, int in, int out)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		/* umtt lives without it; the pipes of a script do not. */
		signal(SIGPIPE, SIG_DFL);
		if (in >= 0)
			dup2(in, STDIN_FILENO);
		dup2(out >= 0 ? out : STDERR_FILENO, STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(TOOL_MISSING);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

int tool_output(char *const *argv, int in, char **out, size_t *len)
{
	int fd = memfd_create("output", MFD_CLOEXEC), ret;
	struct stat st;
	ssize_t n;

	*out = NULL;
	if (fd < 0)
		return -errno;
	ret = tool_run(argv, in, fd);
	if (ret >= 0 && fstat(fd, &st) < 0)
		ret = -errno;
	if (ret >= 0) {
		*out = xcalloc(1, (size_t)st.st_size + 1);
		n = pread(fd, *out, (size_t)st.st_size, 0);
		*len = n > 0 ? (size_t)n : 0;
	}
	close(fd);
	return ret;
}

bool tool_exists(const char *name)
{
	const char *path = getenv("PATH");
	char *dirs = xstrdup(path ? path : "/usr/bin:/bin"), *dir, *rest = dirs;
	bool found = false;
	char *file;

	while (!found && (dir = strsep(&rest, ":"))) {
		file = xasprintf("%s/%s", dir, name);
		found = access(file, X_OK) == 0;
		free(file);
	}
	free(dirs);
	return found;
}
