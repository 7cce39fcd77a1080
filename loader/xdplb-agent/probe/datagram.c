// SPDX-License-Identifier: BSD-2-Clause
/*
 * One datagram out, datagrams in until one tells.
 */
#include "probe/datagram.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/socket.h"

/* Read in one turn of the loop, so that a flood does not hold up the other probes. */
#define DATAGRAMS_A_TURN 16

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct datagram *datagram = io->data;
	uint8_t data[PROBE_ANSWER_MAX];
	ssize_t len;

	for (int i = 0; i < DATAGRAMS_A_TURN && !datagram->probe.finished; i++) {
		len = recv(datagram->fd, data, sizeof(data), 0);
		if (len < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (len < 0)
			probe_fail_errno(&datagram->probe, -errno, "receive");
		else
			datagram->judge(datagram, data, (size_t)len);
	}
	if (datagram->probe.finished)
		ev_io_stop(loop, io);
}

int datagram_open(struct datagram *datagram, int type, int protocol)
{
	ev_init(&datagram->io, on_readable);
	datagram->io.data = datagram;
	datagram->fd = socket_open(&datagram->probe, type, protocol);
	return datagram->fd;
}

void datagram_send(struct datagram *datagram, const void *data, size_t len)
{
	const struct probe_spec *spec = datagram->probe.spec;
	bool ipv4 = spec->family == XDPLB_IPV4;
	int err;

	/* Else the kernel keeps "host unreachable" to itself. */
	setsockopt(datagram->fd, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_RECVERR : IPV6_RECVERR,
		   &(int){ 1 }, sizeof(int));
	err = socket_connect(datagram->fd, spec);
	if (err) {
		probe_fail_errno(&datagram->probe, err, "connect");
		return;
	}
	if (send(datagram->fd, data, len, MSG_NOSIGNAL) < 0) {
		probe_fail_errno(&datagram->probe, -errno, "send");
		return;
	}
	datagram->probe.doing = "waiting for the answer";
	ev_io_set(&datagram->io, datagram->fd, EV_READ);
	ev_io_start(datagram->probe.engine->loop, &datagram->io);
}

void datagram_release(struct probe *probe)
{
	struct datagram *datagram = (struct datagram *)probe;

	ev_io_stop(probe->engine->loop, &datagram->io);
	if (datagram->fd >= 0)
		close(datagram->fd);
}
