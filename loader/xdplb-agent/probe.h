/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One probe: is a backend well? Started, answers once by a callback from the loop, or is cancelled.
 * Nothing here blocks: sockets are non-blocking, names are never resolved, programs run beside.
 * Knows nothing of intervals, verdicts, services and maps (schedule.h, rise_fall.h).
 *
 * libev carries it: one timer heap on the monotonic clock, so that clock steps move nothing; 3,000
 * lines of C without dependencies; and libcurl's multi interface was made for loops of its shape.
 */
#ifndef XDPLB_PROBE_H
#define XDPLB_PROBE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/probe_spec.h"
#include "xdplb/health.h"

#define PROBE_DETAIL_LEN 128

/* What a server says of itself, where its check looks for that. */
struct probe_said {
	enum xdplb_health_state state; /* up, draining, down, maintenance; unknown: nothing */
	uint16_t weight; /* percent, 1 to 99; 0: all */
};

struct probe_result {
	bool ok; /* cause is XDPLB_CAUSE_OK */
	enum xdplb_health_cause cause;
	int number; /* HTTP status, DNS rcode, gRPC status, exit status, signal; else 0 */
	uint32_t duration_us;
	struct probe_said said; /* if ok */
	char detail[PROBE_DETAIL_LEN]; /* printable ASCII; may be empty */
};

struct probe_engine;
struct probe;

typedef void probe_callback(void *data, const struct probe_result *result);

/* 0 or -ENOMEM. The loop must use the monotonic clock (libev does so where there is one). */
int probe_engine_new(struct ev_loop *loop, struct probe_engine **ret_engine);

/* No probe may be left: each has called back or was cancelled. */
void probe_engine_free(struct probe_engine *engine);

/**
 * probe_start() - Start a probe.
 * @spec:     must have passed probe_spec_check(); lives until the callback or the cancelling
 * @callback: called exactly once, from the loop and never from within this call, within the
 *            timeout (as precisely as the loop runs); may start and cancel probes
 *
 * Return: a handle, valid until the callback is called; NULL: out of memory, no callback.
 */
struct probe *probe_start(struct probe_engine *engine, const struct probe_spec *spec,
			  probe_callback *callback, void *data);

/* Ends a probe without a callback. Everything it opened is closed when this returns. */
void probe_cancel(struct probe *probe);

#endif
