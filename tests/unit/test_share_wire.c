// SPDX-License-Identifier: BSD-2-Clause
/*
 * The datagram of health sharing: what is written is read again, and nothing else is.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "share_world.h"
#include "xdplb/health.h"

#define ROWS(rows)   (sizeof(rows) / sizeof(*(rows)))
#define HEADER_BYTES (offsetof(struct share_message, count) + sizeof(uint16_t))
#define NAME63       "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"

static struct share_keys keys;

static void init(void)
{
	world_keys("cluster", &keys);
}

TestSuite(share_wire, .init = init);

static struct share_message make_message(enum share_kind kind, const char *node, uint16_t count)
{
	struct share_message message = { .kind = kind,
					 .incarnation = 0x0102030405060708,
					 .sequence = 9,
					 .peer_incarnation = UINT64_MAX,
					 .peer_sequence = UINT64_MAX - 1,
					 .nonce = 1ULL << 63,
					 .digest = 7,
					 .service = 5,
					 .total = SHARE_SET_MAX,
					 .part = UINT16_MAX - 1,
					 .parts = UINT16_MAX,
					 .count = count };

	strcpy(message.node, node);
	if (kind == SHARE_CHECK_REQUEST || kind == SHARE_CHECK_ANSWER)
		message.action = SHARE_CHECK_STOP;
	for (uint16_t i = 0; i < count; i++) {
		if (kind == SHARE_CHECK_REQUEST)
			message.targets[i] = (struct share_target){
				.backend = i,
				.check = UINT64_MAX - i,
				.addr = { { htonl(0x20010db8), 0, i % 2 ? 0 : htonl(1),
					    htonl(i) } },
				.port = htons(443),
				.family = XDPLB_IPV6,
				.proto = IPPROTO_TCP,
			};
		else
			message.entries[i] = (struct share_entry){
				.backend = UINT64_MAX - i,
				.check = i,
				.state = i % 5,
				.cause = (uint8_t)(255 - i),
				.weight = (uint16_t)(i % 2 ? UINT16_MAX : 0),
				.time = i % 2 ? UINT32_MAX : 0,
			};
	}
	return message;
}

static const void *element(const struct share_message *message, uint16_t i)
{
	if (message->kind == SHARE_CHECK_REQUEST)
		return &message->targets[i];
	return &message->entries[i];
}

Test(share_wire, round_trips)
{
	static const char *const names[] = { "a", "service-1", NAME63 };

	for (int kind = SHARE_STATES; kind <= SHARE_CHECK_ANSWER; kind++) {
		size_t most = kind == SHARE_CHECK_REQUEST ? SHARE_TARGETS_MAX : SHARE_ENTRIES_MAX;
		size_t size = kind == SHARE_CHECK_REQUEST ? SHARE_TARGET_BYTES : SHARE_ENTRY_BYTES;

		for (size_t n = 0; n < ROWS(names) * (most + 1); n++) {
			const char *name = names[n % ROWS(names)];
			uint16_t count = (uint16_t)(n / ROWS(names));
			struct share_message in = make_message(kind, name, count), out = { 0 };
			uint8_t bytes[SHARE_DATAGRAM_MAX];
			int length = share_encode(&keys, &in, bytes);

			cr_assert_eq(length, 120 + (int)(strlen(name) + size * count),
				     "kind %d, %u: length %d", kind, count, length);
			cr_assert_eq(share_decode(&keys, bytes, (size_t)length, &out),
				     SHARE_ACCEPTED, "kind %d, %u", kind, count);
			/* There is padding behind the count. */
			cr_assert_arr_eq(&in, &out, HEADER_BYTES, "kind %d, %u", kind, count);
			for (uint16_t i = 0; i < count; i++)
				cr_assert_arr_eq(element(&in, i), element(&out, i), size,
						 "kind %d, %u: %u", kind, count, i);
		}
	}
}

/* ---- messages that are none: neither written, nor read when an authentic peer writes them ---- */

