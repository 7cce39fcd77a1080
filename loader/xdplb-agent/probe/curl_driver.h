/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libcurl's multi interface on libev: sockets and one timer.
 */
#ifndef XDPLB_PROBE_CURL_DRIVER_H
#define XDPLB_PROBE_CURL_DRIVER_H

#include <curl/curl.h>

#include "probe/kind.h"

/* The engine's driver, made at its first use. NULL: out of memory. */
struct curl_driver *curl_driver_get(struct probe_engine *engine);

/* @easy's CURLOPT_PRIVATE is a struct transfer, whose end is told by transfer_end(). */
CURLMcode curl_driver_add(struct curl_driver *driver, CURL *easy);
void curl_driver_remove(struct curl_driver *driver, CURL *easy);

/* In curl.c: a transfer has come to its end. */
struct transfer;
void transfer_end(struct transfer *transfer, CURLcode code);

#endif
