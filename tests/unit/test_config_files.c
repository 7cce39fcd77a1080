// SPDX-License-Identifier: BSD-2-Clause
/*
 * The files themselves: the key's form and mode, what cannot be read, how errors add up.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_file.h"

#define DIGITS "00112233445566778899AABBCCDDEEFF"

Test(config_files, key_file)
{
	static const struct {
		struct key_file key;
		int result;
		bool has_key;
		const char *message; /* "": none */
	} rows[] = {
		{ { DIGITS, 0600 }, 0, true, "" },
		{ { " " DIGITS " \r\n\n", 0400 }, 0, true, "" },
		{ { DIGITS "\n", 0640 },
		  0,
		  true,
		  "k open to others (mode 0640), expected mode 0600" },
		{ { DIGITS "\n", 0602 },
		  0,
		  true,
		  "k open to others (mode 0602), expected mode 0600" },
		{ { NULL, 0 },
		  0,
		  false,
		  "k (No such file or directory), expected it on every node" },
		{ { "", 0600 }, -EINVAL, false, "k, expected 32 hex digits" },
		{ { DIGITS "0", 0600 }, -EINVAL, false, "k, expected 32 hex digits" },
		{ { "0011223344556677 8899aabbccddeef", 0600 },
		  -EINVAL,
		  false,
		  "k, expected 32 hex digits" },
		{ { "0x112233445566778899aabbccddeeff", 0600 },
		  -EINVAL,
		  false,
		  "found something other than hex digits in /" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loaded loaded;
		bool has_message = rows[i].message[0];

		load_text(TO_NODES, &rows[i].key, &loaded);
		cr_expect_eq(loaded.result, rows[i].result, "row %zu: %d", i, loaded.result);
		cr_expect_eq(loaded.config.has_key, rows[i].has_key, "row %zu", i);
		cr_expect_eq(loaded.errors.count, has_message, "row %zu", i);
		cr_expect(strstr(loaded.errors.text, rows[i].message), "row %zu: %s", i,
			  loaded.errors.text);
		cr_expect_eq(!!strstr(loaded.errors.text, "c.yaml:2: key_file: found "),
			     has_message, "row %zu: %s", i, loaded.errors.text);
		cr_expect(!strstr(loaded.errors.text, "2233"), "row %zu shows the key", i);
		loaded_free(&loaded);
	}
}

static void expect_error(const char *text, const struct key_file *key, const char *message)
{
	struct loaded loaded;

	load_text(text, key, &loaded);
	cr_expect_eq(loaded.result, -EINVAL, "%s", message);
	cr_expect_eq(loaded.errors.count, 1, "%s", loaded.errors.text);
	cr_expect(strstr(loaded.errors.text, message), "%s", loaded.errors.text);
	loaded_free(&loaded);
}

Test(config_files, oversized_parts)
{
	const size_t nodes = (1 << 16) + 1;
	char *text = malloc(32 + nodes * 8), *at = text;

	cr_assert(text);
	sprintf(text, "cluster: c\nkey_file: /%04095d\n" NODES, 0);
	expect_error(text, NULL,
		     "c.yaml:2: key_file: found a path of 4096 bytes, expected at most 4095\n");
	memset(text, ' ', 4096);
	strcpy(text + 4096, DIGITS);
	expect_error(TO_NODES, &(struct key_file){ text, 0600 }, "found too many bytes in ");
	at += sprintf(text, HEAD "nodes:\n");
	for (size_t i = 0; i < nodes; i++)
		at += sprintf(at, " %zu:\n", i);
	expect_error(text, NULL, "c.yaml:3: nodes: found 65537 entries, expected at most 65536\n");
	free(text);
}

Test(config_files, all_errors_at_once_by_line)
{
	struct loaded loaded;
	const char *first, *second, *third;

	load_text("cluster: .c\nkey_file: k\nnodes: {n: {service: {uplinks: [a/b]}}}\n"
		  "backends: {b: {node: x, addresses: [1]}}\n"
		  "services:\n s: {" VIP(
			  "x", "source") ", backends: {b: }}\n"
					 " t: {" VIP("y", "source") ", backends: {b: }}\n",
		  NULL, &loaded);
	cr_expect_eq(loaded.result, -EINVAL);
	cr_expect_eq(loaded.errors.count, 6);
	first = strstr(loaded.errors.text, "c.yaml:1: cluster: ");
	second = strstr(loaded.errors.text, "c.yaml:3: nodes.n.");
	third = strstr(loaded.errors.text, "c.yaml:4: backends.b.addresses");
	cr_expect(first && first < second && second < third, "%s", loaded.errors.text);
	loaded_free(&loaded);
}

