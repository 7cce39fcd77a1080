/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine and the kinds of probe share. A kind starts something and says once how it went;
 * timeouts, deferring, callbacks and freeing are the engine's (probe.c).
 */
#ifndef XDPLB_PROBE_KIND_H
#define XDPLB_PROBE_KIND_H

#include "probe.h"

struct curl_driver;
struct exec_process;

struct probe_engine {
	struct ev_loop *loop;
	struct curl_driver *curl; /* NULL until the first probe that needs it */
	struct exec_process *processes; /* not yet reaped, a list */
	size_t process_count;
};

struct probe {
	struct probe_engine *engine;
	const struct probe_spec *spec;
	const struct probe_kind *kind;
	probe_callback *callback;
	void *data;
	ev_timer timer; /* the timeout; fed by hand as soon as there is a result */
	const char *doing; /* told if the timeout strikes: "connecting" */
	uint64_t started_us;
	bool finished;
	struct probe_result result;
};

/* A kind's own struct begins with struct probe; it is zeroed before start. */
struct probe_kind {
	size_t size;
	/* May finish the probe at once. */
	void (*start)(struct probe *probe);
	/* Closes and stops everything; called once, from the loop or the caller of cancel. */
	void (*release)(struct probe *probe);
};

extern const struct probe_kind probe_tcp, probe_udp, probe_dns, probe_icmp, probe_http, probe_grpc,
	probe_exec;

/*
 * How it went. The first word counts, later ones are ignored. The probe lives on until the loop
 * delivers it, so these may be called from anywhere. Unprintable bytes of the detail become dots.
 */
void probe_succeed(struct probe *probe);
void probe_fail(struct probe *probe, enum xdplb_health_cause cause, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* With the cause that errno -@err stands for; @doing: "connect". */
void probe_fail_errno(struct probe *probe, int err, const char *doing);

/* What to say instead of "timeout" if nothing more happens. */
void probe_suppose(struct probe *probe, enum xdplb_health_cause cause, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The detail of a probe that succeeds. */
void probe_remark(struct probe *probe, const char *text);

/* The end of what curl.c and exec.c hold of an engine. */
void curl_driver_free(struct curl_driver *driver);
void exec_forget_all(struct probe_engine *engine);

#endif
