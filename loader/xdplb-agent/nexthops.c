// SPDX-License-Identifier: BSD-2-Clause
/*
 * Next hops in the map `members`.
 */
#include "nexthops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool forget(struct xdplb_member *member)
{
	/* lb_xdp writes it last: a store that crosses one of its own is made good within a second. */
	return __atomic_exchange_n(&member->nexthop.expires, 0, __ATOMIC_RELAXED) != 0;
}

size_t nexthops_forget_via(const struct access_view *view, const struct nexthop_via *via)
{
	size_t count = 0;

	for (uint32_t i = 0; i < view->members.count; i++) {
		struct xdplb_member *member = access_member(view, i);

		if (member->nexthop.ifindex == via->ifindex &&
		    !memcmp(member->nexthop.dmac, via->mac, sizeof(via->mac)))
			count += forget(member);
	}
	return count;
}

size_t nexthops_forget_interface(const struct access_view *view, uint32_t ifindex)
{
	size_t count = 0;

	for (uint32_t i = 0; i < view->members.count; i++) {
		struct xdplb_member *member = access_member(view, i);

		if (!ifindex || member->nexthop.ifindex == ifindex)
			count += forget(member);
	}
	return count;
}

/* ---- in use ---- */

int nexthop_via_compare(const struct nexthop_via *a, const struct nexthop_via *b)
{
	if (a->ifindex != b->ifindex)
		return a->ifindex < b->ifindex ? -1 : 1;
	return memcmp(a->mac, b->mac, sizeof(a->mac));
}

static int compare_vias(const void *a, const void *b)
{
	return nexthop_via_compare(a, b);
}

int nexthops_in_use(const struct access_view *view, uint64_t since, uint64_t lifetime,
		    struct nexthop_set *ret_set)
{
	struct nexthop_via *vias = calloc(view->members.count + 1, sizeof(*vias));
	size_t found = 0, kept = 0;

	if (!vias)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->members.count; i++) {
		const struct xdplb_nexthop *nexthop = &access_member(view, i)->nexthop;
		uint64_t expires = __atomic_load_n(&nexthop->expires, __ATOMIC_RELAXED);

		if (!expires || expires < since + lifetime)
			continue;
		vias[found].ifindex = nexthop->ifindex;
		memcpy(vias[found++].mac, nexthop->dmac, sizeof(nexthop->dmac));
	}
	qsort(vias, found, sizeof(*vias), compare_vias);
	for (size_t i = 0; i < found; i++)
		if (!kept || compare_vias(&vias[kept - 1], &vias[i]))
			vias[kept++] = vias[i];
	*ret_set = (struct nexthop_set){ vias, kept };
	return 0;
}

void nexthop_set_free(struct nexthop_set *set)
{
	free(set->vias);
	*set = (struct nexthop_set){ 0 };
}

bool nexthop_set_has(const struct nexthop_set *set, const struct nexthop_via *via)
{
	return set->count &&
	       bsearch(via, set->vias, set->count, sizeof(*set->vias), compare_vias) != NULL;
}

/* ---- addresses ---- */

static int compare_addresses(const struct nexthop_prefix *a, const struct nexthop_prefix *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(&a->addr, &b->addr, sizeof(a->addr)); /* network order: also by number */
}

static int compare_list(const void *a, const void *b)
{
	return compare_addresses(a, b);
}

int nexthop_addresses_read(const struct access_view *view, struct nexthop_addresses *ret_addresses)
{
	struct nexthop_prefix *list = calloc(view->member_infos.count + 1, sizeof(*list));
	size_t count = 0;

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < view->member_infos.count; i++) {
		const struct xdplb_member_info *info = access_member_info(view, i);
		uint8_t family;

		if (!info->in_use || info->service >= view->service_infos.count)
			continue;
		family = access_service_info(view, info->service)->family;
		list[count++] = (struct nexthop_prefix){
			.family = family,
			.length = family == XDPLB_IPV4 ? 32 : 128,
			.addr = access_member(view, i)->addr,
		};
	}
	qsort(list, count, sizeof(*list), compare_list);
	*ret_addresses = (struct nexthop_addresses){ list, count };
	return 0;
}

void nexthop_addresses_free(struct nexthop_addresses *addresses)
{
	free(addresses->list);
	*addresses = (struct nexthop_addresses){ 0 };
}

static bool lies_in(const struct nexthop_prefix *address, const struct nexthop_prefix *prefix)
{
	const uint8_t *a = (const uint8_t *)&address->addr, *p = (const uint8_t *)&prefix->addr;
	size_t bytes = prefix->length / 8, bits = prefix->length % 8;

	if (address->family != prefix->family || memcmp(a, p, bytes))
		return false;
	return !bits || !((a[bytes] ^ p[bytes]) >> (8 - bits));
}

bool nexthop_addresses_cover(const struct nexthop_addresses *addresses,
			     const struct nexthop_prefix *prefix)
{
	size_t first = 0, end = addresses->count;

	/* The first address that is not below the prefix: if that is not in it, none is. */
	while (first < end) {
		size_t middle = (first + end) / 2;

		if (compare_addresses(&addresses->list[middle], prefix) < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return first < addresses->count && lies_in(&addresses->list[first], prefix);
}
