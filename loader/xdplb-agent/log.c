// SPDX-License-Identifier: BSD-2-Clause
/*
 * Lines to stderr, not too many of them.
 */
#include "log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "clocks.h"

#define LINE_MAX_BYTES 1024 /* less than PIPE_BUF: lines are never mixed up */

static struct {
	uint64_t full_at; /* ms: when the bucket is full again; later by LOG_COST with each line */
	unsigned long left_out;
} limit;

#define LOG_COST (1000 / LOG_SECOND)

static void write_line(int priority, const char *format, va_list args)
{
	/* A reader of the log that hangs must not stop the agent: what does not fit is lost. */
	struct pollfd room = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[LINE_MAX_BYTES];
	size_t at = 0;
	int length;

	if (getenv("JOURNAL_STREAM"))
		at = (size_t)snprintf(line, sizeof(line), "<%d>", priority);
	else
		at = (size_t)snprintf(line, sizeof(line), "xdplb-agent: ");
	length = vsnprintf(line + at, sizeof(line) - at - 1, format, args);
	if (length < 0)
		return;
	at += (size_t)length;
	if (at > sizeof(line) - 2)
		at = sizeof(line) - 2;
	line[at++] = '\n';
	if (poll(&room, 1, 0) == 1 && room.revents & POLLOUT && write(STDERR_FILENO, line, at) < 0)
		return;
}

void log_line(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(priority, format, args);
	va_end(args);
}

void log_lines(int priority, const char *text)
{
	while (text && *text) {
		size_t length = strcspn(text, "\n");

		log_line(priority, "%.*s", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

static bool take_room(void)
{
	uint64_t now = clock_ms();

	if (limit.full_at < now)
		limit.full_at = now;
	if (limit.full_at - now >= LOG_BURST * LOG_COST)
		return false;
	limit.full_at += LOG_COST;
	return true;
}

void log_tick(void)
{
	if (!limit.left_out || !take_room())
		return;
	log_line(LOG_NOTICE, "%lu more lines were left out", limit.left_out);
	limit.left_out = 0;
}

void log_event(int priority, const char *format, ...)
{
	va_list args;

	log_tick();
	if (!take_room()) {
		limit.left_out++;
		return;
	}
	va_start(args, format);
	write_line(priority, format, args);
	va_end(args);
}
