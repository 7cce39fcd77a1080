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
#include <sys/types.h>

#include "error.h"
#include "xdplb/types.h"

/* name, word in the config */
#define PROBE_TYPES(X)  \
	X(TCP, tcp)     \
	X(HTTP, http)   \
	X(HTTPS, https) \
	X(UDP, udp)     \
	X(DNS, dns)     \
	X(ICMP, icmp)   \
	X(GRPC, grpc)   \
	X(EXEC, exec)

/* name, word for people and metrics, help; append only */
#define PROBE_CAUSES(X)                                                                  \
	X(OK, ok, "the answer was as wanted")                                            \
	X(TIMEOUT, timeout, "no (whole) answer within the timeout")                      \
	X(REFUSED, refused, "the port is closed")                                        \
	X(UNREACHABLE, unreachable, "no way to the address, or a rule forbids it")       \
	X(RESET, reset, "the connection was reset")                                      \
	X(CLOSED, closed, "the connection was closed before the answer was whole")       \
	X(WRONG_ANSWER, wrong_answer, "an answer came that is not the wanted one")       \
	X(HTTP_STATUS, http_status, "an HTTP status outside the wanted ranges")          \
	X(TLS, tls, "the TLS handshake failed or the certificate was not accepted")      \
	X(DNS_RCODE, dns_rcode, "a DNS response code that is not the wanted one")        \
	X(GRPC_STATUS, grpc_status, "the gRPC call ended with an error status")          \
	X(NOT_SERVING, not_serving, "the gRPC service says that it is not serving")      \
	X(EXIT_STATUS, exit_status, "the program ended with another exit status than 0") \
	X(KILLED, killed, "the program was killed by a signal")                          \
	X(OUTPUT, output, "the program printed more than it may")                        \
	X(CANNOT_RUN, cannot_run, "the program could not be started")                    \
	X(NO_NETNS, no_netns, "the backend's network namespace is not there")            \
	X(LOCAL, local, "the agent lacked means to probe: says nothing about the backend")

enum probe_type {
#define X(name, word) PROBE_##name,
	PROBE_TYPES(X)
#undef X
	PROBE_TYPE_COUNT
};

enum probe_cause {
#define X(name, word, help) PROBE_CAUSE_##name,
	PROBE_CAUSES(X)
#undef X
	PROBE_CAUSE_COUNT
};

/* How much of an answer is looked at: what is wanted must lie within. */
#define PROBE_ANSWER_MAX 4096 /* tcp, udp */
#define PROBE_BODY_MAX   65536 /* http */

#define PROBE_DETAIL_LEN  128
#define PROBE_TIMEOUT_MAX 600000 /* ms */
#define PROBE_REGEX_MAX   256
#define PROBE_STATUS_MAX  8

struct probe_bytes {
	const void *data;
	size_t len;
};

/*
 * tcp: nothing set: a handshake is enough. send alone: the connection takes the bytes.
 * udp: send is the datagram, which may be empty; without expect any answer will do.
 */
struct probe_exchange {
	struct probe_bytes send;
	struct probe_bytes expect; /* to stand anywhere in the answer */
};

enum probe_verify {
	PROBE_VERIFY_NONE, /* any certificate */
	PROBE_VERIFY_CA, /* signed by the CA, whatever its name */
	PROBE_VERIFY_FULL /* and made out to the SNI, or to the address if there is none */
};

struct probe_status_range {
	uint16_t first, last;
};

struct probe_http {
	const char *method; /* NULL: GET */
	const char *path; /* request target; NULL: "/" */
	const char *host; /* Host header, NULL: the SNI, else address and port */
	const char *sni; /* NULL: the name in host, if it is one */
	struct probe_status_range status[PROBE_STATUS_MAX];
	size_t status_count; /* 0: 200 to 399 */
	const char *body_text; /* to stand anywhere in the body; NULL: don't look */
	const char *body_regex; /* POSIX extended, ^ and $ match at lines, no back-references */
	enum probe_verify verify;
	const char *ca_file; /* NULL: the system's */
};

struct probe_dns {
	const char *name; /* ASCII, dots between labels, one may end it */
	uint16_t type; /* as in RFC 1035: 1 A, 28 AAAA, 6 SOA, … */
	uint8_t rcode; /* wanted; 0: NOERROR */
};

struct probe_grpc {
	const char *service; /* NULL or "": the server as a whole */
	const char *authority; /* NULL: address and port */
};

/* See exec.c for what such a program may do. */
struct probe_exec {
	char *const *argv; /* ends in NULL; argv[0] is an absolute path */
	uint64_t output_max; /* bytes it may print; 0: any number. All but the first line is lost */
	uid_t uid; /* 0: nobody (65534) */
	gid_t gid; /* 0: nogroup (65534) */
};

/* What to do. Strings belong to the caller and must live until the callback or the cancelling. */
struct probe_spec {
	enum probe_type type;
	__u8 family; /* XDPLB_IPV4 or XDPLB_IPV6; exec: may be 0 */
	__be16 port; /* network byte order; not for icmp, for exec as it likes */
	struct xdplb_addr addr;
	uint32_t timeout_ms; /* for the whole probe */
	const char *netns; /* path of the network namespace to probe in; "" or NULL: ours */
	union {
		struct probe_exchange exchange; /* tcp, udp */
		struct probe_http http; /* http, https */
		struct probe_dns dns;
		struct probe_grpc grpc;
		struct probe_exec exec;
	};
};

struct probe_result {
	bool ok; /* cause is PROBE_CAUSE_OK */
	enum probe_cause cause;
	int number; /* HTTP status, DNS rcode, gRPC status, exit status, signal; else 0 */
	uint32_t duration_us;
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

/* Whether the values can be probed with. 0, or -EINVAL and what is wrong in @error. */
int probe_spec_check(const struct probe_spec *spec, struct error *error);

const char *probe_type_name(enum probe_type type);
/* -EINVAL: there is no type of that name. */
int probe_type_parse(const char *name, enum probe_type *ret_type);
const char *probe_cause_name(enum probe_cause cause);
const char *probe_cause_help(enum probe_cause cause);

#endif
