// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pinned arrays in memory: all of one, or what was asked for of one that is hidden.
 */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/maps.h"
#include "net_lab.h"

TestSuite(map_array);

/* 24 bytes from one element to the next: 170 and two thirds in a page, 24,000 bytes in 6. */
#define ELEMENTS 1000
#define PAGES    6
#define PAGE     4096

struct element {
	uint32_t word[5];
};

#define DIR    "/run/netns/bpf"
#define PINNED DIR "/array"

static int make_map(enum bpf_map_type type, __u32 key_size, __u32 flags, const char *path)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = flags);
	int fd = bpf_map_create(type, "test", key_size, sizeof(struct element), ELEMENTS, &options);

	cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
	cr_assert_eq(bpf_obj_pin(fd, path), 0, "%s: %s", path, strerror(errno));
	return fd;
}

static struct element element_of(uint32_t i)
{
	return (struct element){ { i, i + 1, ~i, 0xc0ffee, i * 3 } };
}

/* A bpffs of the test's own with a full array. Return: the array's descriptor. */
static int set_up(void)
{
	int fd;

	net_lab_enter();
	if (sysconf(_SC_PAGESIZE) != PAGE)
		cr_skip_test("pages of another size");
	cr_assert_eq(mkdir(DIR, 0755), 0);
	cr_assert_eq(mount("bpf", DIR, "bpf", 0, NULL), 0);
	fd = make_map(BPF_MAP_TYPE_ARRAY, 4, BPF_F_MMAPABLE, PINNED);
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		struct element element = element_of(i);

		cr_assert_eq(map_put(fd, &i, &element), 0);
	}
	return fd;
}

/* The kernel reads it in our place: EFAULT rather than a signal where nothing is. */
static bool is_readable(const void *at)
{
	int fds[2];
	bool readable;

	cr_assert_eq(pipe(fds), 0);
	readable = write(fds[1], at, 1) == 1;
	cr_assert(readable || errno == EFAULT);
	close(fds[0]);
	close(fds[1]);
	return readable;
}

/* Which pages are in memory: bit 0 is the first. */
static unsigned int pages_shown(const struct map_array *array)
{
	unsigned int shown = 0;

	for (int i = 0; i < PAGES; i++) {
		bool begin = is_readable((char *)array->values + i * PAGE);

		cr_expect_eq(begin, is_readable((char *)array->values + i * PAGE + PAGE - 1));
		shown |= begin << i;
	}
	return shown;
}

static int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

/* ---- what is there ---- */

static void check_sizes(const char *row, const struct map_array *array)
{
	cr_expect_eq(array->count, ELEMENTS, "%s: %zu elements", row, array->count);
	cr_expect_eq(array->stride, 24, "%s: stride %zu", row, array->stride);
	cr_expect_eq(array->length, PAGES * PAGE, "%s: length %zu", row, array->length);
}

Test(map_array, all_is_there)
{
	int fd = set_up(), descriptor = next_descriptor();
	struct map_array array;
	void *values;

	cr_assert_eq(map_array_open(PINNED, sizeof(struct element), &array), 0);
	check_sizes("open", &array);
	cr_expect_eq(pages_shown(&array), 0x3f);
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		struct element element = element_of(i);

		cr_assert_arr_eq(map_at(&array, i), &element, sizeof(element), "element %u", i);
	}
	/* Nothing to show, and nothing changes. */
	((struct element *)map_at(&array, 3))->word[0] = 4711;
	values = array.values;
	close(array.fd);
	cr_expect_eq(map_array_show(&array, 0, ELEMENTS), 0, "mapped again");
	cr_expect_eq(array.values, values);
	array.fd = dup(fd);
	cr_expect_eq(((struct element *)map_at(&array, 3))->word[0], 4711);
	map_array_close(&array);
	cr_expect_not(is_readable(values), "still there");
	cr_expect_null(array.values);
	cr_expect_eq(next_descriptor(), descriptor, "a descriptor is left");
	map_array_close(&array);
	close(fd);
}

Test(map_array, hidden_is_nothing)
{
	int fd = set_up(), descriptor = next_descriptor();
	struct map_array array;
	void *values;

	cr_assert_eq(map_array_open_hidden(PINNED, sizeof(struct element), &array), 0);
	check_sizes("hidden", &array);
	cr_expect_eq(pages_shown(&array), 0);
	values = array.values;
	cr_assert_eq(map_array_show(&array, 200, 1), 0);
	cr_expect_eq(array.values, values, "moved");
	cr_expect_eq(pages_shown(&array), 1 << 1);
	map_array_close(&array);
	cr_expect_not(is_readable((char *)values + PAGE), "still there");
	cr_expect_null(array.values);
	cr_expect_eq(next_descriptor(), descriptor, "a descriptor is left");
	close(fd);
}

/* ---- what is shown ---- */

static const struct {
	const char *row;
	size_t first, count;
	unsigned int pages;
} show_rows[] = {
	{ "none of the first", 0, 0, 0 },
	{ "none across an edge", 170, 0, 0 },
	{ "the first", 0, 1, 1 << 0 },
	{ "all before an edge", 0, 170, 1 << 0 },
	{ "across an edge", 170, 1, 1 << 0 | 1 << 1 },
	{ "the first after an edge", 171, 1, 1 << 1 },
	{ "up to an edge", 511, 1, 1 << 2 },
	{ "from an edge", 512, 1, 1 << 3 },
	{ "both sides of an edge", 511, 2, 1 << 2 | 1 << 3 },
	{ "from an edge to the next", 512, 171, 1 << 3 | 1 << 4 },
	{ "four pages", 171, 600, 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 },
	{ "the last", 999, 1, 1 << 5 },
	{ "all", 0, ELEMENTS, 0x3f },
};

