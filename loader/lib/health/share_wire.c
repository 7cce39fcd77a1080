// SPDX-License-Identifier: BSD-2-Clause
/*
 * The datagram of health sharing: written and sealed, opened and read. The layout is in the header.
 */
#include "health/share_wire.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "xdplb/health.h"

#define MAGIC       0x58485331U /* "XHS1" */
#define BOUND_BYTES 8 /* of the clear part: magic and key id */
#define NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define SEALED_MAX  (SHARE_DATAGRAM_MAX - SHARE_CLEAR_BYTES - SHARE_TAG_BYTES)

_Static_assert(SHARE_CLEAR_BYTES == BOUND_BYTES + NONCE_BYTES, "clear part");
_Static_assert(SHARE_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(SHARE_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SHARE_ENTRIES_MAX == 42 && SHARE_TARGETS_MAX == 28, "as documented");

#define X(name, text, help) [SHARE_REFUSED_##name] = text,
const char *const share_refusal_names[] = { [SHARE_ACCEPTED] = "", SHARE_REFUSALS(X) };
#undef X
#define X(name, text, help) [SHARE_REFUSED_##name] = help,
const char *const share_refusal_helps[] = { [SHARE_ACCEPTED] = "", SHARE_REFUSALS(X) };
#undef X

/* ---- numbers ---- */

static uint8_t *put_number(uint8_t *at, uint64_t number, size_t bytes)
{
	uint64_t be = htobe64(number);

	memcpy(at, (const uint8_t *)&be + sizeof(be) - bytes, bytes);
	return at + bytes;
}

/* Takes @bytes bytes at the cursor, which the caller knows to be there. */
static uint64_t take_number(const uint8_t **at, size_t bytes)
{
	uint64_t be = 0;

	memcpy((uint8_t *)&be + sizeof(be) - bytes, *at, bytes);
	*at += bytes;
	return be64toh(be);
}

int share_copy_name(const char *name, char *ret_name, struct error *error)
{
	if (!*name || strlen(name) >= XDPLB_NAME_LEN)
		return fail(error, -EINVAL, "found node name '%s', expected 1 .. 63 bytes", name);
	strcpy(ret_name, name);
	return 0;
}

uint64_t share_draw_number(void)
{
	uint64_t number;

	do
		randombytes_buf(&number, sizeof(number));
	while (!number);
	return number;
}

uint64_t share_hash_name(const char *name)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];
	const uint8_t *at = hash;

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)name, strlen(name), NULL, 0);
	return take_number(&at, sizeof(uint64_t));
}

/* ---- entries and targets ---- */

static uint8_t *put_entry(uint8_t *at, const struct share_entry *entry)
{
	at = put_number(at, entry->backend, 8);
	at = put_number(at, entry->check, 8);
	at = put_number(at, entry->state, 1);
	at = put_number(at, entry->cause, 1);
	at = put_number(at, entry->weight, 2);
	return put_number(at, entry->time, 4);
}

static void take_entry(const uint8_t **at, struct share_entry *ret)
{
	ret->backend = take_number(at, 8);
	ret->check = take_number(at, 8);
	ret->state = (uint8_t)take_number(at, 1);
	ret->cause = (uint8_t)take_number(at, 1);
	ret->weight = (uint16_t)take_number(at, 2);
	ret->time = (uint32_t)take_number(at, 4);
}

uint64_t share_digest(const struct share_entry *entry)
{
	/* No secret: who could choose entries to collide has the key of the datagrams as well. */
	static const uint8_t key[crypto_shorthash_KEYBYTES] = "xdplb share set";
	uint8_t bytes[SHARE_ENTRY_BYTES], hash[crypto_shorthash_BYTES];
	const uint8_t *at = hash;

	put_entry(bytes, entry);
	crypto_shorthash(hash, bytes, sizeof(bytes) - sizeof(entry->time), key);
	return take_number(&at, sizeof(hash));
}

static uint8_t *put_target(uint8_t *at, const struct share_target *target)
{
	at = put_number(at, target->backend, 8);
	at = put_number(at, target->check, 8);
	memcpy(at, &target->addr, sizeof(target->addr));
	at += sizeof(target->addr);
	memcpy(at, &target->port, sizeof(target->port));
	at += sizeof(target->port);
	at = put_number(at, target->family, 1);
	return put_number(at, target->proto, 1);
}

