// SPDX-License-Identifier: BSD-2-Clause
/*
 * How agents reach each other: the section `sharing`, the nodes' addresses, and the hook.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config_check_kinds.h"
#include "health/share_receive.h"

#define SHARING_PORT    7926
#define SHARE_FILE_MAX  4096
#define HOOK_TIMEOUT_MS 10000

bool draft_resolve_path(const struct config_draft *draft, const char *path, char *ret_path,
			size_t size)
{
	const char *slash = strrchr(draft->tree.path, '/');
	int folder = slash && path[0] != '/' ? (int)(slash - draft->tree.path) + 1 : 0;

	return snprintf(ret_path, size, "%.*s%s", folder, draft->tree.path, path) < (int)size;
}

static void warn_unreadable(const struct yaml_place *place, const char *path, int error)
{
	place_warn(place, "%s: %s: agents will not share health", path, strerror(error));
}

static void read_key_file(struct config_draft *draft, const struct yaml_place *place, int fd)
{
	struct config_sharing *sharing = &draft->config.sharing;
	char text[SHARE_FILE_MAX];
	struct error error = { 0 };
	struct stat stat;
	ssize_t length;

	if (fstat(fd, &stat)) {
		warn_unreadable(place, sharing->key_path, errno);
		return;
	}
	if (!S_ISREG(stat.st_mode)) {
		place_refuse(place, "found %s, which is no regular file, expected one",
			     sharing->key_path);
		return;
	}
	length = read(fd, text, sizeof(text));
	if (length < 0) {
		warn_unreadable(place, sharing->key_path, errno);
		return;
	}
	if (length == sizeof(text))
		place_refuse(place, "%s: found too many bytes, expected at most %d",
			     sharing->key_path, SHARE_FILE_MAX - 1);
	else if (share_keys_parse(text, (size_t)length, draft->config.cluster, &sharing->keys,
				  &error))
		place_refuse(place, "%s: %s", sharing->key_path, error.text);
	else
		sharing->has_keys = true;
	explicit_bzero(text, sizeof(text));
	if (sharing->has_keys && stat.st_mode & (S_IRWXG | S_IRWXO))
		place_warn(place, "found %s open to others (mode %04o), expected mode 0600",
			   sharing->key_path, (unsigned int)(stat.st_mode & 07777));
}

/* A file that is not there is no error: the cluster file can be checked where the key is not. */
static void read_keys(struct config_draft *draft, const struct yaml_place *place)
{
	const char *path = draft->config.sharing.key_path;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0) {
		warn_unreadable(place, path, errno);
		return;
	}
	read_key_file(draft, place, fd);
	close(fd);
}

static void read_numbers(struct config_draft *draft, const struct yaml_place *place)
{
	static const struct yaml_range missed = { 2, 1000, "a number of heartbeats" };
	struct config_sharing *sharing = &draft->config.sharing;
	struct yaml_place child;
	uint32_t number;

	if (place_child(place, "port", &child) &&
	    place_number(&child, &config_port_range, &number)) {
		sharing->port = (uint16_t)number;
		if (number >= draft->config.tag_first && number <= draft->config.tag_last)
			place_refuse_value(&child, "a port outside the tag range %u to %u",
					   draft->config.tag_first, draft->config.tag_last);
	}
	if (place_child(place, "interval", &child))
		draft_read_duration(&child, 20, 60000, &sharing->interval_ms);
	if (place_child(place, "missed", &child))
		place_number(&child, &missed, &sharing->missed);
	if (place_child(place, "lease", &child))
		draft_read_duration(&child, 100, 3600000, &sharing->lease_ms);
}

void draft_read_sharing(struct config_draft *draft)
{
	static const struct yaml_key keys[] = { { "key_file", "the file of the keys" },
						{ "port", NULL },
						{ "interval", NULL },
						{ "missed", NULL },
						{ "lease", NULL } };
	struct config_sharing *sharing = &draft->config.sharing;
	struct yaml_place section, child;
	const char *path;

	*sharing = (struct config_sharing){ .port = SHARING_PORT,
					    .interval_ms = SHARE_INTERVAL_MS,
					    .missed = SHARE_MISSED,
					    .lease_ms = SHARE_LEASE_MS };
	if (!place_child(&draft->root, "sharing", &section) ||
	    !place_keys(&section, keys, ARRAY_SIZE(keys)))
		return;
	sharing->is_set = true;
	sharing->line = section.line;
	read_numbers(draft, &section);
	if (!place_child(&section, "key_file", &child))
		return;
	path = place_text(&child, "the path of a file");
	if (!path)
		return;
	if (draft_resolve_path(draft, path, sharing->key_path, sizeof(sharing->key_path)))
		read_keys(draft, &child);
	else
		place_refuse(&child, "found a path that is too long, expected at most %zu bytes",
			     sizeof(sharing->key_path) - 1);
}

void draft_read_node_addresses(struct config_draft *draft)
{
	for (size_t i = 0; i < draft->config.node_count; i++) {
		struct config_node *node = &draft->config.nodes[i];
		struct yaml_place child;

		if (place_child(&draft->nodes[i], "address", &child))
			node->has_address =
				draft_read_address(&child, &node->address, &node->family);
		else if (draft->config.sharing.is_set && (node->is_access || node->is_service))
			place_refuse(&draft->nodes[i],
				     "found no `address`, expected one: `sharing` "
				     "needs to know where the node's agent is");
	}
}

static void read_hook(struct config_draft *draft, const char *key, struct config_hook *hook)
{
	static const struct yaml_key keys[] = { { "command", "a program and its arguments" },
						{ "timeout", NULL } };
	struct yaml_place section, child;

	if (!place_child(&draft->root, key, &section) ||
	    !place_keys(&section, keys, ARRAY_SIZE(keys)))
		return;
	hook->line = section.line;
	hook->timeout_ms = HOOK_TIMEOUT_MS;
	hook->argv = draft_read_command(draft, &section);
	if (place_child(&section, "timeout", &child))
		draft_read_duration(&child, 1, PROBE_TIMEOUT_MAX, &hook->timeout_ms);
}

void draft_read_hook(struct config_draft *draft)
{
	read_hook(draft, "on_service", &draft->config.on_service);
	read_hook(draft, "on_tunnel", &draft->config.on_tunnel);
}
