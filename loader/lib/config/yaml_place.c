// SPDX-License-Identifier: BSD-2-Clause
/*
 * The places of a YAML tree: typed getters. Reporting is in yaml_report.c.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xdplb/types.h"
#include "config/yaml_tree.h"

bool place_is_null(const struct yaml_place *place)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
	const yaml_node_t *node = place->node;

	if (!node)
		return true;
	if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++) {
		if (!strcmp((const char *)node->data.scalar.value, nulls[i]))
			return true;
	}
	return false;
}

/* The text of a scalar; NULL if it is none, or has a zero inside. */
static const char *scalar_text(const yaml_node_t *node)
{
	const char *text;

	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

static struct yaml_place pair_place(const struct yaml_place *place, const yaml_node_pair_t *pair)
{
	yaml_document_t *document = &place->tree->document;
	const yaml_node_t *key = yaml_document_get_node(document, pair->key);
	struct yaml_place child = { .tree = place->tree, .parent = place };

	child.key = scalar_text(key);
	if (!child.key)
		child.key = "?";
	child.node = yaml_document_get_node(document, pair->value);
	child.line = (int)key->start_mark.line + 1;
	return child;
}

static bool is_mapping(const struct yaml_place *place)
{
	return place->node && place->node->type == YAML_MAPPING_NODE;
}

bool place_child(const struct yaml_place *place, const char *key, struct yaml_place *ret_child)
{
	const yaml_node_pair_t *pair;

	*ret_child = (struct yaml_place){ .tree = place->tree, .parent = place, .key = key };
	ret_child->line = place->line;
	if (!is_mapping(place))
		return false;
	pair = place->node->data.mapping.pairs.start;
	for (; pair < place->node->data.mapping.pairs.top; pair++) {
		struct yaml_place child = pair_place(place, pair);

		if (!strcmp(child.key, key)) {
			*ret_child = child;
			return true;
		}
	}
	return false;
}

static void refuse_unknown(const struct yaml_place *child, const struct yaml_key *known,
			   size_t count)
{
	char names[256] = "";
	size_t length = 0;

	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
					   i ? ", " : "", known[i].name);
	place_refuse(child, "found an unknown key, expected one of %s", names);
}

bool place_keys(const struct yaml_place *place, const struct yaml_key *known, size_t count)
{
	int lines[YAML_TREE_KEYS_MAX] = { 0 };
	const yaml_node_pair_t *pair = NULL, *end = NULL;

	if (is_mapping(place)) {
		pair = place->node->data.mapping.pairs.start;
		end = place->node->data.mapping.pairs.top;
	} else if (!place_is_null(place)) {
		place_refuse_value(place, "a mapping");
		return false;
	}
	for (; pair < end; pair++) {
		struct yaml_place child = pair_place(place, pair);
		size_t i = 0;

		while (i < count && strcmp(child.key, known[i].name))
			i++;
		if (i == count)
			refuse_unknown(&child, known, count);
		else if (lines[i])
			place_refuse(&child,
				     "found a duplicate key (first in line %d), "
				     "expected it once",
				     lines[i]);
		else
			lines[i] = child.line;
	}
	for (size_t i = 0; i < count; i++) {
		struct yaml_place missing = { .tree = place->tree, .parent = place };

		missing.key = known[i].name;
		missing.line = place->line;
		if (known[i].required && !lines[i])
			place_refuse_value(&missing, "%s", known[i].required);
	}
	return true;
}

static bool is_name(const char *text)
{
	size_t length = strlen(text);

	if (!isascii(text[0]) || !isalnum((unsigned char)text[0]) || length >= XDPLB_NAME_LEN)
		return false;
	return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789._-") == length;
}

#define NAME_EXPECTED "a name: 1 to 63 of A-Z a-z 0-9 . _ -, the first of them a letter or digit"

static int compare_keys(const void *left, const void *right)
{
	const struct yaml_place *a = left, *b = right;
	int order = strcmp(a->key, b->key);

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* Keep the first of each name; returns how many are left. */
static size_t refuse_duplicates(struct yaml_place *entries, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (kept && !strcmp(entries[kept - 1].key, entries[i].key))
			place_refuse(&entries[i],
				     "found a duplicate name (first in line %d), "
				     "expected it once",
				     entries[kept - 1].line);
		else
			entries[kept++] = entries[i];
	}
	return kept;
}

