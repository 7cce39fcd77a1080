/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map `undos`: what detach must take back (xdplb/infos.h tells the kinds). Keeps records; how
 * each kind is undone others know. All return 0 or -errno.
 */
#ifndef XDPLB_UNDO_H
#define XDPLB_UNDO_H

#include <stddef.h>
#include <stdint.h>

#include "xdplb/infos.h"

#define UNDO_ADDRESS 'a'
#define UNDO_SYSCTL  's'
#define UNDO_ROUTE   'r'
#define UNDO_FILTER  'f' /* a clsact filter, tc_filter.c */
#define UNDO_DEVICE  'd'
#define UNDO_OFFLOAD 'o'

/* Room for a key's parts as text, each with a terminating zero (the key's may have none). */
#define UNDO_NETNS_LEN (sizeof(((struct xdplb_undo_key *)0)->netns) + 1)
#define UNDO_WHAT_LEN  (sizeof(((struct xdplb_undo_key *)0)->what) + 1)

struct undo_record {
	struct xdplb_undo_key key;
	struct xdplb_undo undo;
};

/* A key, its unused bytes zero. -ENAMETOOLONG: a part does not fit. */
int undo_key(char kind, const char *netns, const char *what, struct xdplb_undo_key *ret_key);

/* Parts of a key as text. */
void undo_key_netns(const struct xdplb_undo_key *key, char ret_netns[UNDO_NETNS_LEN]);
void undo_key_what(const struct xdplb_undo_key *key, char ret_what[UNDO_WHAT_LEN]);

/* -ENOENT: nothing is recorded. */
int undo_get(int fd, const struct xdplb_undo_key *key, struct xdplb_undo *ret_undo);

/**
 * undo_put() - Record what was there before.
 * @value: cut off after 63 bytes
 *
 * Return: 0; -E2BIG the map is full; -errno.
 */
int undo_put(int fd, const struct xdplb_undo_key *key, const char *value, uint64_t generation);

/* Nothing recorded is no error. */
int undo_forget(int fd, const struct xdplb_undo_key *key);

#define UNDO_ANY 0

/*
 * All records as they were at some moment. To read the map takes milliseconds, since it has room for the largest of
 * nodes: one run of the loader does so once. What the run itself records is wanted, and so is nothing to those who
 * look for what is not.
 */
struct undo_snapshot {
	struct undo_record *records;
	size_t count;
};

/**
 * undo_list() - All records of a kind; UNDO_ANY: all there are.
 * @ret_records: allocated; free()
 */
int undo_list(int fd, char kind, struct undo_record **ret_records, size_t *ret_count);

/* All there are: of @known, or, if that is NULL, read from the map. undo_snapshot_end() gives back what was read. */
int undo_snapshot_begin(int fd, const struct undo_snapshot *known, struct undo_snapshot *ret);
void undo_snapshot_end(const struct undo_snapshot *known, struct undo_snapshot *snapshot);

#endif
