// SPDX-License-Identifier: BSD-2-Clause
/*
 * The key file of health sharing. A key never gets into a message.
 */
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "health/share_wire.h"

#define KEY_DIGITS (2 * SHARE_KEY_BYTES)

/* What is left of the text; a line is [at, end) and has no newline. */
struct cursor {
	const char *at, *end;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line; its length is 0 at the end. */
static struct cursor next_word(struct cursor *line)
{
	struct cursor word;

	while (line->at < line->end && is_blank(*line->at))
		line->at++;
	word.at = line->at;
	while (line->at < line->end && !is_blank(*line->at))
		line->at++;
	word.end = line->at;
	return word;
}

static struct cursor next_line(struct cursor *text)
{
	const char *newline = memchr(text->at, '\n', (size_t)(text->end - text->at));
	struct cursor line = { text->at, newline ? newline : text->end };

	text->at = newline ? newline + 1 : text->end;
	return line;
}

/* Returns 0 if it is no id. */
static uint32_t parse_id(struct cursor word)
{
	uint64_t id = 0;

	for (; word.at < word.end; word.at++) {
		if (*word.at < '0' || *word.at > '9')
			return 0;
		id = 10 * id + (uint64_t)(*word.at - '0');
		if (id > UINT32_MAX)
			return 0;
	}
	return (uint32_t)id;
}

static int parse_line(struct share_keys *keys, struct cursor line, int number, struct error *error)
{
	struct share_key *key = &keys->keys[keys->count];
	struct cursor id = next_word(&line), digits = next_word(&line), rest = next_word(&line);
	size_t length = (size_t)(digits.end - digits.at);

	if (id.at == id.end || *id.at == '#')
		return 0;
	if (keys->count == SHARE_KEYS_MAX)
		return fail(error, -EINVAL, "line %d: found one more key, expected at most %d",
			    number, SHARE_KEYS_MAX);
	key->id = parse_id(id);
	if (!key->id)
		return fail(error, -EINVAL,
			    "line %d: key id: found no number of 1 .. 4294967295, expected one",
			    number);
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->keys[i].id == key->id)
			return fail(error, -EINVAL,
				    "line %d: key id: found %u again, expected another", number,
				    key->id);
	}
	if (length != KEY_DIGITS)
		return fail(error, -EINVAL, "line %d: key: found %zu bytes, expected %d hex digits",
			    number, length, KEY_DIGITS);
	if (sodium_hex2bin(key->bytes, sizeof(key->bytes), digits.at, length, NULL, NULL, NULL))
		return fail(error, -EINVAL,
			    "line %d: key: found something else, expected hex digits", number);
	if (sodium_is_zero(key->bytes, sizeof(key->bytes)))
		return fail(error, -EINVAL, "line %d: key: found zeros, expected random digits",
			    number);
	if (rest.at != rest.end)
		return fail(error, -EINVAL, "line %d: found more than an id and a key", number);
	keys->count++;
	return 0;
}

int share_keys_parse(const char *text, size_t length, const char *cluster,
		     struct share_keys *ret_keys, struct error *error)
{
	struct cursor cursor = { text, text + length };
	struct share_keys keys = { 0 };
	int err = 0;

	if (!*cluster || strlen(cluster) >= sizeof(keys.cluster))
		return fail(error, -EINVAL, "found no cluster name of 1 .. 63 bytes");
	strcpy(keys.cluster, cluster);
	for (int line = 1; !err && cursor.at < cursor.end; line++)
		err = parse_line(&keys, next_line(&cursor), line, error);
	if (!err && !keys.count)
		err = fail(error, -EINVAL, "found no key, expected a line: ID and %d hex digits",
			   KEY_DIGITS);
	if (!err)
		*ret_keys = keys;
	sodium_memzero(&keys, sizeof(keys));
	return err;
}