/* What is shown is the map: both ways, at once. */
static void check_shown(const char *row, const struct map_array *array, int fd, uint32_t first,
			uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		struct element element = element_of(i), *shown = map_at(array, i);

		cr_assert_arr_eq(shown, &element, sizeof(element), "%s: element %u", row, i);
		shown->word[4] = i ^ 0xabcd;
		cr_assert_eq(map_get(fd, &i, &element), 0);
		cr_expect_eq(element.word[4], i ^ 0xabcd, "%s: a store to %u", row, i);
		element.word[4] = i * 3;
		cr_assert_eq(map_put(fd, &i, &element), 0);
		cr_expect_eq(shown->word[4], i * 3, "%s: a change of %u", row, i);
	}
}

Test(map_array, shows_what_was_asked_for)
{
	int fd = set_up();

	for (size_t i = 0; i < sizeof(show_rows) / sizeof(show_rows[0]); i++) {
		const char *row = show_rows[i].row;
		struct map_array array;

		cr_assert_eq(map_array_open_hidden(PINNED, sizeof(struct element), &array), 0);
		cr_expect_eq(map_array_show(&array, show_rows[i].first, show_rows[i].count), 0,
			     "%s", row);
		cr_assert_eq(pages_shown(&array), show_rows[i].pages, "%s: pages 0x%x", row,
			     pages_shown(&array));
		check_shown(row, &array, fd, show_rows[i].first, show_rows[i].count);
		map_array_close(&array);
	}
	close(fd);
}

/* One after the other, and one again: what was there before stays, with what was written to it. */
Test(map_array, shows_more)
{
	int fd = set_up();
	struct map_array array;

	cr_assert_eq(map_array_open_hidden(PINNED, sizeof(struct element), &array), 0);
	cr_assert_eq(map_array_show(&array, 999, 1), 0);
	((struct element *)map_at(&array, 999))->word[0] = 4711;
	cr_assert_eq(map_array_show(&array, 300, 10), 0);
	cr_expect_eq(pages_shown(&array), 1 << 1 | 1 << 5);
	cr_assert_eq(map_array_show(&array, 200, 800), 0);
	cr_expect_eq(pages_shown(&array), 0x3e);
	cr_expect_eq(((struct element *)map_at(&array, 999))->word[0], 4711);
	cr_expect_eq(((struct element *)map_at(&array, 300))->word[0], 300);
	map_array_close(&array);
	close(fd);
}

/* ---- what can't be had ---- */

static const struct {
	const char *row, *path;
	size_t value_size;
	int err;
} error_rows[] = {
	{ "not pinned", DIR "/none", sizeof(struct element), -ENOENT },
	{ "smaller elements", PINNED, sizeof(struct element) - 4, -EPROTO },
	{ "as large as the stride", PINNED, 24, -EPROTO },
	{ "another type", DIR "/hash", sizeof(struct element), -EPROTO },
};

Test(map_array, errors)
{
	int (*const opens[])(const char *path, size_t value_size, struct map_array *ret_array) = {
		map_array_open,
		map_array_open_hidden,
	};
	int array = set_up(), hash, descriptor;

	hash = make_map(BPF_MAP_TYPE_HASH, 4, 0, DIR "/hash");
	descriptor = next_descriptor();
	for (size_t i = 0; i < sizeof(error_rows) / sizeof(error_rows[0]); i++)
		for (int hidden = 0; hidden < 2; hidden++) {
			struct map_array untouched = { .fd = 4711 }, ret = untouched;
			int err = opens[hidden](error_rows[i].path, error_rows[i].value_size, &ret);

			cr_expect_eq(err, error_rows[i].err, "%s, hidden %d: %d", error_rows[i].row,
				     hidden, err);
			cr_expect_arr_eq(&ret, &untouched, sizeof(ret), "%s: written to",
					 error_rows[i].row);
			cr_expect_eq(next_descriptor(), descriptor, "%s: a descriptor is left",
				     error_rows[i].row);
		}
	close(hash);
	close(array);
}

/* An array that the kernel does not map: of a hidden one that shows when it is to be shown. */
Test(map_array, not_mappable)
{
	int array = set_up(), plain, descriptor, err;
	struct map_array ret = { 0 };

	plain = make_map(BPF_MAP_TYPE_ARRAY, 4, 0, DIR "/plain");
	descriptor = next_descriptor();
	err = map_array_open(DIR "/plain", sizeof(struct element), &ret);
	cr_expect_eq(err, -EINVAL, "%d", err);
	cr_expect_null(ret.values);
	cr_expect_eq(next_descriptor(), descriptor, "a descriptor is left");
	cr_assert_eq(map_array_open_hidden(DIR "/plain", sizeof(struct element), &ret), 0);
	err = map_array_show(&ret, 0, 1);
	cr_expect_eq(err, -EINVAL, "%d", err);
	cr_expect_eq(map_array_show(&ret, 0, 0), 0, "nothing is always there");
	map_array_close(&ret);
	close(plain);
	close(array);
}
