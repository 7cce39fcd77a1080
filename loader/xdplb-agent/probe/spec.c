// SPDX-License-Identifier: BSD-2-Clause
/*
 * Names of types and causes, and whether a spec can be probed with. What a kind wants of its own
 * part is checked beside the kind.
 */
#include <errno.h>
#include <string.h>

#include "probe/kind.h"

static const char *const type_names[] = {
#define X(name, word) #word,
	PROBE_TYPES(X)
#undef X
};

const char *probe_type_name(enum probe_type type)
{
	return type < PROBE_TYPE_COUNT ? type_names[type] : "?";
}

int probe_type_parse(const char *name, enum probe_type *ret_type)
{
	for (size_t i = 0; i < PROBE_TYPE_COUNT; i++) {
		if (strcmp(name, type_names[i]) == 0) {
			*ret_type = (enum probe_type)i;
			return 0;
		}
	}
	return -EINVAL;
}

bool probe_is_token(const char *text)
{
	size_t len = strlen(text);

	if (!len || len > 1024)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	}
	return true;
}

static int check_exchange(const struct probe_exchange *exchange, struct error *error)
{
	if (exchange->expect.len > PROBE_ANSWER_MAX)
		return fail(error, -EINVAL, "expect: %zu bytes, at most %d are compared",
			    exchange->expect.len, PROBE_ANSWER_MAX);
	if (exchange->send.len > PROBE_BODY_MAX)
		return fail(error, -EINVAL, "send: %zu bytes, more than %d", exchange->send.len,
			    PROBE_BODY_MAX);
	return 0;
}

static int check_target(const struct probe_spec *spec, struct error *error)
{
	if (spec->family != XDPLB_IPV4 && spec->family != XDPLB_IPV6)
		return fail(error, -EINVAL, "address: there is none");
	if (!spec->port && spec->type != PROBE_ICMP)
		return fail(error, -EINVAL, "port: there is none");
	return 0;
}

int probe_spec_check(const struct probe_spec *spec, struct error *error)
{
	int err;

	if (!spec->timeout_ms || spec->timeout_ms > PROBE_TIMEOUT_MAX)
		return fail(error, -EINVAL, "timeout: %u ms, expected 1 to %d", spec->timeout_ms,
			    PROBE_TIMEOUT_MAX);
	if (spec->type == PROBE_EXEC)
		return probe_exec_check(&spec->exec, error);
	err = check_target(spec, error);
	if (err)
		return err;
	switch (spec->type) {
	case PROBE_TCP:
	case PROBE_UDP:
		return check_exchange(&spec->exchange, error);
	case PROBE_HTTP:
	case PROBE_HTTPS:
		return probe_http_check(&spec->http, error);
	case PROBE_DNS:
		return probe_dns_check(&spec->dns, error);
	case PROBE_GRPC:
		return probe_grpc_check(&spec->grpc, error);
	case PROBE_ICMP:
		return 0;
	default:
		return fail(error, -EINVAL, "type: there is no type %d", spec->type);
	}
}
