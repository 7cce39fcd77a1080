// SPDX-License-Identifier: BSD-2-Clause
/*
 * A YAML file as a tree: reading the file, and what is refused before any key is looked at. The
 * getters are in yaml_place.c.
 */
#include "config/yaml_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A place for what concerns the file as a whole, or a line without a key. */
static struct yaml_place file_place(struct yaml_tree *tree, size_t line)
{
	return (struct yaml_place){ .tree = tree, .line = (int)line };
}

static int check_file(struct yaml_tree *tree, int fd, size_t *ret_size)
{
	struct yaml_place place = file_place(tree, 0);
	struct stat stat;

	if (fstat(fd, &stat))
		return -errno;
	if (!S_ISREG(stat.st_mode)) {
		place_refuse(&place, "found %s, expected a regular file",
			     S_ISDIR(stat.st_mode) ? "a directory" : "a special file");
		return -EINVAL;
	}
	if (stat.st_size > (off_t)YAML_TREE_SIZE_MAX) {
		place_refuse(&place, "found %lld bytes, expected at most %u",
			     (long long)stat.st_size, YAML_TREE_SIZE_MAX);
		return -EINVAL;
	}
	*ret_size = (size_t)stat.st_size;
	return 0;
}

/* Read up to size bytes, in case the file shrinks under us; what it grows by is left out. */
static int read_all(int fd, unsigned char *text, size_t *size)
{
	size_t done = 0;

	while (done < *size) {
		ssize_t got = read(fd, text + done, *size - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*size = done;
	return 0;
}

static int read_file(struct yaml_tree *tree, unsigned char **ret_text, size_t *ret_size)
{
	/* Without O_NONBLOCK, opening a named pipe would wait for a writer. */
	int fd = open(tree->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char *text = NULL;
	size_t size = 0;
	int err;

	if (fd < 0)
		return -errno;
	err = check_file(tree, fd, &size);
	if (!err) {
		text = malloc(size + 1);
		err = text ? read_all(fd, text, &size) : -ENOMEM;
	}
	close(fd);
	if (err) {
		free(text);
		return err;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

/* The text being parsed: the decoder runs ahead of the scanner and knows offsets alone. */
struct yaml_source {
	yaml_parser_t parser;
	const unsigned char *text;
	size_t size;
};

static size_t line_at(const struct yaml_source *source, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < source->size; i++)
		line += source->text[i] == '\n';
	return line;
}

static int refuse_syntax(struct yaml_tree *tree, const struct yaml_source *source)
{
	const yaml_parser_t *parser = &source->parser;
	struct yaml_place place = file_place(tree, parser->problem_mark.line + 1);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		place.line = (int)line_at(source, parser->problem_offset);
	place_refuse(&place, "found a YAML error (%s%s%s), expected well-formed YAML",
		     parser->context ? parser->context : "", parser->context ? ": " : "",
		     parser->problem ? parser->problem : "unknown");
	return -EINVAL;
}

static int load_first(struct yaml_tree *tree, struct yaml_source *source)
{
	const yaml_node_t *root;
	struct yaml_place place;

	if (!yaml_parser_load(&source->parser, &tree->document))
		return refuse_syntax(tree, source);
	root = yaml_document_get_root_node(&tree->document);
	if (!root) {
		place = file_place(tree, 0);
		place_refuse(&place, "found an empty file, expected a mapping");
		return -EINVAL;
	}
	if (root->type != YAML_MAPPING_NODE) {
		place = yaml_tree_root(tree);
		place_refuse_value(&place, "a mapping");
		return -EINVAL;
	}
	return 0;
}

static int refuse_second(struct yaml_tree *tree, struct yaml_source *source)
{
	yaml_document_t second;
	struct yaml_place place;
	int err = 0;

	if (!yaml_parser_load(&source->parser, &second))
		return refuse_syntax(tree, source);
	if (yaml_document_get_root_node(&second)) {
		place = file_place(tree, second.start_mark.line + 1);
		place_refuse(&place, "found a second document, expected one");
		err = -EINVAL;
	}
	yaml_document_delete(&second);
	return err;
}

/*
 * Nodes are numbered as they begin, so only an alias leads from a node to itself or to a lower
 * number; it recurses if what it names has not ended yet.
 */
static bool edge_recurses(yaml_document_t *document, int from, int to)
{
	const yaml_node_t *inner = yaml_document_get_node(document, from);
	const yaml_node_t *outer = yaml_document_get_node(document, to);

	return to <= from && outer->start_mark.index <= inner->start_mark.index &&
	       inner->end_mark.index <= outer->end_mark.index;
}

static bool node_recurses(yaml_document_t *document, int number)
{
	const yaml_node_t *node = yaml_document_get_node(document, number);

	if (node->type == YAML_SEQUENCE_NODE) {
		const yaml_node_item_t *item = node->data.sequence.items.start;

		for (; item < node->data.sequence.items.top; item++) {
			if (edge_recurses(document, number, *item))
				return true;
		}
	} else if (node->type == YAML_MAPPING_NODE) {
		const yaml_node_pair_t *pair = node->data.mapping.pairs.start;

		for (; pair < node->data.mapping.pairs.top; pair++) {
			if (edge_recurses(document, number, pair->key) ||
			    edge_recurses(document, number, pair->value))
				return true;
		}
	}
	return false;
}

static int refuse_recursion(struct yaml_tree *tree)
{
	yaml_document_t *document = &tree->document;
	int count = (int)(document->nodes.top - document->nodes.start);

	for (int number = 1; number <= count; number++) {
		const yaml_node_t *node = yaml_document_get_node(document, number);
		struct yaml_place place = file_place(tree, node->start_mark.line + 1);

		if (!node_recurses(document, number))
			continue;
		place_refuse(&place, "found an alias to a node around it, expected no recursion");
		return -EINVAL;
	}
	return 0;
}

static int parse_text(struct yaml_tree *tree, const unsigned char *text, size_t size)
{
	struct yaml_source source = { .text = text, .size = size };
	int err;

	if (!yaml_parser_initialize(&source.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&source.parser, text, size);
	err = load_first(tree, &source);
	if (!err)
		err = refuse_second(tree, &source);
	yaml_parser_delete(&source.parser);
	return err ? err : refuse_recursion(tree);
}

int yaml_tree_load(struct yaml_tree *tree, const char *path)
{
	struct yaml_place place = file_place(tree, 0);
	unsigned char *text = NULL;
	size_t size = 0;
	int err;

	*tree = (struct yaml_tree){ .path = path };
	err = read_file(tree, &text, &size);
	if (!err)
		err = parse_text(tree, text, size);
	free(text);
	if (err && !tree->errors.count)
		place_refuse(&place, "found no readable file (%s), expected one", strerror(-err));
	return err;
}

void yaml_tree_free(struct yaml_tree *tree)
{
	yaml_document_delete(&tree->document);
	error_list_free(&tree->errors);
	error_list_free(&tree->warnings);
}

struct yaml_place yaml_tree_root(struct yaml_tree *tree)
{
	struct yaml_place place = { .tree = tree };

	place.node = yaml_document_get_root_node(&tree->document);
	place.line = (int)place.node->start_mark.line + 1;
	return place;
}
