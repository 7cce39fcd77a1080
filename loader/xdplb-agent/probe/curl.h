/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One libcurl transfer as a probe: what http and grpc have in common.
 */
#ifndef XDPLB_PROBE_CURL_H
#define XDPLB_PROBE_CURL_H

#include <curl/curl.h>

#include "base/address.h"
#include "probe/kind.h"

struct transfer {
	struct probe probe;
	CURL *easy; /* NULL: none could be made */
	struct curl_slist *headers, *connect_to;
	bool added; /* to the driver's multi handle */
	char error[CURL_ERROR_SIZE];
	/* The whole answer is there. Not called if the transfer failed or the probe has ended. */
	void (*done)(struct transfer *transfer);
};

/**
 * transfer_prepare() - Set up what every transfer has.
 * @scheme: "http" or "https"
 * @name:   host name for SNI, certificate check and the Host header; NULL: the address
 *
 * A connection of its own to the spec's address and port, whatever the name; no proxy, no
 * redirects, no name service, no state kept from other transfers.
 *
 * Return: whether it could be done; if not the probe has failed.
 */
bool transfer_prepare(struct transfer *transfer, const char *scheme, const char *name);

/* Adds "NAME: VALUE" to the request. False: the probe has failed. */
bool transfer_add_header(struct transfer *transfer, const char *name, const char *value);

/* Begins. Callbacks of libcurl may end the probe and then make libcurl give up. */
void transfer_start(struct transfer *transfer);

/* A kind's release. */
void transfer_release(struct probe *probe);

/* The address as it stands in URLs, port included: "10.0.0.1:80", "[fd00::1]:80". */
char *transfer_address(const struct probe_spec *spec, char ret_text[ADDRESS_TEXT_LEN]);

#endif