Test(config_files, errors_are_capped)
{
	char text[1024] = HEAD "services: {s: 1}\nnodes:\n";
	size_t length = strlen(text), lines = 0;
	struct loaded loaded;

	for (int i = 0; i < 23; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, " n%d: {}\n", i);
	load_text(text, NULL, &loaded);
	cr_expect_eq(loaded.errors.count, 24);
	for (const char *at = loaded.errors.text; (at = strchr(at, '\n')); at++)
		lines++;
	cr_expect_eq(lines, 21);
	/* Found last, but of an earlier line: it takes the place of a node's. */
	cr_expect(strstr(loaded.errors.text, ":3: services.s: "));
	cr_expect(strstr(loaded.errors.text, "nodes.n18: "));
	cr_expect(!strstr(loaded.errors.text, "nodes.n19: "));
	cr_expect(strstr(loaded.errors.text, "\nand 4 more\n"), "%s", loaded.errors.text);
	loaded_free(&loaded);
}

/* Aliases make few lines mean many members: 2^11 backends in 2^10 services. */
Test(config_files, aliases_do_not_exhaust_memory)
{
	struct loaded loaded;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	cr_assert(out);
	/* Refused tags keep the list of errors free of clashes. */
	fputs("tags: {first: 1}\n" TO_BACKENDS, out);
	for (int i = 0; i < 2048; i++)
		fprintf(out, " b%d: {node: n, addresses: [10.0.%d.%d]}\n", i, i / 256, i % 256 + 1);
	fputs("services:\n s0: {" VIP("192.0.2.1", "source") ", backends: &x {b0: ", out);
	for (int i = 1; i < 2048; i++)
		fprintf(out, ", b%d: ", i);
	fputs("}}\n", out);
	for (int i = 1; i < 1024; i++)
		fprintf(out, " s%d: {" VIP("192.0.%d.%d", "source") ", backends: *x}\n", i,
			3 + i / 256, i % 256);
	cr_assert_eq(fclose(out), 0);
	load_text(text, NULL, &loaded);
	cr_expect_eq(loaded.result, -EINVAL);
	cr_expect(strstr(loaded.errors.text, ".backends: found more than 1048576 (service, "
					     "backend) pairs, expected no more\n"),
		  "%s", loaded.errors.text);
	loaded_free(&loaded);
	free(text);
}

Test(config_files, unreadable_files)
{
	static const struct {
		const char *path;
		int result;
		const char *message;
	} rows[] = {
		{ "/nowhere/c.yaml", -ENOENT,
		  "/nowhere/c.yaml: found no readable file "
		  "(No such file or directory), expected one\n" },
		{ "/tmp", -EINVAL, "/tmp: found a directory, expected a regular file\n" },
		{ "/dev/zero", -EINVAL,
		  "/dev/zero: found a special file, expected a regular "
		  "file\n" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct loaded loaded = { 0 };

		loaded.result = config_load(rows[i].path, &loaded.config, &loaded.errors);
		cr_expect_eq(loaded.result, rows[i].result, "%s: %d", rows[i].path, loaded.result);
		cr_expect_str_eq(loaded.errors.text, rows[i].message);
		loaded_free(&loaded);
	}
}

Test(config_files, oversized_and_waiting_files)
{
	char folder[] = "/tmp/xdplb-config-XXXXXX", path[64];
	struct loaded loaded = { 0 };

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/c.yaml", folder);
	fclose(fopen(path, "w"));
	cr_assert_eq(truncate(path, (64L << 20) + 1), 0);
	cr_expect_eq(config_load(path, &loaded.config, &loaded.errors), -EINVAL);
	cr_expect(strstr(loaded.errors.text, "found 67108865 bytes, expected at most 67108864"),
		  "%s", loaded.errors.text);
	config_errors_free(&loaded.errors);
	unlink(path);
	/* Nobody writes to the pipe: a reader that waits would hang here. */
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_expect_eq(config_load(path, &loaded.config, &loaded.errors), -EINVAL);
	config_errors_free(&loaded.errors);
	unlink(path);
	rmdir(folder);
}

/* Run from the top of the tree, as make test does. */
Test(config_files, the_example_is_right)
{
	const char *path = "loader/examples/cluster.yaml";
	struct loaded loaded = { 0 };

	if (access(path, R_OK))
		cr_skip_test("no %s from here", path);
	loaded.result = config_load(path, &loaded.config, &loaded.errors);
	cr_expect_eq(loaded.result, 0, "%s", loaded.errors.text);
	cr_expect_eq(loaded.errors.count, 2, "%s", loaded.errors.text);
	cr_expect(strstr(loaded.errors.text, ": key_file: found no readable file"), "%s",
		  loaded.errors.text);
	cr_expect(strstr(loaded.errors.text, "agents will not share health"), "%s",
		  loaded.errors.text);
	cr_expect_eq(loaded.config.check_count, PROBE_TYPE_COUNT, "a check of each type");
	loaded_free(&loaded);
}

Test(config_files, the_example_of_clocks_is_right)
{
	const char *path = "loader/examples/clock.yaml";
	struct loaded loaded = { 0 };

	if (access(path, R_OK))
		cr_skip_test("no %s from here", path);
	loaded.result = config_load(path, &loaded.config, &loaded.errors);
	cr_expect_eq(loaded.result, 0, "%s", loaded.errors.text);
	cr_expect_eq(loaded.errors.count, 1, "%s", loaded.errors.text);
	cr_expect_eq(loaded.config.tunnel_count, 3);
	loaded_free(&loaded);
}
