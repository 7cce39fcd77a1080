/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent says: a line an event, to stderr. Under systemd each line begins with its priority,
 * as sd-daemon(3) has it.
 */
#ifndef XDPLB_AGENT_LOG_H
#define XDPLB_AGENT_LOG_H

#include <syslog.h> /* LOG_ERR ... LOG_INFO */

/* Lines of log_event(): so many at once, and so many a second in the long run. */
#define LOG_BURST  100
#define LOG_SECOND 10

/* What happens seldom: always written. */
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each line of a text that may hold several. */
void log_lines(int priority, const char *text);

/*
 * What may happen a hundred times a second: more than the above are left out, and how many is said
 * as soon as there is room again.
 */
void log_event(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what was left out, if there is room; to be called every second or so. */
void log_tick(void);

#endif
