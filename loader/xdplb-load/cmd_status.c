// SPDX-License-Identifier: BSD-2-Clause
/*
 * xdplb-load status: the node's JSON as it is, or as text.
 */
#include <stdio.h>
#include <time.h>

#include "command.h"
#include "show/status.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static long long number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static void print_hooks(const json_t *hooks)
{
	json_t *hook;
	size_t i;

	json_array_foreach(hooks, i, hook) printf(
		"  %-15s  %-14s  %s, program %lld\n", text_of(hook, "interface"),
		text_of(hook, "program"), text_of(hook, "how"), number_of(hook, "program_id"));
}

/* Counted so far, or a second, where rates were asked for. */
static long long count_of(const json_t *object, const char *key)
{
	const json_t *rates = json_object_get(object, "per_second");

	return rates ? (long long)(json_real_value(json_object_get(rates, key)) + 0.5)
		     : number_of(object, key);
}

static void print_backend(const json_t *backend)
{
	printf("  %-15s  %-22s %5lld %6lld %6.2f%% %5lld%%  %-11s %-9s %-6s %12lld %14lld %10lld  "
	       "%s\n",
	       text_of(backend, "name"), text_of(backend, "address"), number_of(backend, "tag"),
	       number_of(backend, "weight"), json_real_value(json_object_get(backend, "share")),
	       number_of(backend, "takes"), text_of(backend, "health"),
	       json_is_true(json_object_get(backend, "confirmed")) ? "yes" : "NO",
	       json_is_true(json_object_get(backend, "usable")) ? "yes" : "NO",
	       count_of(backend, "packets"), count_of(backend, "bytes"),
	       count_of(backend, "new_flows"), text_of(backend, "next_hop"));
}

/* "port 80", or "ports 20-21,5000-5999". */
static void print_ports(const json_t *service)
{
	const json_t *ports = json_object_get(service, "ports");
	json_t *range;
	size_t i;

	if (!ports) {
		printf("port %lld", number_of(service, "port"));
		return;
	}
	json_array_foreach(ports, i, range)
		printf("%s%s", i ? "," : "ports ", json_string_value(range));
}

/* What one source may open. */
static void print_limit(const json_t *limit)
{
	if (json_is_object(limit))
		printf("; new flows of a source: %.6g a second, %lld at once",
		       json_real_value(json_object_get(limit, "per_second")),
		       number_of(limit, "burst"));
}

static void print_flow_cache(const json_t *cache)
{
	if (!json_is_object(cache))
		return;
	printf("Flow cache: %lld flows and %lld newcomers in %lld places, %lld bytes\n",
	       number_of(cache, "flows"), number_of(cache, "newcomers"), number_of(cache, "places"),
	       number_of(cache, "bytes"));
}

static void print_service(const json_t *service)
{
	bool has_rates = json_object_get(service, "per_second");
	long long usable = number_of(service, "usable");

	printf("\n%s: %s %s ", text_of(service, "name"), text_of(service, "protocol"),
	       text_of(service, "vip"));
	print_ports(service);
	printf(", restore %s, %lld buckets, table hash %s\n", text_of(service, "restore"),
	       number_of(service, "buckets"), text_of(service, "table_hash"));
	printf("  %lld of %zu backends usable", usable,
	       json_array_size(json_object_get(service, "backends")));
	if (!usable)
		printf(": DOWN (all_down: %s)", text_of(service, "all_down"));
	printf("; %lld packets, %lld bytes, %lld new flows%s; clients: %s",
	       count_of(service, "packets"), count_of(service, "bytes"),
	       count_of(service, "new_flows"), has_rates ? " a second" : "",
	       text_of(service, "clients"));
	print_limit(json_object_get(service, "source_limit"));
	if (json_is_true(json_object_get(service, "flow_cache")))
		printf("; flows are remembered");
	printf("\n  %-15s  %-22s %5s %6s %7s %6s  %-11s %-9s %-6s %12s %14s %10s  %s\n", "backend",
	       "address", "tag", "weight", "share", "takes", "health", "confirmed", "usable",
	       has_rates ? "packets/s" : "packets", has_rates ? "bytes/s" : "bytes",
	       has_rates ? "flows/s" : "new flows", "next hop");
}

static void print_services(const json_t *json)
{
	json_t *services = json_object_get(json, "services"), *service, *backend;
	size_t i, b;

	if (!services)
		return;
	printf("\nServices: %zu, table hash %s\n", json_array_size(services),
	       text_of(json, "table_hash"));
	print_flow_cache(json_object_get(json, "flow_cache"));
	json_array_foreach(services, i, service)
	{
		print_service(service);
		json_array_foreach(json_object_get(service, "backends"), b, backend)
			print_backend(backend);
	}
}

