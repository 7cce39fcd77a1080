// SPDX-License-Identifier: BSD-2-Clause
/*
 * Asking service nodes whether they hold mappings: one socket a family, many questions in flight.
 */
#include "node/query.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "xdplb/query.h"

/* A question is repeated after 50, 100, 200, 400, 500, 500 ... ms; where the wait is short, the steps are
 * no longer than leaves room for 7 questions. */
#define FIRST_INTERVAL 50
#define LAST_INTERVAL  500
#define ROOM           6 /* steps in a wait */

/* How long the last question of the first round has for its answer, ms. */
#define LAST_WORD 20

/* At most so many questions wait for an answer; one that is BURST_MS old makes room. Answers to a
 * burst fit into a socket's default buffer, and 10,000 silent backends take less than half a second. */
#define BURST    256
#define BURST_MS 10

#define BUFFER_SIZE (4 << 20)

/* Most datagrams that are read at once: a flood must not keep us from asking. */
#define READ_MAX 1024

#define FAMILIES 2

/* How far one query has come. */
struct question {
	__u64 nonce;
	struct mapping_query *query;
	uint64_t due; /* ms, CLOCK_MONOTONIC, of the next repetition; 0: not asked yet */
	unsigned int interval; /* ms from that one to the next */
};

struct asker {
	struct question *questions; /* sorted by nonce */
	size_t count;
	size_t unasked; /* not sent once */
	size_t unconfirmed;
	size_t next; /* where the next burst begins */
	size_t in_flight; /* since the burst began */
	uint64_t burst_end; /* ms */
	uint64_t deadline; /* ms: of asking */
	unsigned int longest; /* ms: step from one question to the next */
	unsigned char key[crypto_shorthash_KEYBYTES];
	int sockets[FAMILIES]; /* IPv4, IPv6; -1: not needed */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static size_t socket_index(__u8 family)
{
	return family == XDPLB_IPV4 ? 0 : 1;
}

static void sign(const struct asker *asker, struct xdplb_query *message)
{
	unsigned char mac[crypto_shorthash_BYTES];

	_Static_assert(sizeof(mac) == sizeof(message->mac), "SipHash gives 64 bits");
	crypto_shorthash(mac, (const unsigned char *)message, offsetof(struct xdplb_query, mac),
			 asker->key);
	memcpy(&message->mac, mac, sizeof(mac));
}

static bool is_signed(const struct asker *asker, const struct xdplb_query *message)
{
	struct xdplb_query copy = *message;

	sign(asker, &copy);
	return copy.mac == message->mac;
}

static int open_socket(__u8 family, struct error *error)
{
	int fd = socket(family == XDPLB_IPV4 ? AF_INET : AF_INET6,
			SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int size = BUFFER_SIZE, fragment = IP_PMTUDISC_DONT;

	if (fd < 0)
		return fail_errno(error, -errno, "mapping queries: no UDP socket for IPv%u",
				  family);
	/* Both matter to many queries only, and only root may have them. */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	/*
	 * With DF, the identification is always 0. That is the admission mark of one flow in 65,536,
	 * whose question would be taken for a balanced packet, however often it is asked.
	 */
	if (family == XDPLB_IPV4)
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &fragment, sizeof(fragment));
	return fd;
}

static int open_sockets(struct asker *asker, struct error *error)
{
	int *fd;

	for (size_t i = 0; i < asker->count; i++) {
		fd = &asker->sockets[socket_index(asker->questions[i].query->family)];
		if (*fd < 0)
			*fd = open_socket(asker->questions[i].query->family, error);
		if (*fd < 0)
			return *fd;
	}
	return 0;
}

static socklen_t fill_destination(const struct mapping_query *query, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)ret;

