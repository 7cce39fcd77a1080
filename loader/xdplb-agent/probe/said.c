// SPDX-License-Identifier: BSD-2-Clause
/*
 * The words that a server has for its own state.
 */
#include "probe/said.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "probe/kind.h"

static const struct {
	const char *word;
	enum xdplb_health_state state;
} words[] = {
	{ "up", XDPLB_HEALTH_UP },
	{ "ready", XDPLB_HEALTH_UP },
	{ "drain", XDPLB_HEALTH_DRAINING },
	{ "down", XDPLB_HEALTH_DOWN },
	{ "stopped", XDPLB_HEALTH_DOWN },
	{ "failed", XDPLB_HEALTH_DOWN },
	{ "maint", XDPLB_HEALTH_MAINTENANCE },
};

/* "0%" to "100%". */
static bool parse_percent(const char *text, size_t length, unsigned int *ret_percent)
{
	unsigned int percent = 0;

	if (length < 2 || length > 4 || text[length - 1] != '%')
		return false;
	for (size_t i = 0; i < length - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		percent = percent * 10 + (unsigned int)(text[i] - '0');
	}
	*ret_percent = percent;
	return percent <= 100;
}

static bool parse_state(const char *text, size_t length, enum xdplb_health_state *ret_state)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strlen(words[i].word) != length ||
		    strncasecmp(words[i].word, text, length) != 0)
			continue;
		*ret_state = words[i].state;
		return true;
	}
	return false;
}

static bool ends_line(char c)
{
	return c == '\n' || c == '\r' || c == '#' || !c;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

int said_parse(const char *line, size_t length, struct probe_said *ret_said)
{
	enum xdplb_health_state state = XDPLB_HEALTH_UNKNOWN;
	unsigned int percent = 100;

	for (size_t at = 0, end; at < length && !ends_line(line[at]); at = end) {
		for (end = at; end < length && !is_blank(line[end]) && !ends_line(line[end]);)
			end++;
		if (end == at) {
			end++;
			continue;
		}
		if (parse_percent(line + at, end - at, &percent)) {
			if (state == XDPLB_HEALTH_UNKNOWN)
				state = XDPLB_HEALTH_UP;
		} else if (!parse_state(line + at, end - at, &state)) {
			return -EINVAL;
		}
	}
	if (state == XDPLB_HEALTH_UP && !percent)
		state = XDPLB_HEALTH_DRAINING;
	ret_said->state = state;
	ret_said->weight = state == XDPLB_HEALTH_UP && percent < 100 ? (uint16_t)percent : 0;
	return 0;
}

void said_finish(struct probe *probe, const char *where, const char *line, size_t length)
{
	char text[SAID_LINE_MAX + 1] = "";

	if (length > SAID_LINE_MAX)
		length = SAID_LINE_MAX;
	if (line)
		memcpy(text, line, length);
	text[strcspn(text, "\r\n")] = '\0';
	if (said_parse(text, strlen(text), &probe->result.said)) {
		probe_fail(probe, XDPLB_CAUSE_WRONG_ANSWER,
			   "%s: found '%s', expected up, down, drain, maint or a percentage", where,
			   text);
		return;
	}
	probe_remark(probe, text);
	probe_succeed(probe);
}
