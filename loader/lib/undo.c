// SPDX-License-Identifier: BSD-2-Clause
/*
 * The map `undos`: what detach must take back.
 */
#include "undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maps.h"

int undo_key(char kind, const char *netns, const char *what, struct xdplb_undo_key *ret_key)
{
	if (strlen(netns) > sizeof(ret_key->netns) || strlen(what) > sizeof(ret_key->what))
		return -ENAMETOOLONG;
	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->kind = kind;
	memcpy(ret_key->netns, netns, strlen(netns));
	memcpy(ret_key->what, what, strlen(what));
	return 0;
}

void undo_key_netns(const struct xdplb_undo_key *key, char ret_netns[UNDO_NETNS_LEN])
{
	memcpy(ret_netns, key->netns, sizeof(key->netns));
	ret_netns[sizeof(key->netns)] = '\0';
}

void undo_key_what(const struct xdplb_undo_key *key, char ret_what[UNDO_WHAT_LEN])
{
	memcpy(ret_what, key->what, sizeof(key->what));
	ret_what[sizeof(key->what)] = '\0';
}

int undo_get(int fd, const struct xdplb_undo_key *key, struct xdplb_undo *ret_undo)
{
	struct xdplb_undo undo;
	int err = map_get(fd, key, &undo);

	if (err)
		return err;
	undo.value[sizeof(undo.value) - 1] = '\0';
	*ret_undo = undo;
	return 0;
}

int undo_put(int fd, const struct xdplb_undo_key *key, const char *value, uint64_t generation)
{
	struct xdplb_undo undo = { .generation = generation };

	snprintf(undo.value, sizeof(undo.value), "%s", value);
	return map_put(fd, key, &undo);
}

int undo_forget(int fd, const struct xdplb_undo_key *key)
{
	int err = map_delete(fd, key);

	return err == -ENOENT ? 0 : err;
}

/* Makes room for one more: the room doubles whenever the count is a power of two. */
static int grow(struct undo_record **records, size_t count)
{
	struct undo_record *room = *records;

	if (!(count & (count - 1)))
		room = reallocarray(room, count ? 2 * count : 1, sizeof(*room));
	if (!room)
		return -ENOMEM;
	*records = room;
	return 0;
}

int undo_list(int fd, char kind, struct undo_record **ret_records, size_t *ret_count)
{
	size_t count = 0, key_size, value_size, entries;
	struct undo_record *records = NULL;
	struct xdplb_undo_key key;
	int err, last;

	err = map_sizes(fd, &key_size, &value_size, &entries);
	if (err)
		return err;
	/* A key that another process deletes meanwhile starts the walk anew: hence the bound. */
	last = map_next(fd, NULL, &key);
	for (size_t seen = 0; !last && !err && seen < entries; seen++) {
		if (kind == UNDO_ANY || key.kind == kind) {
			err = grow(&records, count);
			if (!err && !undo_get(fd, &key, &records[count].undo))
				records[count++].key = key;
		}
		last = map_next(fd, &key, &key);
	}
	if (err || (last && last != -ENOENT)) {
		free(records);
		return err ? err : last;
	}
	*ret_records = records;
	*ret_count = count;
	return 0;
}