/* A sealed part, its bytes as the table in the header has them; name "n", one entry or target. */
static size_t plain_part(uint8_t kind, uint8_t *bytes)
{
	memset(bytes, 0, 72 + 1 + 36);
	bytes[0] = kind;
	bytes[1] = 1;
	bytes[3] = 1; /* entries */
	bytes[7] = 1; /* parts */
	bytes[12] = kind >= SHARE_CHECK_REQUEST;
	bytes[23] = 1; /* incarnation */
	bytes[72] = 'n';
	if (kind == SHARE_CHECK_REQUEST)
		bytes[73 + 34] = XDPLB_IPV4;
	return 73 + (kind == SHARE_CHECK_REQUEST ? 36 : 24);
}

static size_t seal_plain(const uint8_t *plain, size_t length, const char *cluster, uint8_t *out)
{
	uint8_t bound[8 + XDPLB_NAME_LEN] = { 'X', 'H', 'S', '1', 0, 0, 0, 1 };

	memcpy(out, bound, 8);
	strcpy((char *)bound + 8, cluster);
	randombytes_buf(out + 8, 24);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + 32, NULL, plain, length, bound,
						   8 + strlen(cluster), NULL, out + 8,
						   keys.keys[0].bytes);
	return 32 + length + 16;
}