static size_t collect_entries(const struct yaml_place *place, struct yaml_place *entries)
{
	const yaml_node_pair_t *pair = place->node->data.mapping.pairs.start;
	size_t count = 0;

	for (; pair < place->node->data.mapping.pairs.top; pair++) {
		entries[count] = pair_place(place, pair);
		if (is_name(entries[count].key))
			count++;
		else
			place_refuse(&entries[count], "found a bad name, expected " NAME_EXPECTED);
	}
	return count;
}

void place_entries(const struct yaml_place *place, size_t max, struct yaml_place **ret_entries,
		   size_t *ret_count)
{
	struct yaml_place *entries;
	size_t count;

	*ret_entries = NULL;
	*ret_count = 0;
	if (place_is_null(place))
		return;
	if (!is_mapping(place)) {
		place_refuse_value(place, "a mapping");
		return;
	}
	count = (size_t)(place->node->data.mapping.pairs.top -
			 place->node->data.mapping.pairs.start);
	if (count > max) {
		place_refuse(place, "found %zu entries, expected at most %zu", count, max);
		return;
	}
	entries = count ? calloc(count, sizeof(*entries)) : NULL;
	if (!entries) {
		place->tree->errors.out_of_memory |= count > 0;
		return;
	}
	count = collect_entries(place, entries);
	qsort(entries, count, sizeof(*entries), compare_keys);
	*ret_count = refuse_duplicates(entries, count);
	*ret_entries = entries;
}

long place_length(const struct yaml_place *place, const char *expected)
{
	if (!place->node || place->node->type != YAML_SEQUENCE_NODE) {
		place_refuse_value(place, "%s", expected);
		return -1;
	}
	return place->node->data.sequence.items.top - place->node->data.sequence.items.start;
}

struct yaml_place place_item(const struct yaml_place *place, size_t index)
{
	struct yaml_place item = { .tree = place->tree, .parent = place, .index = index };

	item.node = yaml_document_get_node(&place->tree->document,
					   place->node->data.sequence.items.start[index]);
	item.line = (int)item.node->start_mark.line + 1;
	return item;
}

const char *place_text(const struct yaml_place *place, const char *expected)
{
	const char *text = place_is_null(place) ? NULL : scalar_text(place->node);

	if (text && *text)
		return text;
	place_refuse_value(place, "%s", expected);
	return NULL;
}

const char *place_name(const struct yaml_place *place)
{
	const char *text = place_text(place, NAME_EXPECTED);

	if (!text || is_name(text))
		return text;
	place_refuse_value(place, NAME_EXPECTED);
	return NULL;
}

/* Digits only, and no leading zero: YAML 1.1 would read that as octal. */
static bool parse_number(const char *text, uint32_t *ret_number)
{
	size_t length = strspn(text, "0123456789");

	if (length == 0 || length > 10 || text[length] || (text[0] == '0' && length > 1))
		return false;
	if (strtoull(text, NULL, 10) > UINT32_MAX)
		return false;
	*ret_number = (uint32_t)strtoull(text, NULL, 10);
	return true;
}

bool place_number(const struct yaml_place *place, const struct yaml_range *range,
		  uint32_t *ret_number)
{
	const char *text = scalar_text(place->node);
	uint32_t number;

	if (text && parse_number(text, &number) && number >= range->min && number <= range->max) {
		*ret_number = number;
		return true;
	}
	place_refuse_value(place, "%s from %u to %u", range->what, range->min, range->max);
	return false;
}

int place_choice(const struct yaml_place *place, const char *const *words)
{
	char expected[128] = "";
	size_t length = 0;
	const char *text = scalar_text(place->node);

	for (int i = 0; words[i]; i++) {
		if (text && !strcmp(text, words[i]))
			return i;
		length += (size_t)snprintf(expected + length, sizeof(expected) - length, "%s%s",
					   i ? " or " : "", words[i]);
	}
	place_refuse_value(place, "%s", expected);
	return -1;
}
