// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer: the cluster file. Each input is read as one. What is taken must hold what config.h says of
 * it, and what is refused must be said in lines that name the file.
 *
 * The linker turns open() and getpwnam() to what is below, so that a file's text reaches no other file
 * and no user database: see the Makefile.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
struct passwd *__wrap_getpwnam(const char *name);

static char input[64]; /* the path of the input */

#define KEY         "000102030405060708090a0b0c0d0e0f\n"
#define SHARING_KEY "1 000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f\n"

static int memory_file(const void *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		abort();
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	size_t length = strlen(path);

	if (!strcmp(path, input))
		return __real_open(path, flags);
	if (length > 4 && !strcmp(path + length - 4, ".key"))
		return memory_file(KEY, strlen(KEY));
	if (length > 5 && !strcmp(path + length - 5, ".keys"))
		return memory_file(SHARING_KEY, strlen(SHARING_KEY));
	errno = ENOENT;
	return -1;
}

struct passwd *__wrap_getpwnam(const char *name)
{
	static struct passwd user = { .pw_uid = 1000, .pw_gid = 1000 };

	return name[0] == 'x' ? NULL : &user;
}

static void expect(bool holds)
{
	if (!holds)
		abort();
}

static void check_checks(const struct config *config)
{
	struct error expected;
	const char *key;

	for (size_t i = 0; i < config->check_count; i++) {
		const struct config_check *check = &config->checks[i];

		expect(!probe_spec_check_values(&check->spec, &key, &expected));
		expect(check->interval_ms >= 10 && check->rule.rise && check->rule.fall);
		expect(!i || strcmp(config->checks[i - 1].name, check->name) < 0);
	}
}

static void check_member(const struct config *config, const struct config_service *service,
			 const struct config_member *member)
{
	const struct config_target *target;

	expect(member->backend < config->backend_count);
	expect(member->target < config->target_count);
	expect(ntohs(member->tag) >= config->tag_first && ntohs(member->tag) <= config->tag_last);
	expect(member->port && member->weight <= CONFIG_WEIGHT_MAX);
	target = &config->targets[member->target];
	expect(target->backend == member->backend);
	expect((target->check == CONFIG_NO_CHECK) == (service->check == CONFIG_NO_CHECK));
	expect(target->check == CONFIG_NO_CHECK || target->check < config->check_count);
}

static void check_services(const struct config *config)
{
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		expect(service->family == XDPLB_IPV4 || service->family == XDPLB_IPV6);
		expect(service->proto == IPPROTO_TCP || service->proto == IPPROTO_UDP);
		expect(service->port && service->member_count);
		expect(service->buckets >= service->member_count);
		for (size_t m = 0; m < service->member_count; m++)
			check_member(config, service, &service->members[m]);
	}
}

static void check_config(const struct config *config)
{
	expect(config->node_count && config->cluster[0]);
	expect(config->backend_count <= config->capacities.backends &&
	       config->target_count <= config->capacities.backends);
	for (size_t i = 0; i < config->node_count; i++) {
		const struct config_node *node = &config->nodes[i];

		expect(config_find_node(config, node->name) == (int)i);
		expect(!config->sharing.is_set || node->has_address);
	}
	for (size_t i = 0; i < config->backend_count; i++)
		expect(config->nodes[config->backends[i].node].is_service);
	check_checks(config);
	check_services(config);
	expect(!config->on_service.argv || config->on_service.argv[0][0] == '/');
}

/* "FILE:LINE: ...", each line, printable; and at their end how many more there are. */
static void check_errors(const struct config_errors *errors)
{
	size_t lines = 0;

	for (const char *line = errors->text; line && *line; lines++) {
		const char *end = strchr(line, '\n');

		expect(end);
		expect((!strncmp(line, input, strlen(input)) && line[strlen(input)] == ':') ||
		       (!strncmp(line, "and ", 4) && errors->count > lines && !end[1]));
		for (const char *at = line; at < end; at++)
			expect(*at >= ' ' && *at <= '~');
		line = end + 1;
	}
	expect(lines >= (errors->count > 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors = { 0 };
	struct config config;
	int fd = memory_file(data, size), result;

	snprintf(input, sizeof(input), "/proc/self/fd/%d", fd);
	result = config_load(input, &config, &errors);
	expect(result == 0 || (result == -EINVAL && errors.count));
	check_errors(&errors);
	if (!result) {
		check_config(&config);
		config_free(&config);
	}
	config_errors_free(&errors);
	close(fd);
	return 0;
}
