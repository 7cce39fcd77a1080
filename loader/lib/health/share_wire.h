/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Health as it goes over the wire: one UDP datagram, its keys, its refusals. Knows no socket, clock
 * or map, and nothing of who may say what (share_receive.h, share_send.h). sodium_init() must have
 * run.
 *
 * A datagram has at most 1,200 bytes of UDP payload, so that no path fragments it. A set that does
 * not fit goes in numbered parts; each is useful alone. All numbers are big-endian.
 *
 *   offset  bytes  in clear, authenticated
 *        0      4  magic "XHS1": format and version
 *        4      4  key id, never 0
 *        8     24  nonce, random (XChaCha20: random nonces never meet in a key's life)
 *       32      n  sealed: XChaCha20-Poly1305 (IETF); associated data: bytes 0 .. 7, cluster name
 *     32+n     16  tag
 *
 *   offset  bytes  sealed                       used by
 *        0      1  kind, enum share_kind        all
 *        1      1  length of the sender's name  all: 1 .. 63
 *        2      2  entries or targets here      all: 0 .. 42, 0 .. 28
 *        4      2  part, from 0                 all
 *        6      2  parts, more than part        all
 *        8      4  total                        size of the full set; challenge: how much of it the
 *                                               receiver has
 *       12      1  action, enum share_action    check request and answer; else 0
 *       13      3  zero
 *       16      8  incarnation of the sender    all, never 0: random, drawn at each start
 *       24      8  sequence number              all: rises by 1 with each datagram sent
 *       32      8  incarnation of the peer      challenge (0: none known), check request
 *       40      8  sequence number of the peer  check request: the newest one heard
 *       48      8  nonce                        challenge, check request, and echoed by the answers
 *       56      8  digest                       of the full set (challenge: of what is known of it)
 *       64      8  service, share_hash_name()   check request and answer
 *       72      m  the sender's name            all
 *     72+m   24 k  entries, or 36 k targets (check request)
 *
 *   entry                                       target
 *        0      8  backend, share_hash_name()        0      8  backend
 *        8      8  check identity                    8      8  check identity
 *       16      1  state, enum xdplb_health_state   16     16  address (IPv4: the first 4 bytes)
 *       17      1  cause                            32      2  port
 *       18      2  weight as in xdplb/health.h      34      1  family, 4 or 6
 *       20      4  age of the state in ms;          35      1  protocol
 *                  check answer: what the probe
 *                  took, in microseconds
 *
 * Bytes that are left over, a zero that is none, a state out of range: the whole part is refused.
 *
 * A release that knew no weights sent 0 and writes what it hears where its lb_xdp does not look: with it all
 * nodes understand each other, and a target has its whole share there. What a server says of itself is asked
 * for by a key of the file that such a release refuses, and goes under another check identity.
 *
 * Why hashes for names: an entry has 24 bytes instead of up to 79. They can't mix up backends: a
 * receiver looks an entry up among the backends of the reporter alone, by hash and check; both sides
 * refuse a file in which two of these have the same pair (-EEXIST), so that within one file no
 * collision is left. Between two versions of a file a name gone and a name come would have to share
 * 64 bits of BLAKE2b and the check: 2^-64 for each such pair.
 *
 * Who is trusted: whoever has a key may speak for any node. The name in a datagram says which node's
 * entries it may change; it does not protect nodes that share a key from each other.
 *
 * Key file: a line a key, "ID HEX": an id from 1 to 4294967295 and 64 hex digits. Blank lines and
 * lines that begin with # are skipped. The first key sends, all receive. Rotation without a gap:
 * append the new key on all nodes, then move it to the top on all, then take the old one away.
 */
#ifndef XDPLB_LIB_SHARE_WIRE_H
#define XDPLB_LIB_SHARE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "xdplb/types.h"

#define SHARE_DATAGRAM_MAX 1200
#define SHARE_CLEAR_BYTES  32
#define SHARE_TAG_BYTES    16
#define SHARE_FIXED_BYTES  72
#define SHARE_ENTRY_BYTES  24
#define SHARE_TARGET_BYTES 36
#define SHARE_ROOM                                                                      \
	(SHARE_DATAGRAM_MAX - SHARE_CLEAR_BYTES - SHARE_TAG_BYTES - SHARE_FIXED_BYTES - \
	 (XDPLB_NAME_LEN - 1))
#define SHARE_ENTRIES_MAX (SHARE_ROOM / SHARE_ENTRY_BYTES) /* 42 */
#define SHARE_TARGETS_MAX (SHARE_ROOM / SHARE_TARGET_BYTES) /* 28 */
#define SHARE_SET_MAX     16384 /* entries of a node */
#define SHARE_KEYS_MAX    8
#define SHARE_KEY_BYTES   32

enum share_kind {
	SHARE_STATES = 1, /* reporter: entries that have changed */
	SHARE_HEARTBEAT = 2, /* reporter: the digest, and entries that have changed lately */
	SHARE_CHALLENGE = 3, /* receiver: who are you now, and what do I lack? */
	SHARE_CHALLENGE_ANSWER = 4, /* reporter: all entries, or none if the receiver has them */
	SHARE_CHECK_REQUEST = 5, /* receiver: probe these now */
	SHARE_CHECK_ANSWER = 6, /* reporter: what the probes said */
};

enum share_action {
	SHARE_CHECK_ONCE = 1,
	SHARE_CHECK_START = 2, /* a service has come: check it from now on */
	SHARE_CHECK_STOP = 3, /* a service has gone */
};

struct share_entry {
	uint64_t backend, check;
	uint8_t state; /* enum xdplb_health_state */
	uint8_t cause;
	uint16_t weight; /* percent; 0, or more than 99: all */
	uint32_t time; /* age in ms; check answer: microseconds */
};

struct share_target {
	uint64_t backend, check;
	struct xdplb_addr addr;
	__be16 port;
	uint8_t family; /* XDPLB_IPV4 or XDPLB_IPV6 */
	uint8_t proto;
};

/* A part. What a kind does not use is zero. */
struct share_message {
	enum share_kind kind;
	enum share_action action; /* 0: none */
	char node[XDPLB_NAME_LEN]; /* the sender */
	uint64_t incarnation, sequence;
	uint64_t peer_incarnation, peer_sequence;
	uint64_t nonce;
	uint64_t digest;
	uint64_t service;
	uint32_t total;
	uint16_t part, parts;
	uint16_t count; /* of entries, or of targets in a check request */
	union {
		struct share_entry entries[SHARE_ENTRIES_MAX];
		struct share_target targets[SHARE_TARGETS_MAX];
	};
};

struct share_key {
	uint32_t id;
	uint8_t bytes[SHARE_KEY_BYTES];
};

struct share_keys {
	char cluster
		[XDPLB_NAME_LEN]; /* authenticated, not sent: clusters with one key stay apart */
	struct share_key keys[SHARE_KEYS_MAX]; /* the first one sends */
	size_t count;
};

/* Why something was refused: enum, name, help. Append only. */
#define SHARE_REFUSALS(X)                                                                    \
	X(LENGTH, "length", "shorter or longer than any datagram of the protocol")           \
	X(MAGIC, "magic", "another protocol or version")                                     \
	X(KEY, "unknown_key", "sealed with a key that this node does not have")              \
	X(FORGED, "forged", "forged, damaged, or of another cluster")                        \
	X(MALFORMED, "malformed", "authentic but not well formed: another release's")        \
	X(KIND, "kind", "of a kind that goes the other way")                                 \
	X(NODE, "unknown_node", "from a node that has no business here by the cluster file") \
	X(INCARNATION, "incarnation", "from an incarnation that answered no challenge")      \
	X(DUPLICATE, "duplicate", "received before: duplicated or replayed")                 \
	X(OLD, "old", "too old to tell whether it was received before")                      \
	X(SET, "set", "not of the set that the incarnation began with")                      \
	X(ENTRY, "unknown_entry", "entry of a backend or check that the file has not there") \
	X(OVERTAKEN, "overtaken", "entry of which something newer is known")                 \
	X(STALE, "stale_request", "check request made for an earlier time or incarnation")   \
	X(REPEATED, "repeated_request", "check request that was taken before")               \
	X(RATE, "rate", "challenged too often")                                              \
	X(MEMORY, "memory", "no memory for the reporter's set")

enum share_refusal {
	SHARE_ACCEPTED = 0,
#define X(name, text, help) SHARE_REFUSED_##name,
	SHARE_REFUSALS(X)
#undef X
	SHARE_REFUSAL_COUNT,
};

/* Names and helps by enum share_refusal; those of SHARE_ACCEPTED are "". */
extern const char *const share_refusal_names[SHARE_REFUSAL_COUNT];
extern const char *const share_refusal_helps[SHARE_REFUSAL_COUNT];

struct share_counters {
	uint64_t refused[SHARE_REFUSAL_COUNT]; /* datagrams; entries for ENTRY and OVERTAKEN */
};

/**
 * share_keys_parse() - Read a key file's text.
 * @text:    the file, @length bytes; no zero at its end is needed
 * @cluster: the cluster's name, 1 .. 63 bytes
 *
 * Return: 0; -EINVAL with line, what was found and what was expected (never a key) in @error.
 */
int share_keys_parse(const char *text, size_t length, const char *cluster,
		     struct share_keys *ret_keys, struct error *error);

/* Copy a node's name to XDPLB_NAME_LEN bytes. Return: 0, or -EINVAL with the words in @error. */
int share_copy_name(const char *name, char *ret_name, struct error *error);

/* A random number, never 0: an incarnation, a nonce. */
uint64_t share_draw_number(void);

/* The hash of a backend's or service's name: the first 64 bit of BLAKE2b-128. */
uint64_t share_hash_name(const char *name);

/* What an entry adds to the digest of its set: the digest is the sum over the set, modulo 2^64, in
 * any order. The time is not part of it. */
uint64_t share_digest(const struct share_entry *entry);

/**
 * share_encode() - Write and seal a part, with the first key and a random nonce.
 * @out: room for SHARE_DATAGRAM_MAX bytes
 *
 * Return: the length; -EINVAL the message is none that share_decode() takes, or there is no key.
 */
int share_encode(const struct share_keys *keys, const struct share_message *message, uint8_t *out);

/**
 * share_decode() - Open and read a datagram.
 * @ret_message: written only if it is accepted
 *
 * Return: SHARE_ACCEPTED, or why not: LENGTH, MAGIC, KEY, FORGED or MALFORMED.
 */
enum share_refusal share_decode(const struct share_keys *keys, const uint8_t *bytes, size_t length,
				struct share_message *ret_message);

#endif
