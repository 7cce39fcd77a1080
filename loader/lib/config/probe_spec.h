/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a probe is to do: the part of it that the cluster file says and the agent carries out. Knows
 * neither; pure values, and whether they can be probed with.
 */
#ifndef XDPLB_PROBE_SPEC_H
#define XDPLB_PROBE_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
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

enum probe_type {
#define X(name, word) PROBE_##name,
	PROBE_TYPES(X)
#undef X
	PROBE_TYPE_COUNT
};

/* How much of an answer is looked at: what is wanted must lie within. */
#define PROBE_ANSWER_MAX 4096 /* tcp, udp */
#define PROBE_BODY_MAX   65536 /* http */
#define PROBE_SEND_MAX   65536 /* tcp, udp: what is sent, bytes */

#define PROBE_TIMEOUT_MAX 600000 /* ms */
#define PROBE_REGEX_MAX   256
#define PROBE_STATUS_MAX  8

/* HTTP statuses that can be wanted: 1xx are never the last word. */
#define PROBE_STATUS_FIRST 200
#define PROBE_STATUS_LAST  599

#define PROBE_REPORT_BODY   "body"
#define PROBE_REPORT_OUTPUT "output" /* exec */
#define PROBE_REPORT_MAX    64 /* bytes of a header's name */

#define PROBE_DNS_NAME_MAX     255 /* on the wire, lengths and root included */
#define PROBE_GRPC_SERVICE_MAX 127 /* bytes: their number fits one byte of a varint */

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
	/* Where the server itself says how it is (probe/said.h): PROBE_REPORT_BODY, its first line; else
	 * the name of a header; NULL: nowhere. */
	const char *report;
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
	bool report; /* its first line says how the server is, as above */
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

/* Whether the values can be probed with. 0, or -EINVAL and what is wrong in @error. */
int probe_spec_check(const struct probe_spec *spec, struct error *error);

/**
 * probe_spec_check_values() - probe_spec_check() but for the target: address and port may be missing.
 * @ret_key:      the key of the cluster file whose value can't be probed with
 * @ret_expected: what is expected of it; both written on -EINVAL alone
 */
int probe_spec_check_values(const struct probe_spec *spec, const char **ret_key,
			    struct error *ret_expected);

/* A name that can stand in a URL as it is. */
bool probe_is_host_name(const char *text);

/* Writes a name as it goes over the wire (RFC 1035, 3.1). Return: bytes; 0: it is no name. */
size_t probe_dns_name(const char *name, uint8_t to[PROBE_DNS_NAME_MAX]);

struct digest;

/* Put all into a digest that the probe's outcome depends on, but for address, port, netns and the
 * timeout. */
void probe_spec_digest(const struct probe_spec *spec, struct digest *digest);

const char *probe_type_name(enum probe_type type);
/* -EINVAL: there is no type of that name. */
int probe_type_parse(const char *name, enum probe_type *ret_type);

#endif
