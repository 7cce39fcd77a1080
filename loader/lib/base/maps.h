/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * BPF maps as the rest of the loader sees them; maps.c is the only caller of bpf_map_*. All return 0
 * or -errno.
 */
#ifndef XDPLB_MAPS_H
#define XDPLB_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An array map (BPF_F_MMAPABLE) in this process's memory: a store is a change, at once. */
struct map_array {
	int fd;
	void *values; /* the first element */
	size_t stride; /* bytes from one element to the next: value size rounded up to 8 */
	size_t count;
	size_t length; /* of the mapping in memory, bytes */
	bool hidden; /* only what map_array_show() was called for may be touched */
};

/**
 * map_array_open() - Map a pinned array into memory.
 * @path:      where it is pinned
 * @value_size: what an element is expected to measure
 * @ret_array: filled on success; map_array_close() gives it back
 *
 * Return: 0; -ENOENT not pinned; -EPROTO another type or value size; -errno.
 */
int map_array_open(const char *path, size_t value_size, struct map_array *ret_array);
void map_array_close(struct map_array *array);

/* The same with no element in memory yet: each page mapped costs time, of large maps more than all that is done there. */
int map_array_open_hidden(const char *path, size_t value_size, struct map_array *ret_array);

/* Brings elements of such a map into memory; those of another are there. 0 or -errno. */
int map_array_show(const struct map_array *array, size_t first, size_t count);

/* Element @index, which must be below array->count. */
static inline void *map_at(const struct map_array *array, size_t index)
{
	return (char *)array->values + index * array->stride;
}

/* Waits until every program that ran when this was called has ended (an RCU grace period): what
 * nothing refers to any more may be overwritten then. */
void map_wait_for_readers(void);

/* Opens a pinned map of any type; a file descriptor, or -errno. */
int map_open(const char *path);

/* The number by which the kernel knows a map: no two maps ever have the same. */
int map_id(int fd, uint32_t *ret_id);

/* Sizes of a map, by its descriptor. */
int map_sizes(int fd, size_t *ret_key, size_t *ret_value, size_t *ret_entries);

int map_get(int fd, const void *key, void *ret_value);
int map_put(int fd, const void *key, const void *value);
int map_delete(int fd, const void *key); /* -ENOENT: was not there */

/* The key after @key (NULL: the first); -ENOENT: there is none. */
int map_next(int fd, const void *key, void *ret_key);

/**
 * map_read() - All elements of a hash map at once.
 * @keys, @values: room for as many as the map can hold
 * @ret_count:     how many there were
 */
int map_read(int fd, void *keys, void *values, size_t entries, size_t *ret_count);

/**
 * map_sum_percpu() - Add up a per-CPU element, 64-bit word by word.
 * @fd:      a per-CPU array
 * @index:   the element
 * @ret_sum: @words sums, host byte order
 * @words:   value size / 8
 */
int map_sum_percpu(int fd, uint32_t index, uint64_t *ret_sum, size_t words);

/* Sets a per-CPU array's element to zero on every CPU. */
int map_clear_percpu(int fd, uint32_t index);

#endif
