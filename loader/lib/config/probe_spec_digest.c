// SPDX-License-Identifier: BSD-2-Clause
/*
 * What a probe's outcome depends on, but for where it goes: a setting that is left out counts as
 * the value that stands for it.
 */
#include "base/digest.h"
#include "config/probe_spec.h"

static void put_exchange(struct digest *digest, const struct probe_exchange *exchange)
{
	digest_bytes(digest, exchange->send.data, exchange->send.len);
	digest_bytes(digest, exchange->expect.data, exchange->expect.len);
}

static void put_status(struct digest *digest, const struct probe_http *http)
{
	if (!http->status_count) {
		digest_number(digest, 1);
		digest_number(digest, 200);
		digest_number(digest, 399);
		return;
	}
	digest_number(digest, http->status_count);
	for (size_t i = 0; i < http->status_count; i++) {
		digest_number(digest, http->status[i].first);
		digest_number(digest, http->status[i].last);
	}
}

static void put_http(struct digest *digest, const struct probe_http *http)
{
	digest_text(digest, http->method ? http->method : "GET");
	digest_text(digest, http->path ? http->path : "/");
	digest_text(digest, http->host);
	digest_text(digest, http->sni);
	put_status(digest, http);
	digest_text(digest, http->body_text);
	digest_text(digest, http->body_regex);
	digest_number(digest, http->verify);
	digest_text(digest, http->ca_file);
	/* Nothing for nothing: identities of checks without it are those of older releases. */
	if (http->report)
		digest_text(digest, http->report);
}

static void put_exec(struct digest *digest, const struct probe_exec *exec)
{
	size_t count = 0;

	while (exec->argv[count])
		count++;
	digest_number(digest, count);
	for (size_t i = 0; i < count; i++)
		digest_text(digest, exec->argv[i]);
	digest_number(digest, exec->output_max);
	digest_number(digest, exec->uid);
	digest_number(digest, exec->gid);
	if (exec->report)
		digest_text(digest, PROBE_REPORT_OUTPUT);
}

void probe_spec_digest(const struct probe_spec *spec, struct digest *digest)
{
	digest_number(digest, spec->type);
	switch (spec->type) {
	case PROBE_TCP:
	case PROBE_UDP:
		put_exchange(digest, &spec->exchange);
		break;
	case PROBE_HTTP:
	case PROBE_HTTPS:
		put_http(digest, &spec->http);
		break;
	case PROBE_DNS:
		digest_text(digest, spec->dns.name);
		digest_number(digest, spec->dns.type);
		digest_number(digest, spec->dns.rcode);
		break;
	case PROBE_GRPC:
		digest_text(digest, spec->grpc.service ? spec->grpc.service : "");
		digest_text(digest, spec->grpc.authority);
		break;
	case PROBE_EXEC:
		put_exec(digest, &spec->exec);
		break;
	default:
		break;
	}
}
