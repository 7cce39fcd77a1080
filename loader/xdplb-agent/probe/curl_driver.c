// SPDX-License-Identifier: BSD-2-Clause
/*
 * libcurl's multi interface on libev. libcurl says which sockets to watch and when to be woken;
 * we call it then and hand on what has ended. Knows nothing of what is transferred.
 */
#include "probe/curl_driver.h"

#include <stdlib.h>

struct curl_driver {
	CURLM *multi;
	struct ev_loop *loop;
	ev_timer timer;
};

/* A socket of libcurl's; it may outlive its transfer for a moment, hence on its own. */
struct curl_socket {
	struct curl_driver *driver;
	ev_io io;
};

static void act(struct curl_driver *driver, curl_socket_t fd, int events)
{
	CURLMsg *message;
	int running, left;
	void *transfer;

	curl_multi_socket_action(driver->multi, fd, events, &running);
	while ((message = curl_multi_info_read(driver->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		/* Only notes the result: the handle is removed when that is delivered. */
		transfer_end(transfer, message->data.result);
	}
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
	struct curl_socket *sock = io->data;

	act(sock->driver, io->fd,
	    (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int forget_socket(struct curl_driver *driver, curl_socket_t fd, struct curl_socket *sock)
{
	if (!sock)
		return 0;
	ev_io_stop(driver->loop, &sock->io);
	curl_multi_assign(driver->multi, fd, NULL);
	free(sock);
	return 0;
}

static struct curl_socket *make_socket(struct curl_driver *driver, curl_socket_t fd)
{
	struct curl_socket *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return NULL;
	sock->driver = driver;
	ev_init(&sock->io, on_socket);
	sock->io.data = sock;
	curl_multi_assign(driver->multi, fd, sock);
	return sock;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
	struct curl_socket *sock = socket_arg;
	struct curl_driver *driver = arg;

	if (what == CURL_POLL_REMOVE)
		return forget_socket(driver, fd, sock);
	if (!sock)
		sock = make_socket(driver, fd);
	if (!sock)
		return -1;
	ev_io_stop(driver->loop, &sock->io);
	ev_io_set(&sock->io, fd, events);
	ev_io_start(driver->loop, &sock->io);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct curl_driver *driver = arg;

	ev_timer_stop(driver->loop, &driver->timer);
	if (timeout_ms == 0)
		ev_feed_event(driver->loop, &driver->timer, EV_TIMER);
	if (timeout_ms <= 0)
		return 0;
	ev_timer_set(&driver->timer, (double)timeout_ms / 1e3, 0);
	ev_timer_start(driver->loop, &driver->timer);
	return 0;
}

struct curl_driver *curl_driver_get(struct probe_engine *engine)
{
	struct curl_driver *driver = engine->curl;

	if (driver)
		return driver;
	driver = calloc(1, sizeof(*driver));
	if (!driver)
		return NULL;
	driver->multi = curl_multi_init();
	if (!driver->multi) {
		free(driver);
		return NULL;
	}
	driver->loop = engine->loop;
	ev_init(&driver->timer, on_timer);
	driver->timer.data = driver;
	curl_multi_setopt(driver->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(driver->multi, CURLMOPT_SOCKETDATA, driver);
	curl_multi_setopt(driver->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(driver->multi, CURLMOPT_TIMERDATA, driver);
	curl_multi_setopt(driver->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	engine->curl = driver;
	return driver;
}

CURLMcode curl_driver_add(struct curl_driver *driver, CURL *easy)
{
	return curl_multi_add_handle(driver->multi, easy);
}

void curl_driver_remove(struct curl_driver *driver, CURL *easy)
{
	curl_multi_remove_handle(driver->multi, easy);
}

void curl_driver_free(struct curl_driver *driver)
{
	if (!driver)
		return;
	curl_multi_cleanup(driver->multi);
	ev_timer_stop(driver->loop, &driver->timer);
	free(driver);
}
