// SPDX-License-Identifier: BSD-2-Clause
/*
 * The map `undos`: what detach must take back.
 */
#include "host/undo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/maps.h"

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

static size_t take_records(char kind, const struct xdplb_undo_key *keys,
			   const struct xdplb_undo *undos, size_t count,
			   struct undo_record *ret_records)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++) {
		struct undo_record *record = &ret_records[taken];

		if (kind != UNDO_ANY && keys[i].kind != kind)
			continue;
		record->key = keys[i];
		record->undo = undos[i];
		record->undo.value[sizeof(record->undo.value) - 1] = '\0';
		taken++;
	}
	return taken;
}

int undo_list(int fd, char kind, struct undo_record **ret_records, size_t *ret_count)
{
	size_t count = 0, key_size, value_size, entries;
	struct undo_record *records = NULL;
	struct xdplb_undo_key *keys;
	struct xdplb_undo *undos;
	int err;

	err = map_sizes(fd, &key_size, &value_size, &entries);
	if (err)
		return err;
	/* As large as the map could need; what is not touched costs nothing. */
	keys = malloc(entries * sizeof(*keys));
	undos = malloc(entries * sizeof(*undos));
	err = keys && undos ? map_read(fd, keys, undos, entries, &count) : -ENOMEM;
	if (!err) {
		records = malloc((count + 1) * sizeof(*records));
		err = records ? 0 : -ENOMEM;
	}
	if (!err) {
		*ret_count = take_records(kind, keys, undos, count, records);
		*ret_records = records;
	}
	free(keys);
	free(undos);
	return err;
}

int undo_snapshot_begin(int fd, const struct undo_snapshot *known, struct undo_snapshot *ret)
{
	*ret = known ? *known : (struct undo_snapshot){ 0 };
	return known ? 0 : undo_list(fd, UNDO_ANY, &ret->records, &ret->count);
}

void undo_snapshot_end(const struct undo_snapshot *known, struct undo_snapshot *snapshot)
{
	if (!known)
		free(snapshot->records);
	*snapshot = (struct undo_snapshot){ 0 };
}