static void take_target(const uint8_t **at, struct share_target *ret)
{
	ret->backend = take_number(at, 8);
	ret->check = take_number(at, 8);
	memcpy(&ret->addr, *at, sizeof(ret->addr));
	*at += sizeof(ret->addr);
	memcpy(&ret->port, *at, sizeof(ret->port));
	*at += sizeof(ret->port);
	ret->family = (uint8_t)take_number(at, 1);
	ret->proto = (uint8_t)take_number(at, 1);
}

static bool target_is_sound(const struct share_target *target)
{
	const __be32 *word = target->addr.word;

	if (target->family == XDPLB_IPV4)
		return !(word[1] | word[2] | word[3]);
	return target->family == XDPLB_IPV6;
}

/* ---- a message's soundness: the one list of rules, for what is written and what is read ---- */

static bool has_targets(const struct share_message *message)
{
	return message->kind == SHARE_CHECK_REQUEST;
}

static bool is_check(const struct share_message *message)
{
	return message->kind == SHARE_CHECK_REQUEST || message->kind == SHARE_CHECK_ANSWER;
}

static bool header_is_sound(const struct share_message *message)
{
	size_t most = has_targets(message) ? SHARE_TARGETS_MAX : SHARE_ENTRIES_MAX;

	if (message->kind < SHARE_STATES || message->kind > SHARE_CHECK_ANSWER)
		return false;
	if (is_check(message)
		    ? message->action < SHARE_CHECK_ONCE || message->action > SHARE_CHECK_STOP
		    : message->action != 0)
		return false;
	return message->incarnation && message->part < message->parts && message->count <= most &&
	       message->total <= SHARE_SET_MAX;
}

static bool body_is_sound(const struct share_message *message)
{
	for (size_t i = 0; i < message->count; i++) {
		if (has_targets(message) ? !target_is_sound(&message->targets[i])
					 : message->entries[i].state > XDPLB_HEALTH_MAINTENANCE)
			return false;
	}
	return true;
}

/* ---- the sealed part ---- */

static size_t write_sealed(const struct share_message *message, size_t name_length, uint8_t *out)
{
	uint8_t *at = out;

	at = put_number(at, message->kind, 1);
	at = put_number(at, name_length, 1);
	at = put_number(at, message->count, 2);
	at = put_number(at, message->part, 2);
	at = put_number(at, message->parts, 2);
	at = put_number(at, message->total, 4);
	at = put_number(at, message->action, 1);
	at = put_number(at, 0, 3);
	at = put_number(at, message->incarnation, 8);
	at = put_number(at, message->sequence, 8);
	at = put_number(at, message->peer_incarnation, 8);
	at = put_number(at, message->peer_sequence, 8);
	at = put_number(at, message->nonce, 8);
	at = put_number(at, message->digest, 8);
	at = put_number(at, message->service, 8);
	memcpy(at, message->node, name_length);
	at += name_length;
	for (size_t i = 0; i < message->count; i++)
		at = has_targets(message) ? put_target(at, &message->targets[i])
					  : put_entry(at, &message->entries[i]);
	return (size_t)(at - out);
}

/* Reads what write_sealed() writes; @ret may be half filled on false. */
static bool read_sealed(const uint8_t *bytes, size_t length, struct share_message *ret)
{
	const uint8_t *at = bytes;
	size_t name_length, size;

	if (length < SHARE_FIXED_BYTES)
		return false;
	ret->kind = (enum share_kind)take_number(&at, 1);
	name_length = take_number(&at, 1);
	ret->count = (uint16_t)take_number(&at, 2);
	ret->part = (uint16_t)take_number(&at, 2);
	ret->parts = (uint16_t)take_number(&at, 2);
	ret->total = (uint32_t)take_number(&at, 4);
	ret->action = (enum share_action)take_number(&at, 1);
	if (take_number(&at, 3))
		return false;
	ret->incarnation = take_number(&at, 8);
	ret->sequence = take_number(&at, 8);
	ret->peer_incarnation = take_number(&at, 8);
	ret->peer_sequence = take_number(&at, 8);
	ret->nonce = take_number(&at, 8);
	ret->digest = take_number(&at, 8);
	ret->service = take_number(&at, 8);
	size = has_targets(ret) ? SHARE_TARGET_BYTES : SHARE_ENTRY_BYTES;
	if (!header_is_sound(ret) || !name_length || name_length >= sizeof(ret->node) ||
	    length != SHARE_FIXED_BYTES + name_length + size * ret->count ||
	    memchr(at, 0, name_length))
		return false;
	memset(ret->node, 0, sizeof(ret->node));
	memcpy(ret->node, at, name_length);
	at += name_length;
	for (size_t i = 0; i < ret->count; i++) {
		if (has_targets(ret))
			take_target(&at, &ret->targets[i]);
		else
			take_entry(&at, &ret->entries[i]);
	}
	return body_is_sound(ret);
}