	memset(ret, 0, sizeof(*ret));
	if (query->family == XDPLB_IPV4) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = query->tag;
		ipv4->sin_addr.s_addr = query->backend.word[0];
		return sizeof(*ipv4);
	}
	ipv6->sin6_family = AF_INET6;
	ipv6->sin6_port = query->tag;
	memcpy(&ipv6->sin6_addr, &query->backend, sizeof(ipv6->sin6_addr));
	return sizeof(*ipv6);
}

/* Whatever keeps a datagram from being sent is silence of the one it is for: it is sent again. */
static void send_question(const struct asker *asker, const struct question *question)
{
	const struct mapping_query *query = question->query;
	struct xdplb_query message = {
		.magic = htonl(XDPLB_QUERY_MAGIC),
		.version = XDPLB_QUERY_VERSION,
		.type = XDPLB_QUERY_ASK,
		.proto = query->proto,
		.family = query->family,
		.tag = query->tag,
		.vport = query->vport,
		.vip = query->vip,
		.nonce = question->nonce,
	};
	struct sockaddr_storage to;
	socklen_t len = fill_destination(query, &to);

	sign(asker, &message);
	sendto(asker->sockets[socket_index(query->family)], &message, sizeof(message), 0,
	       (struct sockaddr *)&to, len);
}

static void ask(struct asker *asker, struct question *question, uint64_t now)
{
	send_question(asker, question);
	if (!question->due)
		asker->unasked--;
	asker->in_flight++;
	question->due = now + question->interval;
	question->interval = earlier(2 * question->interval, asker->longest);
}

/* Asks what is due, as far as the burst allows. Return: when to go on, ms. */
static uint64_t ask_due(struct asker *asker, uint64_t now)
{
	struct question *question;
	uint64_t wake = UINT64_MAX;

	if (now >= asker->burst_end) {
		asker->in_flight = 0;
		asker->burst_end = now + BURST_MS;
	}
	for (size_t i = 0; i < asker->count; i++) {
		if (!asker->unasked && now >= asker->deadline)
			return UINT64_MAX;
		if (asker->in_flight >= BURST)
			return asker->burst_end;
		question = &asker->questions[asker->next];
		asker->next = (asker->next + 1) % asker->count;
		if (question->query->answer == QUERY_CONFIRMED)
			continue;
		if (question->due <= now)
			ask(asker, question, now);
		wake = earlier(wake, question->due);
	}
	return wake;
}

static int compare_nonces(const void *a, const void *b)
{
	__u64 x = ((const struct question *)a)->nonce, y = ((const struct question *)b)->nonce;

	return x < y ? -1 : x > y;
}

static bool came_from(const struct sockaddr_storage *source, const struct mapping_query *query)
{
	const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)source;
	const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)source;

	if (query->family == XDPLB_IPV4)
		return source->ss_family == AF_INET && ipv4->sin_port == query->tag &&
		       ipv4->sin_addr.s_addr == query->backend.word[0];
	return source->ss_family == AF_INET6 && ipv6->sin6_port == query->tag &&
	       !memcmp(&ipv6->sin6_addr, &query->backend, sizeof(query->backend));
}

static void take_answer(struct asker *asker, const struct xdplb_query *message,
			const struct sockaddr_storage *source)
{
	const struct question wanted = { .nonce = message->nonce };
	struct question *question;

	if (message->magic != htonl(XDPLB_QUERY_MAGIC) || message->version != XDPLB_QUERY_VERSION)
		return;
	if (message->type != XDPLB_QUERY_YES && message->type != XDPLB_QUERY_OTHER)
		return;
	question = bsearch(&wanted, asker->questions, asker->count, sizeof(wanted), compare_nonces);
	if (!question || !came_from(source, question->query) || !is_signed(asker, message))
		return;
	if (asker->in_flight)
		asker->in_flight--;
	if (question->query->answer == QUERY_CONFIRMED)
		return;
	question->query->answer = QUERY_MISMATCH;
	if (message->type == XDPLB_QUERY_YES) {
		question->query->answer = QUERY_CONFIRMED;
		asker->unconfirmed--;
	}
}

