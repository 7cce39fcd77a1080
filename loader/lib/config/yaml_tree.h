/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A YAML file as a tree of places, each of which knows its line and its way from the root, and
 * typed getters that report what they do not like. Owns the document and the errors; does not know
 * what a key means.
 *
 * Getters never stop the reading: an error is added to the tree's list, and the caller goes on to
 * find the next one. Running out of memory is noted in that list too.
 */
#ifndef XDPLB_YAML_TREE_H
#define XDPLB_YAML_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "base/error_list.h"

#define YAML_TREE_SIZE_MAX (64U << 20) /* bytes of a file */
#define YAML_TREE_KEYS_MAX 32 /* entries of a table of known keys */

struct yaml_tree {
	const char *path; /* as in messages; the caller's, must outlive the tree */
	yaml_document_t document;
	struct error_list errors;
	struct error_list warnings;
};

/* A node of the tree and its way from the root. `parent` must outlive the place. */
struct yaml_place {
	struct yaml_tree *tree;
	const struct yaml_place *parent; /* NULL: this is the root */
	const char *key; /* NULL in a list: then `index` counts */
	size_t index;
	const yaml_node_t *node; /* NULL: not there, only a place to report about */
	int line; /* of the key, or of a list's item; from 1 */
};

/* A key that a mapping may have. */
struct yaml_key {
	const char *name;
	const char *required; /* what is expected where it is missing; NULL: it is optional */
};

/* A number's bounds, inclusive; reported as "WHAT from MIN to MAX". */
struct yaml_range {
	uint32_t min, max;
	const char *what;
};

/**
 * yaml_tree_load() - Read a file of one YAML document whose root is a mapping.
 * @tree: to be freed with yaml_tree_free(), whatever is returned; tree->errors says what is wrong
 * @path: a regular file of at most YAML_TREE_SIZE_MAX bytes
 *
 * Refused: aliases to a node around them (others are followed), a second document.
 *
 * Return: 0; -EINVAL the file is wrong; -errno it could not be read.
 */
int yaml_tree_load(struct yaml_tree *tree, const char *path);
void yaml_tree_free(struct yaml_tree *tree);

struct yaml_place yaml_tree_root(struct yaml_tree *tree);

/**
 * place_refuse() - Report an error, as "FILE:LINE: KEY.PATH: " and the given text.
 */
void place_refuse(const struct yaml_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * place_refuse_value() - Report an error, as "FILE:LINE: KEY.PATH: found VALUE, expected " and the
 * given text. The value is shortened, and what is not printable ASCII is escaped.
 */
void place_refuse_value(const struct yaml_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * place_warn() - The same as place_refuse(), but it does not make the file wrong.
 */
void place_warn(const struct yaml_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * place_is_null() - Is there nothing: no node, or YAML's null?
 */
bool place_is_null(const struct yaml_place *place);

/**
 * place_child() - Find a key in a mapping.
 * Return: false, and a place to report about in @ret_child, if the key is not there.
 */
bool place_child(const struct yaml_place *place, const char *key, struct yaml_place *ret_child);

/**
 * place_keys() - Check a mapping with known keys: none unknown, twice or missing.
 * @count: of known, at most YAML_TREE_KEYS_MAX
 *
 * Null is a mapping without keys. Return: false if it is no mapping at all (reported).
 */
bool place_keys(const struct yaml_place *place, const struct yaml_key *known, size_t count);

/**
 * place_entries() - The entries of a mapping whose keys are names, sorted by name.
 * @max:         most entries allowed
 * @ret_entries: allocated; NULL if there is none; their parent is @place
 * @ret_count:   number of entries
 *
 * Entries with a bad name and all but the first of a name are reported and left out. Null is a
 * mapping without entries.
 */
void place_entries(const struct yaml_place *place, size_t max, struct yaml_place **ret_entries,
		   size_t *ret_count);

/**
 * place_length() - Check that there is a list.
 * @expected: for the message
 *
 * Return: its number of items, or -1 (reported).
 */
long place_length(const struct yaml_place *place, const char *expected);

struct yaml_place place_item(const struct yaml_place *place, size_t index);

/**
 * place_text() - The text of a scalar.
 * @expected: for the message
 *
 * Return: a non-empty text without zeros inside, that lives as long as the tree; or NULL (reported).
 */
const char *place_text(const struct yaml_place *place, const char *expected);

/**
 * place_name() - The text of a scalar that must be a name: 1 to 63 of [A-Za-z0-9._-], the first of
 * them a letter or digit.
 *
 * Return: the text, or NULL (reported).
 */
const char *place_name(const struct yaml_place *place);

/**
 * place_number() - A decimal number within bounds.
 * Return: whether @ret_number was written; if not, it is reported.
 */
bool place_number(const struct yaml_place *place, const struct yaml_range *range,
		  uint32_t *ret_number);

/**
 * place_choice() - One of several words.
 * @words: ended by NULL
 *
 * Return: the word's index, or -1 (reported).
 */
int place_choice(const struct yaml_place *place, const char *const *words);

#endif