static void print_mappings(const json_t *mappings)
{
	json_t *mapping;
	size_t i;

	if (!mappings)
		return;
	printf("\nMappings: %zu\n", json_array_size(mappings));
	if (json_array_size(mappings))
		printf("  %-15s  %-15s  %-22s %5s  ->  %-4s %-22s %5s  %-9s %5s  %s\n", "service",
		       "backend", "address", "tag", "", "VIP", "port", "restore", "to", "state");
	json_array_foreach(mappings, i, mapping)
	{
		printf("  %-15s  %-15s  %-22s %5lld  ->  %-4s %-22s %5lld  %-9s %5lld  %s",
		       text_of(mapping, "service"), text_of(mapping, "backend"),
		       text_of(mapping, "address"), number_of(mapping, "tag"),
		       text_of(mapping, "protocol"), text_of(mapping, "vip"),
		       number_of(mapping, "vport"), text_of(mapping, "restore"),
		       number_of(mapping, "port"), text_of(mapping, "state"));
		if (json_object_get(mapping, "rests_seconds"))
			printf(" (%lld s)", number_of(mapping, "rests_seconds"));
		putchar('\n');
	}
}

static void print_tunnels(const json_t *tunnels)
{
	json_t *tunnel;
	size_t i;

	if (!json_array_size(tunnels))
		return;
	printf("\nTunnels: %zu\n", json_array_size(tunnels));
	json_array_foreach(tunnels, i, tunnel)
		printf("  %-20s to %-16s %-4s %-13s by its %s\n", text_of(tunnel, "name"),
		       text_of(tunnel, "to"), text_of(tunnel, "state"), text_of(tunnel, "cause"),
		       text_of(tunnel, "lsp"));
}

static void print_hand_over(const json_t *list)
{
	json_t *service, *table;
	size_t i, t;

	if (!json_array_size(list))
		return;
	printf("\nHand-over by the tables of now and before:\n");
	json_array_foreach(list, i, service)
	{
		printf("  %-15s ", text_of(service, "service"));
		json_array_foreach(json_object_get(service, "tables"), t, table)
			printf(" %s", text_of(table, "table_hash"));
		putchar('\n');
	}
}

static void print_counters(const char *title, json_t *counters)
{
	const char *name;
	json_t *count;

	if (!json_object_size(counters))
		return;
	printf("\n%s:\n", title);
	json_object_foreach(counters, name, count)
		printf("  %-18s %12lld\n", name, json_integer_value(count));
}

static void print_text(const json_t *json)
{
	printf("%s, cluster %s: generation %lld, applied %s, config hash %s\n",
	       text_of(json, "node"), text_of(json, "cluster"), number_of(json, "generation"),
	       text_of(json, "applied"), text_of(json, "config_hash"));
	print_hooks(json_object_get(json, "hooks"));
	print_services(json);
	print_mappings(json_object_get(json, "mappings"));
	print_hand_over(json_object_get(json, "hand_over"));
	print_tunnels(json_object_get(json, "tunnels"));
	print_counters("Dropped packets", json_object_get(json, "drops"));
	print_counters("Events", json_object_get(json, "events"));
}

static double seconds_since(const struct timespec *began)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

/* The state, with rates over an interval if there is one; a signal ends that early. */
static int collect(const char *name, unsigned int interval_ms, json_t **ret_json,
		   struct error *error)
{
	const struct timespec interval = { .tv_sec = interval_ms / 1000,
					   .tv_nsec = interval_ms % 1000 * 1000000L };
	struct timespec began;
	json_t *before;
	int err;

	if (!interval_ms)
		return status_collect(name, ret_json, error);
	err = status_collect(name, &before, error);
	if (err)
		return err;
	clock_gettime(CLOCK_MONOTONIC, &began);
	nanosleep(&interval, NULL);
	err = status_collect(name, ret_json, error);
	if (!err)
		status_add_rates(*ret_json, before, seconds_since(&began));
	json_decref(before);
	return err;
}

int cmd_status(const struct command_line *line)
{
	char name[XDPLB_NAME_LEN];
	struct error error = { 0 };
	json_t *json;
	int status = node_name(line, name);

	if (status)
		return status;
	if (collect(name, line->has_interval ? line->interval_ms : 0, &json, &error))
		return complain("%s", error.text);
	if (line->json) {
		json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		putchar('\n');
	} else {
		print_text(json);
	}
	json_decref(json);
	return EXIT_DONE;
}