Test(share_wire, malformed)
{
	static const struct {
		const char *row;
		uint8_t kind;
		struct {
			uint8_t at, value;
		} patch[2];
		int longer;
		enum share_refusal why;
	} rows[] = {
		{ "states", SHARE_STATES, { { 0, 1 } }, 0, SHARE_ACCEPTED },
		{ "request", SHARE_CHECK_REQUEST, { { 0, 5 } }, 0, SHARE_ACCEPTED },
		{ "kind 0", SHARE_STATES, { { 0, 0 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "kind 7", SHARE_STATES, { { 0, 7 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "no name", SHARE_STATES, { { 1, 0 } }, -1, SHARE_REFUSED_MALFORMED },
		{ "name too long", SHARE_STATES, { { 1, 64 } }, 63, SHARE_REFUSED_MALFORMED },
		{ "name with a zero", SHARE_STATES, { { 72, 0 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "more entries", SHARE_STATES, { { 3, 2 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "fewer entries", SHARE_STATES, { { 3, 0 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "65,281 entries", SHARE_STATES, { { 2, 255 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "part is parts", SHARE_STATES, { { 5, 1 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "no parts", SHARE_STATES, { { 7, 0 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "set too large", SHARE_STATES, { { 9, 1 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "action", SHARE_STATES, { { 12, 1 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "no action", SHARE_CHECK_REQUEST, { { 12, 0 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "action 4", SHARE_CHECK_ANSWER, { { 12, 4 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "reserved 13", SHARE_STATES, { { 13, 1 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "reserved 15", SHARE_STATES, { { 15, 1 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "no incarnation", SHARE_STATES, { { 23, 0 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "maintenance", SHARE_STATES, { { 89, 4 } }, 0, SHARE_ACCEPTED },
		{ "state 5", SHARE_STATES, { { 89, 5 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "cause 255", SHARE_STATES, { { 90, 255 } }, 0, SHARE_ACCEPTED },
		{ "family", SHARE_CHECK_REQUEST, { { 107, 5 } }, 0, SHARE_REFUSED_MALFORMED },
		{ "IPv4 of 5 bytes",
		  SHARE_CHECK_REQUEST,
		  { { 93, 1 } },
		  0,
		  SHARE_REFUSED_MALFORMED },
		{ "IPv6", SHARE_CHECK_REQUEST, { { 93, 1 }, { 107, 6 } }, 0, SHARE_ACCEPTED },
		{ "a byte more", SHARE_STATES, { { 0, 1 } }, 1, SHARE_REFUSED_MALFORMED },
		{ "a byte less", SHARE_STATES, { { 0, 1 } }, -1, SHARE_REFUSED_MALFORMED },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t plain[256] = { 0 }, bytes[512];
		size_t length = plain_part(rows[i].kind, plain);
		struct share_message message;

		for (size_t n = 0; n < 2; n++) {
			if (rows[i].patch[n].at || !n)
				plain[rows[i].patch[n].at] = rows[i].patch[n].value;
		}
		length = seal_plain(plain, length + (size_t)rows[i].longer, "cluster", bytes);
		cr_expect_eq(share_decode(&keys, bytes, length, &message), rows[i].why, "%s",
			     rows[i].row);
	}
}

Test(share_wire, not_written)
{
	struct share_message good = make_message(SHARE_STATES, "n", 1), bad;
	struct share_keys none = { .cluster = "cluster" };
	uint8_t bytes[SHARE_DATAGRAM_MAX];

	cr_expect_gt(share_encode(&keys, &good, bytes), 0);
	cr_expect_eq(share_encode(&none, &good, bytes), -EINVAL, "no key");
#define EXPECT_BAD(field, value)                                                 \
	do {                                                                     \
		bad = good;                                                      \
		bad.field = value;                                               \
		cr_expect_eq(share_encode(&keys, &bad, bytes), -EINVAL, #field); \
	} while (0)
	EXPECT_BAD(kind, 0);
	EXPECT_BAD(action, SHARE_CHECK_ONCE);
	EXPECT_BAD(node[0], 0);
	EXPECT_BAD(incarnation, 0);
	EXPECT_BAD(total, SHARE_SET_MAX + 1);
	EXPECT_BAD(parts, 1);
	EXPECT_BAD(count, SHARE_ENTRIES_MAX + 1);
	EXPECT_BAD(entries[0].state, XDPLB_HEALTH_MAINTENANCE + 1);
	memset(good.node, 'n', sizeof(good.node));
	cr_expect_eq(share_encode(&keys, &good, bytes), -EINVAL, "name without an end");
}

/* ---- damage ---- */

Test(share_wire, truncated_and_flipped)
{
	struct share_message message = make_message(SHARE_HEARTBEAT, NAME63, SHARE_ENTRIES_MAX);
	uint8_t bytes[SHARE_DATAGRAM_MAX + 1] = { 0 };
	size_t length = (size_t)share_encode(&keys, &message, bytes);
	struct share_message untouched;

	memset(&untouched, 0xee, sizeof(untouched));
	message = untouched;
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		enum share_refusal why = share_decode(&keys, bytes, n, &message);

		cr_assert(n == length || why, "%zu bytes", n);
		cr_assert_eq(why == SHARE_REFUSED_LENGTH, n < 121 || n > SHARE_DATAGRAM_MAX,
			     "%zu bytes: %s", n, share_refusal_names[why]);
		message = n == length ? untouched : message;
	}
	for (size_t bit = 0; bit < 8 * length; bit++) {
		enum share_refusal why, expected = SHARE_REFUSED_FORGED;

		if (bit < 32)
			expected = SHARE_REFUSED_MAGIC;
		else if (bit < 64)
			expected = SHARE_REFUSED_KEY;
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		why = share_decode(&keys, bytes, length, &message);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		cr_assert_eq(why, expected, "bit %zu: %s", bit, share_refusal_names[why]);
	}
	cr_assert_arr_eq(&message, &untouched, sizeof(message), "written only if accepted");
	cr_assert_eq(share_decode(&keys, bytes, length, &message), SHARE_ACCEPTED);
}

/* ---- keys ---- */

#define HEX1 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX2 "FFEEDDCCBBAA99887766554433221100ffeeddccbbaa99887766554433221100"
#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

Test(share_wire, key_files)
{
	static const struct {
		const char *row, *text, *error; /* error NULL: two keys or @count */
		size_t count;
	} rows[] = {
		{ "one", "1 " HEX1 "\n", NULL, 1 },
		{ "no newline", "1 " HEX1, NULL, 1 },
		{ "two", "4294967295 " HEX1 "\n1 " HEX2 "\n", NULL, 2 },
		{ "comments", "# now\n\n \t1 \t" HEX1 " \r\n#\n2 " HEX2, NULL, 2 },
		{ "empty", "", "found no key, expected a line: ID and 64 hex digits" },
		{ "comment alone", "# 1 " HEX1, "found no key, expected a line: ID and 64 hex" },
		{ "id 0", "0 " HEX1, "line 1: key id: found no number" },
		{ "id too large", "4294967296 " HEX1, "line 1: key id: found no number" },
		{ "id of letters", "\nold " HEX1, "line 2: key id: found no number" },
		{ "id far too large", "99999999999999999999999 " HEX1, "line 1: key id" },
		{ "id twice", "1 " HEX1 "\n1 " HEX2, "line 2: key id: found 1 again" },
		{ "no digits", "1", "line 1: key: found 0 bytes, expected 64 hex digits" },
		{ "65 digits", "1 0" HEX1 "\n", "line 1: key: found 65 bytes" },
		{ "96 digits", "1 g0112233445566778899aabbccddeeff" ZERO, "found 96 bytes" },
		{ "no hex digit",
		  "1 g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
		  "line 1: key: found something else, expected hex digits" },
		{ "zeros", "1 " ZERO, "line 1: key: found zeros" },
		{ "more", "1 " HEX1 " x", "line 1: found more than an id and a key" },
		{ "nine",
		  "1 " HEX1 "\n2 " HEX1 "\n3 " HEX1 "\n4 " HEX1 "\n5 " HEX1 "\n6 " HEX1 "\n7 " HEX1
		  "\n8 " HEX1 "\n9 " HEX1,
		  "line 9: found one more key, expected at most 8" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct share_keys parsed = { .count = 77 };
		struct error error = { "" };
		int err =
			share_keys_parse(rows[i].text, strlen(rows[i].text), "c", &parsed, &error);

		cr_assert_eq(err, rows[i].error ? -EINVAL : 0, "%s: %s", rows[i].row, error.text);
		cr_expect_eq(parsed.count, rows[i].error ? 77 : rows[i].count, "%s", rows[i].row);
		if (!rows[i].error)
			continue;
		cr_expect(strstr(error.text, rows[i].error), "%s: %s", rows[i].row, error.text);
		cr_expect(!strstr(error.text, "0112233"), "%s: the key is told", rows[i].row);
	}
}

/* Each step of a rotation on one node while the other is still at the step before. */
Test(share_wire, rotation)
{
	static const char *const files[] = {
		"1 " HEX1,
		"1 " HEX1 "\n2 " HEX2,
		"2 " HEX2 "\n1 " HEX1,
		"2 " HEX2,
	};
	struct share_message message = make_message(SHARE_STATES, "n", 1), out;
	uint8_t bytes[SHARE_DATAGRAM_MAX];
	struct share_keys at[ROWS(files)];
	struct error error;

	for (size_t i = 0; i < ROWS(files); i++)
		cr_assert_eq(share_keys_parse(files[i], strlen(files[i]), "c", &at[i], &error), 0);
	for (size_t from = 0; from < ROWS(files); from++) {
		size_t length = (size_t)share_encode(&at[from], &message, bytes);

		for (size_t to = 0; to < ROWS(files); to++) {
			bool apart = (from < 2 && to == 3) || (from > 1 && to == 0);

			cr_expect_eq(share_decode(&at[to], bytes, length, &out),
				     apart ? SHARE_REFUSED_KEY : SHARE_ACCEPTED, "%zu to %zu", from,
				     to);
		}
	}
}

Test(share_wire, other_clusters)
{
	struct share_message message = make_message(SHARE_STATES, "n", 1), out;
	struct share_keys same_key, other_key = keys;
	uint8_t bytes[SHARE_DATAGRAM_MAX];
	size_t length;

	world_keys("cluster2", &same_key);
	length = (size_t)share_encode(&same_key, &message, bytes);
	cr_expect_eq(share_decode(&keys, bytes, length, &out), SHARE_REFUSED_FORGED, "same key");
	other_key.keys[0].bytes[31] ^= 1;
	length = (size_t)share_encode(&other_key, &message, bytes);
	cr_expect_eq(share_decode(&keys, bytes, length, &out), SHARE_REFUSED_FORGED, "same id");
}

Test(share_wire, digests)
{
	struct share_entry entry = { 1, 2, XDPLB_HEALTH_UP, 3, 4, 5 }, other;
	uint64_t digest = share_digest(&entry);

	entry.time = 6;
	cr_expect_eq(share_digest(&entry), digest, "the time is no part of it");
	for (size_t byte = 0; byte < offsetof(struct share_entry, time); byte++) {
		other = entry;
		((uint8_t *)&other)[byte] ^= 1;
		cr_expect_neq(share_digest(&other), digest, "byte %zu", byte);
	}
	/* The wire's own: another one would be another version. */
	cr_expect_eq(share_hash_name("b1"), share_hash_name("b1"));
	cr_expect_neq(share_hash_name("b1"), share_hash_name("b2"));
}
