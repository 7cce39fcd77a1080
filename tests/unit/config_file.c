// SPDX-License-Identifier: BSD-2-Clause
/*
 * Loading a cluster file from a text.
 */
#include "config_file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	cr_assert(file, "%s", path);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

void load_text(const char *text, const struct key_file *key, struct loaded *ret)
{
	static const struct key_file fine = { "000102030405060708090a0b0c0d0e0f\n", 0600 };
	char folder[] = "/tmp/xdplb-config-XXXXXX";
	char path[64], key_path[64];

	if (!key)
		key = &fine;
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/c.yaml", folder);
	snprintf(key_path, sizeof(key_path), "%s/k", folder);
	write_file(path, text, 0644);
	if (key->text)
		write_file(key_path, key->text, key->mode);
	*ret = (struct loaded){ 0 };
	ret->result = config_load(path, &ret->config, &ret->errors);
	if (key->text)
		unlink(key_path);
	unlink(path);
	rmdir(folder);
}

void loaded_free(struct loaded *loaded)
{
	if (!loaded->result)
		config_free(&loaded->config);
	config_errors_free(&loaded->errors);
}

void check_error_rows(const struct error_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char expected[512];
		struct loaded loaded;

		snprintf(expected, sizeof(expected), "/c.yaml:%s\n", rows[i].expected);
		load_text(rows[i].text, NULL, &loaded);
		cr_expect_eq(loaded.result, -EINVAL, "%s: %d", rows[i].expected, loaded.result);
		cr_expect_eq(loaded.errors.count, 1, "expected one error,\n%snot\n%s", expected,
			     loaded.errors.text);
		cr_expect(loaded.errors.text && strstr(loaded.errors.text, expected),
			  "expected\n%snot\n%s", expected, loaded.errors.text);
		loaded_free(&loaded);
	}
}
