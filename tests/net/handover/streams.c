// SPDX-License-Identifier: BSD-2-Clause
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "streams.h"

#define EVENTS 256
/* Requests that may be without an answer: data stays in flight while packets are lost. */
#define UNANSWERED_MAX 4
/* Connections opened in a turn, so that listeners' queues don't overflow. */
#define OPEN_AT_ONCE 32

static const char *const fault_names[FAULT_COUNT] = {
	[FAULT_RESET] = "reset",
	[FAULT_CLOSED] = "closed",
	[FAULT_WRONG_BYTE] = "wrong_byte",
	[FAULT_STALLED] = "stalled",
};

uint64_t streams_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int streams_start(struct streams *streams)
{
	streams->epoll = epoll_create1(EPOLL_CLOEXEC);
	return streams->epoll < 0 ? -errno : 0;
}

/* By a reset: no port is left in TIME_WAIT. */
static void drop(struct stream *stream)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	if (stream->state == STREAM_CLOSED)
		return;
	setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(stream->fd);
	stream->state = STREAM_CLOSED;
	stream->is_settled = false;
}

void streams_renew(struct streams *streams, size_t wanted)
{
	for (size_t i = 0; i < STREAMS_MAX; i++)
		drop(&streams->all[i]);
	streams->wanted = wanted;
	streams->failed = 0;
}

/* NULL: more backends than there is room for. */
static struct backend_tally *find_tally(struct window *window, const char *name)
{
	for (size_t i = 0; i < BACKENDS_MAX; i++) {
		struct backend_tally *tally = &window->backends[i];

		if (!tally->name[0])
			memcpy(tally->name, name, PATTERN_NAME);
		if (!strcmp(tally->name, name))
			return tally;
	}
	return NULL;
}

static void note_fault(struct streams *streams, const struct stream *stream,
		       enum stream_fault fault)
{
	struct window *window = &streams->window;
	struct backend_tally *tally = find_tally(window, stream->backend);
	double ms = (double)(streams_now() - window->began_ns) / 1e6;

	window->faults[fault]++;
	if (tally)
		tally->broken++;
	if (streams->log)
		fprintf(streams->log, "%s %.0f ms: %s to %s of %s after %llu bytes\n", window->name,
			ms, fault_names[fault], streams->targets[stream->target].text,
			stream->backend, (unsigned long long)stream->received);
}

/* One that was never settled is tried again. */
static void fail(struct streams *streams, struct stream *stream, enum stream_fault fault)
{
	if (stream->is_settled)
		note_fault(streams, stream, fault);
	else
		streams->failed++;
	drop(stream);
}

static void open_stream(struct streams *streams, struct stream *stream, uint64_t now_ns)
{
	size_t number = (size_t)(stream - streams->all);
	const struct target *target = &streams->targets[number % streams->target_count];
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = stream };
	uint64_t seed;
	int fd, on = 1;

	fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
		perror("pattern_client");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*stream = (struct stream){ .state = STREAM_CONNECTING,
				   .fd = fd,
				   .target = number % streams->target_count,
				   .seed = seed,
				   .in = pattern_begin(seed, PATTERN_TO_CLIENT),
				   .out = pattern_begin(seed, PATTERN_TO_SERVER),
				   .due_ns = UINT64_MAX,
				   .heard_ns = now_ns };
	if (epoll_ctl(streams->epoll, EPOLL_CTL_ADD, fd, &event) ||
	    (connect(fd, (const struct sockaddr *)&target->address, target->length) &&
	     errno != EINPROGRESS))
		fail(streams, stream, FAULT_RESET);
}

static uint64_t unanswered(const struct stream *stream)
{
	return stream->sent / PATTERN_REQUEST - stream->received / PATTERN_ANSWER;
}

/* An answer has been read to its end: how long did it take? */
static void note_answer(struct streams *streams, struct stream *stream)
{
	struct backend_tally *tally = find_tally(&streams->window, stream->backend);
	uint64_t us = (stream->heard_ns - stream->asked_ns) / 1000;

	stream->asked_ns = 0;
	if (!tally)
		return;
	tally->answers++;
	tally->took[us < ANSWER_MAX_US ? us : ANSWER_MAX_US]++;
}

unsigned int tally_median(const struct backend_tally *tally)
{
	unsigned int us = 0, seen = 0;

	while (us < ANSWER_MAX_US && (seen += tally->took[us]) <= tally->answers / 2)
		us++;
	return tally->answers ? us : 0;
}