static void read_answers(struct asker *asker, int fd)
{
	struct sockaddr_storage source;
	struct xdplb_query message;
	socklen_t len;
	ssize_t size;

	for (int i = 0; i < READ_MAX; i++) {
		len = sizeof(source);
		/* MSG_TRUNC: the length of the datagram, not of what fits. */
		size = recvfrom(fd, &message, sizeof(message), MSG_TRUNC,
				(struct sockaddr *)&source, &len);
		if (size < 0)
			return;
		if (size == sizeof(message))
			take_answer(asker, &message, &source);
	}
}

/* Signals that the caller has blocked come through here, and here alone. */
static int await_answers(struct asker *asker, uint64_t now, uint64_t until)
{
	uint64_t wait = until > now ? earlier(until - now, LAST_INTERVAL) : 0;
	struct timespec timeout = { .tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000 };
	struct pollfd fds[FAMILIES];
	sigset_t none;
	int ready;

	sigemptyset(&none);
	for (int i = 0; i < FAMILIES; i++)
		fds[i] = (struct pollfd){ .fd = asker->sockets[i], .events = POLLIN };
	ready = ppoll(fds, FAMILIES, &timeout, &none);
	if (ready < 0)
		return -errno;
	for (int i = 0; i < FAMILIES && ready; i++) {
		if (fds[i].revents)
			read_answers(asker, fds[i].fd);
	}
	return 0;
}

static int ask_all(struct asker *asker, unsigned int wait_ms)
{
	uint64_t now = now_ms(), end = now + wait_ms, wake;
	bool first_round = true;
	int err;

	asker->deadline = end;
	if (wait_ms < ROOM * LAST_INTERVAL)
		asker->longest = wait_ms / ROOM > FIRST_INTERVAL ? wait_ms / ROOM : FIRST_INTERVAL;
	while (asker->unconfirmed && (first_round || now < end)) {
		wake = ask_due(asker, now);
		if (first_round && !asker->unasked) {
			first_round = false;
			if (end < now + LAST_WORD)
				end = now + LAST_WORD;
		}
		err = await_answers(asker, now, first_round ? wake : earlier(wake, end));
		if (err)
			return err;
		now = now_ms();
	}
	return 0;
}

static void prepare_questions(struct asker *asker, struct mapping_query *queries)
{
	for (size_t i = 0; i < asker->count; i++) {
		queries[i].answer = QUERY_SILENT;
		asker->questions[i].query = &queries[i];
		asker->questions[i].interval = FIRST_INTERVAL;
		randombytes_buf(&asker->questions[i].nonce, sizeof(asker->questions[i].nonce));
	}
	qsort(asker->questions, asker->count, sizeof(*asker->questions), compare_nonces);
}

int query_mappings(struct mapping_query *queries, size_t count, const struct xdplb_key *key,
		   unsigned int wait_ms, struct error *error)
{
	const __u64 words[] = { htole64(key->word[0]), htole64(key->word[1]) };
	struct asker asker = {
		.count = count,
		.unasked = count,
		.unconfirmed = count,
		.longest = LAST_INTERVAL,
		.sockets = { -1, -1 },
	};
	int err;

	if (!count)
		return 0;
	if (sodium_init() < 0)
		return fail(error, -EIO, "mapping queries: libsodium has no randomness");
	asker.questions = calloc(count, sizeof(*asker.questions));
	if (!asker.questions)
		return fail_errno(error, -ENOMEM, "mapping queries");
	memcpy(asker.key, words, sizeof(asker.key));
	prepare_questions(&asker, queries);
	err = open_sockets(&asker, error);
	if (!err) {
		err = ask_all(&asker, wait_ms);
		if (err)
			fail_errno(error, err, "waiting for answers");
	}
	for (int i = 0; i < FAMILIES; i++) {
		if (asker.sockets[i] >= 0)
			close(asker.sockets[i]);
	}
	sodium_memzero(asker.key, sizeof(asker.key));
	free(asker.questions);
	return err;
}
