// SPDX-License-Identifier: BSD-2-Clause
/*
 * The engine: owns a probe's life from start to callback, its timeout included. Knows kinds by
 * their table only.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "probe/kind.h"
#include "probe/socket.h"

static const struct probe_kind *const kinds[PROBE_TYPE_COUNT] = {
	[PROBE_TCP] = &probe_tcp,   [PROBE_HTTP] = &probe_http, [PROBE_HTTPS] = &probe_http,
	[PROBE_UDP] = &probe_udp,   [PROBE_DNS] = &probe_dns,   [PROBE_ICMP] = &probe_icmp,
	[PROBE_GRPC] = &probe_grpc, [PROBE_EXEC] = &probe_exec,
};

/* Not ev_now(), which follows the wall clock. */
static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void say(struct probe *probe, const char *format, va_list args)
{
	char *at = probe->result.detail;

	vsnprintf(at, sizeof(probe->result.detail), format, args);
	/* It may hold bytes from the wire and end in a log or on a terminal. */
	for (; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = '.';
	}
}

static void finish(struct probe *probe, enum xdplb_health_cause cause)
{
	probe->finished = true;
	probe->result.cause = cause;
	probe->result.ok = cause == XDPLB_CAUSE_OK;
	probe->result.duration_us = (uint32_t)(now_us() - probe->started_us);
	/* The timer's watcher delivers, in this turn of the loop, when the caller has unwound. */
	ev_feed_event(probe->engine->loop, &probe->timer, EV_TIMER);
}

void probe_succeed(struct probe *probe)
{
	if (probe->finished)
		return;
	if (probe->result.cause != XDPLB_CAUSE_OK) /* supposed meanwhile, and wrong */
		probe->result.detail[0] = '\0';
	finish(probe, XDPLB_CAUSE_OK);
}

void probe_fail(struct probe *probe, enum xdplb_health_cause cause, const char *format, ...)
{
	va_list args;

	if (probe->finished)
		return;
	va_start(args, format);
	say(probe, format, args);
	va_end(args);
	finish(probe, cause);
}

void probe_fail_errno(struct probe *probe, int err, const char *doing)
{
	probe_fail(probe, socket_cause(err), "%s: %s", doing, strerror(-err));
}

void probe_suppose(struct probe *probe, enum xdplb_health_cause cause, const char *format, ...)
{
	va_list args;

	if (probe->finished)
		return;
	va_start(args, format);
	say(probe, format, args);
	va_end(args);
	probe->result.cause = cause;
}

static void remark(struct probe *probe, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(probe, format, args);
	va_end(args);
}

void probe_remark(struct probe *probe, const char *text)
{
	if (probe->finished)
		return;
	remark(probe, "%s", text);
	probe->result.cause = XDPLB_CAUSE_OK; /* nothing else is supposed any longer */
}

static void give_up(struct probe *probe)
{
	if (probe->result.cause == XDPLB_CAUSE_OK)
		probe_fail(probe, XDPLB_CAUSE_TIMEOUT, "%s, after %u ms", probe->doing,
			   probe->spec->timeout_ms);
	else
		finish(probe, probe->result.cause);
}

static void deliver(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct probe *probe = timer->data;
	probe_callback *callback = probe->callback;
	struct probe_result result;
	void *data = probe->data;

	if (!probe->finished)
		give_up(probe);
	result = probe->result;
	probe_cancel(probe);
	callback(data, &result);
}

struct probe *probe_start(struct probe_engine *engine, const struct probe_spec *spec,
			  probe_callback *callback, void *data)
{
	const struct probe_kind *kind = kinds[spec->type];
	struct probe *probe = calloc(1, kind->size);

	if (!probe)
		return NULL;
	probe->engine = engine;
	probe->spec = spec;
	probe->kind = kind;
	probe->callback = callback;
	probe->data = data;
	probe->doing = "starting";
	probe->result.cause = XDPLB_CAUSE_OK; /* until something else is supposed */
	probe->started_us = now_us();
	/* The loop's idea of now is as old as this turn: the timeout would be cut by as much. */
	ev_now_update(engine->loop);
	ev_timer_init(&probe->timer, deliver, spec->timeout_ms / 1e3, 0);
	/*
	 * Behind sockets: after a turn that took long, an answer that lies there since before the
	 * timeout is read first.
	 */
	ev_set_priority(&probe->timer, -1);
	probe->timer.data = probe;
	ev_timer_start(engine->loop, &probe->timer);
	kind->start(probe);
	return probe;
}

void probe_cancel(struct probe *probe)
{
	ev_timer_stop(probe->engine->loop, &probe->timer);
	probe->kind->release(probe);
	free(probe);
}

int probe_engine_new(struct ev_loop *loop, struct probe_engine **ret_engine)
{
	struct probe_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	/* Counted by libcurl: each engine has its own. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT)) {
		free(engine);
		return -ENOMEM;
	}
	engine->loop = loop;
	*ret_engine = engine;
	return 0;
}

void probe_engine_free(struct probe_engine *engine)
{
	if (!engine)
		return;
	curl_driver_free(engine->curl);
	exec_forget_all(engine);
	curl_global_cleanup();
	free(engine);
}
