// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load health check, health agent: asking the node's xdplb-agent.
 */
#include "cmd_health.h"

#include <stdio.h>

#include "show/agent_call.h"

#define AGENT_WAIT_MS 3000
/* What the agent may take beyond the time it is given for the answers. */
#define REPLY_SPARE_MS 1000

static const char *text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? text : "-";
}

static double number_of(const json_t *json, const char *key)
{
	return json_number_value(json_object_get(json, key));
}

static void print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	putchar('\n');
}

static void print_answer(const json_t *answer)
{
	printf("%-20s %-14s %-14s %-26s ", text_of(answer, "backend"), text_of(answer, "node"),
	       text_of(answer, "check"), text_of(answer, "address"));
	if (json_is_true(json_object_get(answer, "answered")))
		printf("%-8s %-14s %8.1f ms %8.1f ms\n", text_of(answer, "state"),
		       text_of(answer, "cause"), number_of(answer, "took_seconds") * 1e3,
		       number_of(answer, "after_seconds") * 1e3);
	else
		puts("no answer");
}

int health_check(const struct command_line *line, const char *node)
{
	unsigned int wait_ms = line->options.wait_ms;
	struct error error = { 0 };
	json_t *request, *reply, *answers, *answer;
	size_t i, silent = 0;
	int err;

	if (line->word_count != 2) {
		complain("health check takes a service");
		return EXIT_USAGE;
	}
	request = json_pack("{s:s, s:s, s:I}", "ask", "check", "service", line->words[1], "wait_ms",
			    (json_int_t)wait_ms);
	err = agent_call(node, request, wait_ms + REPLY_SPARE_MS, &reply, &error);
	json_decref(request);
	if (err)
		return complain("%s", error.text);
	answers = json_object_get(reply, "answers");
	if (line->json)
		print_json(answers);
	else
		printf("%-20s %-14s %-14s %-26s %-8s %-14s %11s %11s\n", "backend", "node", "check",
		       "address", "state", "cause", "took", "after");
	json_array_foreach(answers, i, answer)
	{
		silent += !json_is_true(json_object_get(answer, "answered"));
		if (!line->json)
			print_answer(answer);
	}
	json_decref(reply);
	return silent ? EXIT_FAILED : EXIT_DONE;
}

static void print_checks(const json_t *checks)
{
	const json_t *check, *last;
	size_t i;

	if (json_array_size(checks))
		printf("\n%-20s %-14s %-6s %-26s %-8s %-14s %s\n", "backend", "check", "type",
		       "address", "state", "cause", "last result");
	json_array_foreach(checks, i, check)
	{
		last = json_object_get(check, "last");
		printf("%-20s %-14s %-6s %-26s %-8s %-14s ", text_of(check, "backend"),
		       text_of(check, "check"), text_of(check, "type"), text_of(check, "address"),
		       text_of(check, "state"), text_of(check, "cause"));
		if (json_is_true(json_object_get(check, "stopped")))
			printf("stopped: no access node wants it\n");
		else if (last)
			printf("%s, took %.1f ms, %.1f s ago %s\n", text_of(last, "cause"),
			       number_of(last, "took_seconds") * 1e3,
			       number_of(last, "age_seconds"),
			       json_string_value(json_object_get(last, "detail")));
		else
			puts("none yet");
	}
}

static void print_object(const char *title, const json_t *object)
{
	const json_t *value;
	const char *key;

	if (!json_object_size(object))
		return;
	printf("%s:", title);
	json_object_foreach((json_t *)object, key, value) if (json_is_integer(value))
		printf(" %s %lld", key, (long long)json_integer_value(value));
	putchar('\n');
}

static void print_reporters(const json_t *reporters)
{
	const json_t *reporter;
	size_t i;

	json_array_foreach(reporters, i, reporter)
	{
		char *text = json_dumps(reporter, JSON_COMPACT | JSON_REAL_PRECISION(3));

		printf("reporter %s\n", text ? text : "?");
		free(text);
	}
}

int health_agent(const struct command_line *line, const char *node)
{
	json_t *request, *reply, *sharing;
	struct error error = { 0 };
	int err;

	if (line->word_count != 1) {
		complain("health agent takes nothing more");
		return EXIT_USAGE;
	}
	request = json_pack("{s:s}", "ask", "status");
	err = agent_call(node, request, AGENT_WAIT_MS, &reply, &error);
	json_decref(request);
	if (err)
		return complain("%s", error.text);
	if (line->json) {
		print_json(reply);
	} else {
		printf("agent of %s, cluster %s: %s\n", text_of(reply, "node"),
		       text_of(reply, "cluster"), text_of(reply, "status"));
		sharing = json_object_get(reply, "sharing");
		print_object("next hops", json_object_get(reply, "next_hops"));
		print_object("datagrams", sharing);
		print_object("refused", json_object_get(sharing, "refused"));
		print_reporters(json_object_get(reply, "reporters"));
		print_checks(json_object_get(reply, "checks"));
	}
	json_decref(reply);
	return EXIT_DONE;
}
