// SPDX-License-Identifier: BSD-2-Clause
/*
 * What is to be probed: the targets of the members of all services, each once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "base/digest.h"

/* A member's wish for a target. */
struct wish {
	struct config_target target;
	struct config_member *member;
};

static uint64_t derive_identity(const struct config_target *target, const struct probe_spec *spec,
				const char *netns)
{
	struct digest digest;
	uint64_t identity;

	digest_init(&digest);
	probe_spec_digest(spec, &digest);
	digest_number(&digest, target->family);
	digest_bytes(&digest, &target->addr, sizeof(target->addr));
	digest_bytes(&digest, &target->port, sizeof(target->port));
	digest_text(&digest, netns);
	identity = digest_final(&digest);
	return identity ? identity : 1; /* 0 means: no check */
}

static struct config_target wanted_target(const struct config *config,
					  const struct config_service *service,
					  const struct config_member *member)
{
	struct config_target target = { .backend = member->backend, .check = service->check };
	const struct config_check *check;

	if (service->check == CONFIG_NO_CHECK)
		return target;
	check = &config->checks[service->check];
	target.family = service->family;
	target.addr = check->at_vip ? service->vip : member->addr;
	if (check->spec.type != PROBE_ICMP)
		target.port = check->spec.port ? check->spec.port : member->port;
	target.identity =
		derive_identity(&target, &check->spec, config->backends[member->backend].netns);
	return target;
}

static int compare_numbers(uint64_t left, uint64_t right)
{
	return (left > right) - (left < right);
}

/* Checks are sorted by name; CONFIG_NO_CHECK + 1 is 0 and so comes first. */
static int compare_checks(const struct config_target *left, const struct config_target *right)
{
	return compare_numbers(left->check + 1, right->check + 1);
}

/* Those of one target become neighbours, the first check name in front. */
static int compare_sameness(const void *left, const void *right)
{
	const struct config_target *a = &((const struct wish *)left)->target;
	const struct config_target *b = &((const struct wish *)right)->target;
	int order = compare_numbers(a->backend, b->backend);

	if (!order)
		order = compare_numbers(a->identity, b->identity);
	return order ? order : compare_checks(a, b);
}

/* The order of config.targets. */
static int compare_order(const void *left, const void *right)
{
	const struct config_target *a = &((const struct wish *)left)->target;
	const struct config_target *b = &((const struct wish *)right)->target;
	int order = compare_numbers(a->backend, b->backend);

	if (!order)
		order = compare_checks(a, b);
	return order ? order : compare_numbers(a->identity, b->identity);
}

static bool is_same_target(const struct config_target *left, const struct config_target *right)
{
	return left->backend == right->backend && left->identity == right->identity;
}

static size_t collect_wishes(struct config *config, struct wish *wishes)
{
	size_t count = 0;

	for (size_t s = 0; s < config->service_count; s++) {
		struct config_service *service = &config->services[s];

		for (size_t m = 0; m < service->member_count; m++) {
			struct config_member *member = &service->members[m];

			if (wishes)
				wishes[count] =
					(struct wish){ wanted_target(config, service, member),
						       member };
			count++;
		}
	}
	return count;
}

/* Whoever wants the same is given the same check: the first by name. */
static void agree_on_checks(struct wish *wishes, size_t count)
{
	qsort(wishes, count, sizeof(*wishes), compare_sameness);
	for (size_t i = 1; i < count; i++)
		if (is_same_target(&wishes[i - 1].target, &wishes[i].target))
			wishes[i].target.check = wishes[i - 1].target.check;
}

int config_derive_targets(struct config *config)
{
	size_t count = collect_wishes(config, NULL);
	struct config_target *targets = calloc(count ? count : 1, sizeof(*targets));
	struct wish *wishes = calloc(count ? count : 1, sizeof(*wishes));
	size_t kept = 0;

	if (!targets || !wishes) {
		free(targets);
		free(wishes);
		return -ENOMEM;
	}
	collect_wishes(config, wishes);
	agree_on_checks(wishes, count);
	qsort(wishes, count, sizeof(*wishes), compare_order);
	for (size_t i = 0; i < count; i++) {
		if (!kept || !is_same_target(&targets[kept - 1], &wishes[i].target))
			targets[kept++] = wishes[i].target;
		wishes[i].member->target = kept - 1;
	}
	free(wishes);
	free(config->targets);
	config->targets = targets;
	config->target_count = kept;
	return 0;
}
