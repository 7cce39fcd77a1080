// SPDX-License-Identifier: BSD-2-Clause
/*
 * The block `mpls` of a node, and affinities, which links have and tunnels want. Links are in
 * config_links.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_draft.h"

static void read_labels(const struct yaml_place *place, struct config_mpls *mpls)
{
	static const struct yaml_range range = { CONFIG_LABEL_MIN, CONFIG_LABEL_MAX, "a label" };
	static const struct yaml_key keys[] = { { "first", "a label from 16 to 1048575" },
						{ "last", "a label from 16 to 1048575" } };
	struct yaml_place first, last;

	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	if (!place_child(place, "first", &first) || !place_child(place, "last", &last) ||
	    !place_number(&first, &range, &mpls->label_first) ||
	    !place_number(&last, &range, &mpls->label_last))
		return;
	if (mpls->label_first > mpls->label_last)
		place_refuse(&last, "found a range from %u to %u, expected first <= last",
			     mpls->label_first, mpls->label_last);
}

static void read_small(const struct yaml_place *place, const char *key,
		       const struct yaml_range *range, uint8_t *value)
{
	struct yaml_place child;
	uint32_t number;

	if (place_child(place, key, &child) && place_number(&child, range, &number))
		*value = (uint8_t)number;
}

void draft_read_mpls(const struct yaml_place *place, struct config_node *node)
{
	static const struct yaml_key keys[] = { { "labels", "a mapping of first and last" },
						{ "depth", NULL },
						{ "ttl", NULL },
						{ "traffic_class", NULL },
						{ "php", NULL } };
	static const struct yaml_range depth = { 1, CONFIG_DEPTH_MAX, "a number of labels" };
	static const struct yaml_range ttl = { 1, 255, "a TTL" };
	static const struct yaml_range traffic_class = { 0, 7, "a traffic class" };
	struct config_mpls *mpls = &node->mpls;
	struct yaml_place child;

	*mpls = (struct config_mpls){ .is_set = true,
				      .has_te = mpls->has_te,
				      .depth = CONFIG_DEPTH_MAX,
				      .ttl = 255,
				      .traffic_class = 6,
				      .line = place->line };
	if (!place_keys(place, keys, ARRAY_SIZE(keys)))
		return;
	if (place_child(place, "labels", &child))
		read_labels(&child, mpls);
	read_small(place, "depth", &depth, &mpls->depth);
	read_small(place, "ttl", &ttl, &mpls->ttl);
	read_small(place, "traffic_class", &traffic_class, &mpls->traffic_class);
	if (place_child(place, "php", &child))
		draft_read_switch(&child, &mpls->php);
}

/* ---- affinities ---- */

static int find_affinity(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->affinity_count; i++)
		if (!strcmp(config->affinities[i], name))
			return (int)i;
	return -1;
}

static int add_affinity(struct config *config, const struct yaml_place *place, const char *name)
{
	if (config->affinity_count == CONFIG_AFFINITIES_MAX) {
		place_refuse_value(place, "at most %d affinities in all", CONFIG_AFFINITIES_MAX);
		return -1;
	}
	snprintf(config->affinities[config->affinity_count], XDPLB_NAME_LEN, "%s", name);
	return (int)config->affinity_count++;
}

void draft_read_affinities(struct config_draft *draft, const struct yaml_place *place, bool may_add,
			   uint64_t *ret_bits)
{
	long length = place_length(place, "a list of affinities' names");

	for (long i = 0; i < length; i++) {
		struct yaml_place item = place_item(place, (size_t)i);
		const char *name = place_name(&item);
		int bit;

		if (!name)
			continue;
		bit = find_affinity(&draft->config, name);
		if (bit < 0 && may_add)
			bit = add_affinity(&draft->config, &item, name);
		else if (bit < 0 && !draft->has_bad_links)
			place_refuse_value(&item, "an affinity that some link has");
		if (bit >= 0)
			*ret_bits |= 1ULL << bit;
	}
}
