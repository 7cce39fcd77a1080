// SPDX-License-Identifier: BSD-2-Clause
/*
 * Mapping queries against a fake node on loopback, in a network of the test's own.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "fake_node.h"
#include "net_lab.h"
#include "node/query.h"

static const struct xdplb_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
static const struct xdplb_key other_key = { { 1, 2 } };

static const char *const answer_names[] = { "silent", "confirmed", "mismatch" };

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static struct mapping_query make_query(const char *backend, enum fake_behaviour behaviour)
{
	struct mapping_query query = {
		.tag = htons(FAKE_NODE_TAG),
		.vport = htons(behaviour),
		.proto = IPPROTO_TCP,
		.answer = QUERY_MISMATCH,
	};

	address_parse(backend, &query.backend, &query.family);
	query.vip = query.backend;
	return query;
}

static const struct {
	const char *row, *backend;
	enum fake_behaviour behaviour;
	enum query_answer answer;
	unsigned int asked; /* how often, at least, within 600 ms; 0: exactly once */
} rows[] = {
	{ "yes", "127.0.0.1", FAKE_YES, QUERY_CONFIRMED, 0 },
	{ "lost twice", "127.0.0.2", FAKE_LOSE_TWO, QUERY_CONFIRMED, 3 },
	{ "other", "127.0.0.3", FAKE_OTHER, QUERY_MISMATCH, 6 },
	{ "other, then yes", "::1", FAKE_OTHER_THEN_YES, QUERY_CONFIRMED, 3 },
	{ "yes, then other", "fd00::5", FAKE_YES_THEN_OTHER, QUERY_CONFIRMED, 0 },
	{ "silent", "::1", FAKE_SILENT, QUERY_SILENT, 6 },
	{ "wrong mac", "127.0.0.4", FAKE_WRONG_MAC, QUERY_SILENT, 6 },
	{ "wrong nonce", "127.0.0.5", FAKE_WRONG_NONCE, QUERY_SILENT, 6 },
	{ "wrong address", "127.0.0.6", FAKE_WRONG_ADDRESS, QUERY_SILENT, 6 },
	{ "wrong port", "127.0.0.7", FAKE_WRONG_PORT, QUERY_SILENT, 6 },
	{ "wrong type", "127.0.0.8", FAKE_WRONG_TYPE, QUERY_SILENT, 6 },
	{ "wrong version", "127.0.0.9", FAKE_WRONG_VERSION, QUERY_SILENT, 6 },
	{ "longer", "127.0.0.10", FAKE_LONGER, QUERY_SILENT, 6 },
	{ "shorter", "127.0.0.11", FAKE_SHORTER, QUERY_SILENT, 6 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void set_up(struct fake_node *node)
{
	net_lab_enter();
	net_lab_run("ip addr add fd00::5/128 dev lo nodad");
	fake_node_start(node, &key);
}

Test(query, rows)
{
	struct mapping_query queries[ROWS];
	struct fake_node node;
	struct error error;
	double start, took;

	set_up(&node);
	for (size_t i = 0; i < ROWS; i++)
		queries[i] = make_query(rows[i].backend, rows[i].behaviour);
	start = seconds();
	cr_expect_eq(query_mappings(queries, ROWS, &key, 600, &error), 0, "%s", error.text);
	took = seconds() - start;
	cr_expect(took > 0.59 && took < 0.9, "took %f s", took);
	fake_node_stop(&node);
	for (size_t i = 0; i < ROWS; i++) {
		unsigned int asked = node.asked[rows[i].behaviour];

		cr_expect_eq(queries[i].answer, rows[i].answer, "%s: %s", rows[i].row,
			     answer_names[queries[i].answer]);
		if (rows[i].asked)
			cr_expect(asked >= rows[i].asked && asked <= 7, "%s: asked %u times",
				  rows[i].row, asked);
		else
			cr_expect_eq(asked, 1, "%s: asked %u times", rows[i].row, asked);
	}
	cr_expect_eq(node.bad_questions, 0, "the node found %u wrong macs", node.bad_questions);
}

/* An answer under another key is none; the mac of a question is the datapath's. */
Test(query, another_key)
{
	struct mapping_query query = make_query("127.0.0.1", FAKE_YES);
	struct fake_node node;
	struct error error;

	set_up(&node);
	cr_expect_eq(query_mappings(&query, 1, &other_key, 100, &error), 0);
	fake_node_stop(&node);
	cr_expect_eq(query.answer, QUERY_SILENT);
	cr_expect_gt(node.bad_questions, 0);
}

/* Nobody there, no route, no wait at all: silence, in time. */
Test(query, unreachable_is_silent)
{
	struct mapping_query queries[] = {
		make_query("127.0.0.1", FAKE_YES),       make_query("10.9.9.9", FAKE_YES),
		make_query("fd99::1", FAKE_YES),         make_query("127.0.0.2", FAKE_YES),
		make_query("255.255.255.255", FAKE_YES),
	};
	const size_t count = sizeof(queries) / sizeof(queries[0]);
	struct error error;
	double start, took;

	net_lab_enter();
	start = seconds();
	cr_expect_eq(query_mappings(queries, count, &key, 0, &error), 0, "%s", error.text);
	took = seconds() - start;
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(queries[i].answer, QUERY_SILENT, "query %zu", i);
	cr_expect(took > 0.015 && took < 0.1, "took %f s", took);
	cr_expect_eq(query_mappings(queries, 0, &key, 1000, &error), 0, "none at all");
}

static const struct {
	const char *row;
	size_t count;
	unsigned int wait_ms;
	enum fake_behaviour behaviour;
	enum query_answer answer;
	unsigned int asked; /* in all; 0: does not matter */
	double seconds; /* at least, as at most some hundreds are in flight */
} many_rows[] = {
	{ "2,000", 2000, 10000, FAKE_YES, QUERY_CONFIRMED, 0, 0 },
	{ "10,000", 10000, 10000, FAKE_YES, QUERY_CONFIRMED, 0, 0 },
	{ "10,000 silent in one round", 10000, 0, FAKE_SILENT, QUERY_SILENT, 10000, 0.3 },
};

static size_t count_answers(const struct mapping_query *queries, size_t count,
			    enum query_answer answer)
{
	size_t sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += queries[i].answer == answer;
	return sum;
}

static void check_many(size_t row, struct fake_node *node, struct mapping_query *queries)
{
	const char *name = many_rows[row].row;
	size_t count = many_rows[row].count, answered;
	atomic_uint *asked = &node->asked[many_rows[row].behaviour];
	struct error error;
	double start, took;

	for (size_t i = 0; i < count; i++) {
		queries[i] = make_query("127.0.0.1", many_rows[row].behaviour);
		queries[i].backend.word[0] = htonl(0x7f010000 + i);
	}
	*asked = 0;
	start = seconds();
	cr_expect_eq(query_mappings(queries, count, &key, many_rows[row].wait_ms, &error), 0);
	took = seconds() - start;
	/* 0.02, 0.1 and 0.4 s where nothing else runs; the end of the wait would be 10 s. */
	cr_expect(took < 5 && took >= many_rows[row].seconds, "%s: took %f s", name, took);
	answered = count_answers(queries, count, many_rows[row].answer);
	cr_expect_eq(answered, count, "%s: %zu as expected", name, answered);
	/* The node may still be reading. */
	for (int i = 0; i < 200 && *asked < many_rows[row].asked; i++)
		usleep(10000);
	if (many_rows[row].asked)
		cr_expect_eq(*asked, many_rows[row].asked, "%s: asked %u times", name, *asked);
}

Test(query, many)
{
	struct mapping_query *queries = calloc(10000, sizeof(*queries));
	struct fake_node node;

	set_up(&node);
	for (size_t row = 0; row < sizeof(many_rows) / sizeof(many_rows[0]); row++)
		check_many(row, &node, queries);
	fake_node_stop(&node);
	free(queries);
}
