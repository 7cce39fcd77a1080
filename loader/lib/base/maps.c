// SPDX-License-Identifier: BSD-2-Clause
/*
 * The only caller of bpf_map_*: opening pinned maps, mapping arrays into memory, plain access.
 */
#include "base/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static int get_info(int fd, struct bpf_map_info *ret_info)
{
	__u32 len = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return bpf_obj_get_info_by_fd(fd, ret_info, &len) ? -errno : 0;
}

int map_open(const char *path)
{
	int fd = bpf_obj_get(path);

	return fd < 0 ? -errno : fd;
}

int map_id(int fd, uint32_t *ret_id)
{
	struct bpf_map_info info;
	int err = get_info(fd, &info);

	if (!err)
		*ret_id = info.id;
	return err;
}

int map_sizes(int fd, size_t *ret_key, size_t *ret_value, size_t *ret_entries)
{
	struct bpf_map_info info;
	int err = get_info(fd, &info);

	if (err)
		return err;
	*ret_key = info.key_size;
	*ret_value = info.value_size;
	*ret_entries = info.max_entries;
	return 0;
}

/* Hidden: addresses for all of it, and nothing behind them. */
static void *map_memory(const struct map_array *array)
{
	if (array->hidden)
		return mmap(NULL, array->length, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return mmap(NULL, array->length, PROT_READ | PROT_WRITE, MAP_SHARED, array->fd, 0);
}

static int open_array(const char *path, size_t value_size, bool hidden, struct map_array *ret_array)
{
	struct map_array array = { .hidden = hidden };
	struct bpf_map_info info;
	int err;

	array.fd = map_open(path);
	if (array.fd < 0)
		return array.fd;
	err = get_info(array.fd, &info);
	if (!err && (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != value_size))
		err = -EPROTO;
	if (err)
		goto fail;
	array.stride = round_up(value_size, 8);
	array.count = info.max_entries;
	array.length = round_up(array.stride * array.count, sysconf(_SC_PAGESIZE));
	array.values = map_memory(&array);
	if (array.values == MAP_FAILED) {
		err = -errno;
		goto fail;
	}
	*ret_array = array;
	return 0;
fail:
	close(array.fd);
	return err;
}

int map_array_open(const char *path, size_t value_size, struct map_array *ret_array)
{
	return open_array(path, value_size, false, ret_array);
}

int map_array_open_hidden(const char *path, size_t value_size, struct map_array *ret_array)
{
	return open_array(path, value_size, true, ret_array);
}

int map_array_show(const struct map_array *array, size_t first, size_t count)
{
	size_t page = sysconf(_SC_PAGESIZE), begin = first * array->stride / page * page;
	size_t end = round_up((first + count) * array->stride, page);

	if (!array->hidden || !count)
		return 0;
	return mmap((char *)array->values + begin, end - begin, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, array->fd, begin) == MAP_FAILED
		       ? -errno
		       : 0;
}

void map_array_close(struct map_array *array)
{
	if (!array->values)
		return;
	munmap(array->values, array->length);
	close(array->fd);
	memset(array, 0, sizeof(*array));
}

void map_wait_for_readers(void)
{
	/* MEMBARRIER_CMD_GLOBAL is a synchronize_rcu() in every kernel that has it. */
	syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

int map_get(int fd, const void *key, void *ret_value)
{
	return bpf_map_lookup_elem(fd, key, ret_value) ? -errno : 0;
}

int map_put(int fd, const void *key, const void *value)
{
	return bpf_map_update_elem(fd, key, value, BPF_ANY) ? -errno : 0;
}

int map_delete(int fd, const void *key)
{
	return bpf_map_delete_elem(fd, key) ? -errno : 0;
}

int map_next(int fd, const void *key, void *ret_key)
{
	return bpf_map_get_next_key(fd, key, ret_key) ? -errno : 0;
}

int map_sum_percpu(int fd, uint32_t index, uint64_t *ret_sum, size_t words)
{
	int cpus = libbpf_num_possible_cpus(), err;
	uint64_t *values;

	if (cpus < 0)
		return cpus;
	values = calloc(cpus, words * sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = map_get(fd, &index, values);
	if (!err) {
		memset(ret_sum, 0, words * sizeof(*ret_sum));
		for (size_t i = 0; i < cpus * words; i++)
			ret_sum[i % words] += values[i];
	}
	free(values);
	return err;
}

int map_clear_percpu(int fd, uint32_t index)
{
	int cpus = libbpf_num_possible_cpus(), err;
	size_t key_size, value_size, entries;
	void *zero;

	if (cpus < 0)
		return cpus;
	err = map_sizes(fd, &key_size, &value_size, &entries);
	if (err)
		return err;
	zero = calloc(cpus, round_up(value_size, 8));
	if (!zero)
		return -ENOMEM;
	err = map_put(fd, &index, zero);
	free(zero);
	return err;
}

int map_read(int fd, void *keys, void *values, size_t entries, size_t *ret_count)
{
	__u32 position, count = entries;

	/* -ENOENT: that was the last of them. */
	if (bpf_map_lookup_batch(fd, NULL, &position, keys, values, &count, NULL) &&
	    errno != ENOENT)
		return -errno;
	*ret_count = count;
	return 0;
}