/* A request more, unless too many wait for an answer. A half one is completed by the next. */
static void ask(struct streams *streams, struct stream *stream, uint64_t now_ns)
{
	size_t length = PATTERN_REQUEST - stream->sent % PATTERN_REQUEST, head = 0;
	uint8_t request[PATTERN_REQUEST];
	ssize_t sent;

	stream->due_ns = now_ns + streams->every_ns / 2 + (uint64_t)random() % streams->every_ns;
	if (unanswered(stream) >= UNANSWERED_MAX)
		return;
	for (; stream->sent + head < PATTERN_SEED; head++)
		request[head] = ((const uint8_t *)&stream->seed)[stream->sent + head];
	pattern_fill(&stream->out, request + head, length - head);
	sent = send(stream->fd, request, length, MSG_NOSIGNAL);
	if (sent < 0 && errno == EAGAIN)
		return;
	if (sent < 0) {
		fail(streams, stream, FAULT_RESET);
		return;
	}
	stream->asked_ns = !unanswered(stream) && (size_t)sent == length ? streams_now() : 0;
	stream->sent += (uint64_t)sent;
	if (stream->sent > PATTERN_SEED)
		stream->out.offset = stream->sent - PATTERN_SEED;
}

/* Takes the backend's name at the head of the stream, then compares. */
static bool take(struct stream *stream, const uint8_t *data, size_t length)
{
	size_t head = 0;

	for (; stream->received + head < PATTERN_NAME && head < length; head++)
		stream->backend[stream->received + head] = (char)data[head];
	stream->backend[PATTERN_NAME - 1] = '\0';
	if (!pattern_take(&stream->in, data + head, length - head))
		return false;
	stream->received += length;
	stream->is_settled = stream->received >= PATTERN_ANSWER;
	return stream->received / PATTERN_ANSWER <= stream->sent / PATTERN_REQUEST;
}

static void receive(struct streams *streams, struct stream *stream)
{
	uint8_t buffer[16 * PATTERN_ANSWER];
	ssize_t got;

	while ((got = recv(stream->fd, buffer, sizeof(buffer), 0)) > 0) {
		stream->heard_ns = streams_now();
		streams->window.bytes += (uint64_t)got;
		if (!take(stream, buffer, (size_t)got)) {
			fail(streams, stream, FAULT_WRONG_BYTE);
			return;
		}
		if (stream->asked_ns && !unanswered(stream))
			note_answer(streams, stream);
	}
	if (!got)
		fail(streams, stream, FAULT_CLOSED);
	else if (errno != EAGAIN)
		fail(streams, stream, errno == ETIMEDOUT ? FAULT_STALLED : FAULT_RESET);
}

void streams_poll(struct streams *streams, int wait_ms)
{
	struct epoll_event events[EVENTS];
	int count = epoll_wait(streams->epoll, events, EVENTS, wait_ms);

	for (int i = 0; i < count; i++) {
		struct stream *stream = events[i].data.ptr;

		if (stream->state == STREAM_CONNECTING &&
		    !(events[i].events & (EPOLLERR | EPOLLHUP))) {
			stream->state = STREAM_OPEN;
			ask(streams, stream, streams_now());
		}
		if (stream->state != STREAM_CLOSED)
			receive(streams, stream);
	}
}

void streams_tend(struct streams *streams, bool may_open, uint64_t now_ns)
{
	unsigned int opened = 0;

	for (size_t i = 0; i < streams->wanted; i++) {
		struct stream *stream = &streams->all[i];

		if (stream->state == STREAM_CLOSED && may_open && opened < OPEN_AT_ONCE) {
			open_stream(streams, stream, now_ns);
			opened++;
		} else if (stream->state != STREAM_CLOSED &&
			   now_ns > stream->heard_ns + PATIENCE_NS) {
			fail(streams, stream, FAULT_STALLED);
		} else if (stream->state == STREAM_OPEN && now_ns >= stream->due_ns) {
			ask(streams, stream, now_ns);
		}
	}
}

size_t streams_settled(const struct streams *streams)
{
	size_t count = 0;

	for (size_t i = 0; i < streams->wanted; i++)
		count += streams->all[i].is_settled;
	return count;
}

bool streams_heard_since(const struct streams *streams, uint64_t since_ns)
{
	for (size_t i = 0; i < streams->wanted; i++) {
		if (streams->all[i].is_settled && streams->all[i].heard_ns < since_ns)
			return false;
	}
	return true;
}

void streams_open_window(struct streams *streams, const char *name)
{
	struct window *window = &streams->window;
	struct backend_tally *tally;

	memset(window, 0, sizeof(*window));
	window->began_ns = streams_now();
	snprintf(window->name, sizeof(window->name), "%s", name);
	for (size_t i = 0; i < streams->wanted; i++) {
		if (!streams->all[i].is_settled)
			continue;
		window->connections++;
		tally = find_tally(window, streams->all[i].backend);
		if (tally)
			tally->open++;
	}
}
