/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-or-later */
/* One line per event on stderr, tagged with the object it is about. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "types.h"

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DBG };

/**
 * log_set_level() - print messages up to and including @level
 * @level: LOG_WARN is what a user sees without options
 */
void log_set_level(enum log_level level);

/**
 * log_set_raw() - a terminal on stderr does not begin lines at their beginning
 */
void log_set_raw(int raw);

/** log_newline() - what ends a line on stderr */
const char *log_newline(void);

/**
 * log_enabled() - would a message of @level be printed
 */
int log_enabled(enum log_level level);

/**
 * log_msg() - print "umtt: TAG: text" as one line on stderr
 * @level: see log_set_level()
 * @tag: the object: a device, client, node or file; NULL for umtt itself
 * @fmt: printf format, without the final newline
 *
 * errno is preserved. When stderr is full and is not read for a second, lines
 * are lost until it is; their number is printed then.
 */
void log_msg(enum log_level level, const char *tag, const char *fmt, ...)
	__printf(3, 4);

#define log_err(tag, ...)	log_msg(LOG_ERR, tag, __VA_ARGS__)
#define log_warn(tag, ...)	log_msg(LOG_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...)	log_msg(LOG_INFO, tag, __VA_ARGS__)
#define log_dbg(tag, ...)						\
	do {								\
		if (log_enabled(LOG_DBG))				\
			log_msg(LOG_DBG, tag, __VA_ARGS__);		\
	} while (0)

#endif
