// SPDX-License-Identifier: BSD-2-Clause
/*
 * Health and files: the keys of sharing, and a file so large that an agent could not carry it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_file.h"

TestSuite(config_health_files);

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define BYTES_32   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BYTES_256  BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32 BYTES_32
#define BYTES_1024 BYTES_256 BYTES_256 BYTES_256 BYTES_256
#define BYTES_4096 BYTES_1024 BYTES_1024 BYTES_1024 BYTES_1024

#define N(address) HEAD "nodes:\n n: {" address "access: {interfaces: [eth0]}}\n"
#define DIGITS_64  BYTES_32 BYTES_32

struct key_row {
	const char *name;
	const char *text; /* of the file */
	mode_t mode;
	const char *expected; /* within the error; NULL: none */
	const char *warning; /* NULL: none */
};

static const struct key_row key_rows[] = {
	{ "a key", "1 " DIGITS_64 "\n", 0600, NULL, NULL },
	{ "two keys, without a newline",
	  "7 " DIGITS_64 "\n8 b" BYTES_32 "ccccccccccccccccccccccccccccccc", 0600, NULL, NULL },
	{ "open to others", "1 " DIGITS_64 "\n", 0644, NULL,
	  " open to others (mode 0644), expected mode 0600" },
	{ "the cluster's key", "000102030405060708090a0b0c0d0e0f\n", 0600,
	  ": line 1: key id: found no number of 1 .. 4294967295, expected one", NULL },
	{ "id 0", "0 " DIGITS_64 "\n", 0600, ": line 1: key id: found ", NULL },
	{ "no key", "\n", 0600, ": found no key, expected a line: ID and 64 hex digits", NULL },
	{ "a key too short", "1 " BYTES_32 "\n", 0600, ": line 1: key: found ", NULL },
	{ "a second key of zeros",
	  "1 " DIGITS_64 "\n2 0000000000000000000000000000000000000000000000000000000000000000\n",
	  0600, ": line 2: key: found zeros, expected random digits", NULL },
	{ "more than 4095 bytes", BYTES_4096, 0600, ": found too many bytes, expected at most 4095",
	  NULL },
};

static void load_with_keys(const char *path, struct loaded *loaded)
{
	char text[256];

	snprintf(text, sizeof(text), N("address: 10.9.0.1, ") "sharing: {key_file: %s}\n", path);
	load_text(text, NULL, loaded);
}

Test(config_health_files, sharing_keys)
{
	for (size_t i = 0; i < COUNT(key_rows); i++) {
		const struct key_row *row = &key_rows[i];
		char path[] = "/tmp/xdplb-keys-XXXXXX";
		const char *said = row->expected ? row->expected : row->warning;
		ssize_t length = (ssize_t)strlen(row->text);
		int fd = mkstemp(path);
		struct loaded loaded;

		cr_assert_geq(fd, 0);
		cr_assert_eq(write(fd, row->text, (size_t)length), length);
		cr_assert_eq(fchmod(fd, row->mode), 0);
		close(fd);
		load_with_keys(path, &loaded);
		unlink(path);
		cr_expect_eq(loaded.result, row->expected ? -EINVAL : 0, "%s: %s", row->name,
			     loaded.errors.text);
		cr_expect_eq(loaded.errors.count, said != NULL, "%s: %s", row->name,
			     loaded.errors.text);
		cr_expect(!said || (strstr(loaded.errors.text, "c.yaml:5: sharing.key_file: ") &&
				    strstr(loaded.errors.text, said)),
			  "%s: %s", row->name, loaded.errors.text);
		cr_expect(!strstr(loaded.errors.text, "aaaa"), "%s: shows the key", row->name);
		cr_expect_eq(loaded.result ? 0 : loaded.config.sharing.has_keys, !row->expected,
			     "%s", row->name);
		loaded_free(&loaded);
	}
}

/* Nothing is waited for that is no file, and a missing one is a warning. */
Test(config_health_files, sharing_keys_that_are_no_file)
{
	char folder[] = "/tmp/xdplb-keys-XXXXXX", fifo[64];
	struct loaded loaded;

	cr_assert(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	load_with_keys(fifo, &loaded);
	cr_expect_eq(loaded.result, -EINVAL);
	cr_expect(strstr(loaded.errors.text, "/fifo, which is no regular file, expected one"), "%s",
		  loaded.errors.text);
	loaded_free(&loaded);
	load_with_keys(folder, &loaded);
	cr_expect_eq(loaded.result, -EINVAL);
	cr_expect(strstr(loaded.errors.text, ", which is no regular file, expected one"), "%s",
		  loaded.errors.text);
	loaded_free(&loaded);
	unlink(fifo);
	load_with_keys(fifo, &loaded);
	cr_expect_eq(loaded.result, 0, "%s", loaded.errors.text);
	cr_expect(strstr(loaded.errors.text, "agents will not share health"), "%s",
		  loaded.errors.text);
	cr_expect(!loaded.config.sharing.has_keys);
	loaded_free(&loaded);
	rmdir(folder);
}

/* What one agent can tell of: 16384 checks of its backends. */
Test(config_health_files, checks_of_one_node)
{
	size_t size = 4 << 20, length;
	char *text = malloc(size);

	for (size_t count = 16384; count <= 16385; count++) {
		struct loaded loaded;

		length = (size_t)snprintf(
			text, size,
			N("address: 10.9.0.1, service: {uplinks: [eth0]}, ") "sharing: {key_file: "
									     "none}\nchecks: {c: "
									     "{type: icmp}}\n"
									     "capacities: "
									     "{backends: 20000, "
									     "members: 20000}\n"
									     "backends:\n");
		for (size_t i = 0; i < count; i++)
			length += (size_t)snprintf(text + length, size - length,
						   " b%zu: {node: n, addresses: [10.1.%zu.%zu]}\n",
						   i, i / 250, i % 250 + 1);
		length += (size_t)snprintf(text + length, size - length,
					   "services:\n s: {" SOURCE ", check: c, backends: {");
		for (size_t i = 0; i < count; i++)
			length += (size_t)snprintf(text + length, size - length, "b%zu: , ", i);
		snprintf(text + length, size - length, "}}\n");
		load_text(text, NULL, &loaded);
		cr_expect_eq(loaded.result, count > 16384 ? -EINVAL : 0, "%zu: %d, %s", count,
			     loaded.result, loaded.errors.text);
		cr_expect(count == 16384 ||
				  strstr(loaded.errors.text,
					 "c.yaml:4: nodes.n: found 16385 checks of its backends, "
					 "expected at most 16384 on one node\n"),
			  "%s", loaded.errors.text);
		loaded_free(&loaded);
	}
	free(text);
}