/* ---- sealing ---- */

/* What is authenticated and not sealed: the datagram's beginning and the cluster's name. */
struct bound {
	uint8_t bytes[BOUND_BYTES + XDPLB_NAME_LEN];
	size_t length;
};

static struct bound bind_clear(const struct share_keys *keys, const uint8_t *clear)
{
	struct bound bound = { .length = BOUND_BYTES + strlen(keys->cluster) };

	memcpy(bound.bytes, clear, BOUND_BYTES);
	memcpy(bound.bytes + BOUND_BYTES, keys->cluster, bound.length - BOUND_BYTES);
	return bound;
}

/* Returns the datagram's length. */
static int seal(const struct share_keys *keys, const uint8_t *sealed, size_t length, uint8_t *out)
{
	const struct share_key *key = &keys->keys[0];
	uint8_t *at = put_number(out, MAGIC, 4);
	struct bound bound;

	at = put_number(at, key->id, 4);
	randombytes_buf(at, NONCE_BYTES);
	bound = bind_clear(keys, out);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + SHARE_CLEAR_BYTES, NULL, sealed, length,
						   bound.bytes, bound.length, NULL, at, key->bytes);
	return (int)(SHARE_CLEAR_BYTES + length + SHARE_TAG_BYTES);
}

int share_encode(const struct share_keys *keys, const struct share_message *message, uint8_t *out)
{
	size_t name_length = strnlen(message->node, sizeof(message->node));
	uint8_t sealed[SEALED_MAX];

	if (!keys->count || !name_length || name_length == sizeof(message->node) ||
	    !header_is_sound(message) || !body_is_sound(message))
		return -EINVAL;
	return seal(keys, sealed, write_sealed(message, name_length, sealed), out);
}

static const struct share_key *find_key(const struct share_keys *keys, uint32_t id)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->keys[i].id == id)
			return &keys->keys[i];
	}
	return NULL;
}

enum share_refusal share_decode(const struct share_keys *keys, const uint8_t *bytes, size_t length,
				struct share_message *ret_message)
{
	size_t sealed_length = length - SHARE_CLEAR_BYTES;
	struct share_message message;
	const struct share_key *key;
	const uint8_t *at = bytes;
	uint8_t sealed[SEALED_MAX];
	struct bound bound;

	if (length < SHARE_CLEAR_BYTES + SHARE_TAG_BYTES + SHARE_FIXED_BYTES + 1 ||
	    length > SHARE_DATAGRAM_MAX)
		return SHARE_REFUSED_LENGTH;
	if (take_number(&at, 4) != MAGIC)
		return SHARE_REFUSED_MAGIC;
	key = find_key(keys, (uint32_t)take_number(&at, 4));
	if (!key)
		return SHARE_REFUSED_KEY;
	bound = bind_clear(keys, bytes);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(sealed, NULL, NULL,
						       bytes + SHARE_CLEAR_BYTES, sealed_length,
						       bound.bytes, bound.length, at, key->bytes))
		return SHARE_REFUSED_FORGED;
	if (!read_sealed(sealed, sealed_length - SHARE_TAG_BYTES, &message))
		return SHARE_REFUSED_MALFORMED;
	/* The rest of the union is not set and not read. */
	memcpy(ret_message, &message, sizeof(message));
	return SHARE_ACCEPTED;
}
