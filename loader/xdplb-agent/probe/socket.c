// SPDX-License-Identifier: BSD-2-Clause
/*
 * Sockets for probes.
 */
#include "probe/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "host/netns.h"

struct socket_wish {
	int family, type, protocol;
};

static int open_here(void *arg)
{
	const struct socket_wish *wish = arg;
	int fd = socket(wish->family, wish->type | SOCK_NONBLOCK | SOCK_CLOEXEC, wish->protocol);

	return fd < 0 ? -errno : fd;
}

int socket_open(struct probe *probe, int type, int protocol)
{
	const struct probe_spec *spec = probe->spec;
	struct socket_wish wish = {
		.family = spec->family == XDPLB_IPV4 ? AF_INET : AF_INET6,
		.type = type,
		.protocol = protocol,
	};

	int fd = netns_run(spec->netns ? spec->netns : "", open_here, &wish);

	if (fd >= 0)
		return fd;
	if (fd == -ENONET)
		probe_fail(probe, XDPLB_CAUSE_NO_NETNS, "no network namespace at %s", spec->netns);
	else
		/* Out of descriptors, missing capabilities, …: nothing the backend could help. */
		probe_fail(probe, XDPLB_CAUSE_LOCAL, "socket: %s", strerror(-fd));
	return -1;
}

static int connect_ipv4(int fd, const struct probe_spec *spec)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = spec->port,
		.sin_addr.s_addr = spec->addr.word[0],
	};

	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static int connect_ipv6(int fd, const struct probe_spec *spec)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = spec->port,
	};

	memcpy(&to.sin6_addr, &spec->addr, sizeof(to.sin6_addr));
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

int socket_connect(int fd, const struct probe_spec *spec)
{
	int ret = spec->family == XDPLB_IPV4 ? connect_ipv4(fd, spec) : connect_ipv6(fd, spec);

	return ret < 0 ? -errno : 0;
}

enum xdplb_health_cause socket_cause(int err)
{
	switch (-err) {
	case ECONNREFUSED:
		return XDPLB_CAUSE_REFUSED;
	case ECONNRESET:
	case EPIPE:
		return XDPLB_CAUSE_RESET;
	case ETIMEDOUT:
		return XDPLB_CAUSE_TIMEOUT;
	case ENOMEM:
	case ENOBUFS:
	case EMFILE:
	case ENFILE:
	case EAGAIN: /* no room among the routes or ports */
	case EADDRINUSE:
	case EADDRNOTAVAIL: /* no free port, or no source address */
		return XDPLB_CAUSE_LOCAL;
	default:
		/*
		 * ENETUNREACH, EHOSTUNREACH, EINVAL (a blackhole route), EACCES (a prohibit
		 * route), EPERM (netfilter drops it on the way out), and what else ICMP says.
		 */
		return XDPLB_CAUSE_UNREACHABLE;
	}
}
