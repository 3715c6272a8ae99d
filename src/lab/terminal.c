// SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later
/* The terminal that umtt was started on: raw for a while, then as it was. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../base/log.h"
#include "strvec.h"
#include "terminal.h"

int terminal_find(struct terminal *t)
{
	char name[256];

	memset(t, 0, sizeof(*t));
	if (tcgetattr(STDIN_FILENO, &t->saved) < 0 ||
	    ttyname_r(STDIN_FILENO, name, sizeof(name)) != 0)
		return -ENOTTY;
	t->path = xstrdup(name);
	return 0;
}

int terminal_raw(struct terminal *t)
{
	struct termios tio = t->saved;

	cfmakeraw(&tio);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &tio) < 0)
		return -errno;
	t->raw = true;
	/* What comes from us must begin its lines at their beginning. */
	log_set_raw(isatty(STDERR_FILENO));
	return 0;
}

void terminal_restore(struct terminal *t)
{
	if (!t->raw)
		return;
	tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	t->raw = false;
	log_set_raw(false);
}

void terminal_rescue(const struct terminal *t)
{
	int fd;

	if (!t || !t->path)
		return;
	fd = open(t->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	tcsetattr(fd, TCSANOW, &t->saved);
	close(fd);
}

void terminal_size(u16 *rows, u16 *cols)
{
	struct winsize ws = { 0 };

	(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &ws);
	*rows = ws.ws_row;
	*cols = ws.ws_col;
}

void terminal_fini(struct terminal *t)
{
	free(t->path);
	t->path = NULL;
}
