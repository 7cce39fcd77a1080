// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taken lines, in order.
 */
#include "base/extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void extents_free(struct extents *extents)
{
	free(extents->list);
	*extents = (struct extents){ 0 };
}

/* The place of the first extent that does not begin before this line. */
static size_t place_of(const struct extents *extents, uint32_t first)
{
	size_t low = 0, high = extents->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (extents->list[middle].first < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert(struct extents *extents, size_t at, struct extent extent)
{
	if (extents->count == extents->room) {
		size_t room = extents->room ? 2 * extents->room : 64;
		struct extent *list = realloc(extents->list, room * sizeof(*list));

		if (!list)
			return -ENOMEM;
		extents->list = list;
		extents->room = room;
	}
	memmove(&extents->list[at + 1], &extents->list[at],
		(extents->count - at) * sizeof(*extents->list));
	extents->list[at] = extent;
	extents->count++;
	return 0;
}

static uint32_t lines_of(uint32_t buckets)
{
	return (buckets + XDPLB_BUCKETS_PER_LINE - 1) / XDPLB_BUCKETS_PER_LINE;
}

int extents_take(struct extents *extents, struct xdplb_bucket_ref table)
{
	struct extent extent = { table.base / XDPLB_BUCKETS_PER_LINE, lines_of(table.count) };
	size_t at = place_of(extents, extent.first);

	if (!table.count || (at < extents->count && extents->list[at].first == extent.first))
		return 0;
	return insert(extents, at, extent);
}

int extents_find(struct extents *extents, uint32_t lines, uint32_t buckets,
		 struct xdplb_bucket_ref *ret_table)
{
	struct extent extent = { 0, lines_of(buckets) };
	size_t at = 0;
	int err;

	for (; at < extents->count; at++) {
		if (extents->list[at].first - extent.first >= extent.count)
			break;
		extent.first = extents->list[at].first + extents->list[at].count;
	}
	if (at == extents->count && (extent.first > lines || lines - extent.first < extent.count))
		return -ENOSPC;
	err = insert(extents, at, extent);
	if (!err)
		*ret_table =
			(struct xdplb_bucket_ref){ extent.first * XDPLB_BUCKETS_PER_LINE, buckets };
	return err;
}
