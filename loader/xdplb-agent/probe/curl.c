// SPDX-License-Identifier: BSD-2-Clause
/*
 * One libcurl transfer as a probe: options that all share, sockets in the backend's namespace, and
 * libcurl's errors as causes.
 */
#include "probe/curl.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe/curl_driver.h"
#include "probe/socket.h"

/* A replaced CA file is read again after so many seconds; reading the system's takes 10 ms. */
#define CA_CACHE_SECONDS 60L

char *transfer_address(const struct probe_spec *spec, char ret_text[ADDRESS_TEXT_LEN])
{
	return address_port_print(&spec->addr, spec->family, spec->port, ret_text);
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	int fd = socket_open(&transfer->probe, SOCK_STREAM, IPPROTO_TCP);

	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static enum xdplb_health_cause cause_of(CURLcode code)
{
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return XDPLB_CAUSE_TIMEOUT;
	case CURLE_COULDNT_CONNECT:
		return XDPLB_CAUSE_UNREACHABLE;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return XDPLB_CAUSE_CLOSED;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return XDPLB_CAUSE_TLS;
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
	case CURLE_SSL_CACERT_BADFILE: /* our own file is missing or no certificate */
	case CURLE_SSL_ENGINE_INITFAILED:
		return XDPLB_CAUSE_LOCAL;
	default:
		return XDPLB_CAUSE_WRONG_ANSWER; /* no HTTP, broken HTTP/2, too large headers, … */
	}
}

void transfer_end(struct transfer *transfer, CURLcode code)
{
	const char *text = transfer->error[0] ? transfer->error : curl_easy_strerror(code);
	enum xdplb_health_cause cause = cause_of(code);
	long os_errno = 0;

	if (transfer->probe.finished)
		return;
	if (code == CURLE_OK) {
		transfer->done(transfer);
		return;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_errno);
	/* Errors that are libcurl's own leave the last errno behind, which is EAGAIN. */
	if (os_errno && os_errno != EAGAIN &&
	    (code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR))
		cause = socket_cause(-(int)os_errno);
	probe_fail(&transfer->probe, cause, "%s", text);
}

static bool lack_memory(struct transfer *transfer)
{
	probe_fail(&transfer->probe, XDPLB_CAUSE_LOCAL, "libcurl: out of memory");
	return false;
}

bool transfer_add_header(struct transfer *transfer, const char *name, const char *value)
{
	struct curl_slist *longer;
	char line[1280];

	/* An empty value is written "NAME:", which tells libcurl to leave its own out. */
	snprintf(line, sizeof(line), value[0] ? "%s: %s" : "%s:", name, value);
	longer = curl_slist_append(transfer->headers, line);
	if (!longer)
		return lack_memory(transfer);
	transfer->headers = longer;
	return true;
}

/* Whatever the URL's host is, the connection goes to the spec's address: no name service. */
static bool set_target(struct transfer *transfer, const char *scheme, const char *name)
{
	const struct probe_spec *spec = transfer->probe.spec;
	char address[ADDRESS_TEXT_LEN], text[1400];

	transfer_address(spec, address);
	snprintf(text, sizeof(text), "::%s", address);
	transfer->connect_to = curl_slist_append(NULL, text);
	if (!transfer->connect_to)
		return lack_memory(transfer);
	if (name)
		snprintf(text, sizeof(text), "%s://%s:%u/", scheme, name, ntohs(spec->port));
	else
		snprintf(text, sizeof(text), "%s://%s/", scheme, address);
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
	curl_easy_setopt(transfer->easy, CURLOPT_URL, text);
	return true;
}

bool transfer_prepare(struct transfer *transfer, const char *scheme, const char *name)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return lack_memory(transfer);
	transfer->easy = easy;
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_SECONDS);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "xdplb-agent");
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	/* libcurl's own limit must not strike before ours. */
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)PROBE_TIMEOUT_MAX + 1000);
	return set_target(transfer, scheme, name);
}

void transfer_start(struct transfer *transfer)
{
	struct curl_driver *driver = curl_driver_get(transfer->probe.engine);

	transfer->probe.doing = "connecting, or waiting for the answer";
	curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	if (!driver || curl_driver_add(driver, transfer->easy)) {
		lack_memory(transfer);
		return;
	}
	transfer->added = true;
}

void transfer_release(struct probe *probe)
{
	struct transfer *transfer = (struct transfer *)probe;

	if (transfer->added)
		curl_driver_remove(probe->engine->curl, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
}
