// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cluster's key: its file and its form. The key itself never gets into a message.
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_draft.h"

#define KEY_BYTES    16
#define KEY_DIGITS   (2 * KEY_BYTES)
#define KEY_FILE_MAX 4096 /* bytes: far more than digits and white space need */

/* Where the key file is: a relative path is meant from the folder of the cluster file. */
static bool resolve_path(struct config_draft *draft, const struct yaml_place *place)
{
	static const char expected[] = "the path of the cluster's key file";
	const char *path = place_text(place, expected);
	const char *slash = strrchr(draft->tree.path, '/');
	size_t size = sizeof(draft->config.key_path);
	int folder = slash ? (int)(slash + 1 - draft->tree.path) : 0;
	int length;

	if (!path)
		return false;
	if (path[0] == '/')
		folder = 0;
	length = snprintf(draft->config.key_path, size, "%.*s%s", folder, draft->tree.path, path);
	if (length < 0 || (size_t)length >= size) {
		place_refuse(place, "found a path of %d bytes, expected at most %zu", length,
			     size - 1);
		return false;
	}
	return true;
}

static int hex_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* Returns what is wrong, or NULL. */
static const char *parse_key(const char *text, size_t length, struct xdplb_key *ret_key)
{
	unsigned char bytes[KEY_BYTES];

	while (length && isspace((unsigned char)text[length - 1]))
		length--;
	while (length && isspace((unsigned char)*text)) {
		text++;
		length--;
	}
	if (length != KEY_DIGITS)
		return "another length";
	for (size_t i = 0; i < KEY_BYTES; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return "something other than hex digits";
		bytes[i] = (unsigned char)(high << 4 | low);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ret_key->word); i++) {
		uint64_t word;

		memcpy(&word, bytes + i * sizeof(word), sizeof(word));
		ret_key->word[i] = le64toh(word);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return NULL;
}

static void warn_unreadable(const struct config_draft *draft, const struct yaml_place *place,
			    int error)
{
	place_warn(place, "found no readable file %s (%s), expected it on every node",
		   draft->config.key_path, strerror(error));
}

static void read_key_file(struct config_draft *draft, const struct yaml_place *place, int fd)
{
	const char *path = draft->config.key_path;
	char text[KEY_FILE_MAX];
	const char *fault;
	struct stat stat;
	ssize_t length;

	if (fstat(fd, &stat)) {
		warn_unreadable(draft, place, errno);
		return;
	}
	if (!S_ISREG(stat.st_mode)) {
		place_refuse(place, "found %s, which is no regular file, expected one", path);
		return;
	}
	length = read(fd, text, sizeof(text));
	if (length < 0) {
		warn_unreadable(draft, place, errno);
		return;
	}
	fault = (size_t)length == sizeof(text)
			? "too many bytes"
			: parse_key(text, (size_t)length, &draft->config.key);
	explicit_bzero(text, sizeof(text));
	if (fault) {
		place_refuse(place, "found %s in %s, expected %d hex digits", fault, path,
			     KEY_DIGITS);
		return;
	}
	draft->config.has_key = true;
	if (stat.st_mode & (S_IRWXG | S_IRWXO))
		place_warn(place, "found %s open to others (mode %04o), expected mode 0600", path,
			   (unsigned int)(stat.st_mode & 07777));
}

void draft_read_key(struct config_draft *draft)
{
	struct yaml_place place;
	int fd;

	if (!place_child(&draft->root, "key_file", &place) || !resolve_path(draft, &place))
		return;
	fd = open(draft->config.key_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		warn_unreadable(draft, &place, errno);
		return;
	}
	read_key_file(draft, &place, fd);
	close(fd);
}
