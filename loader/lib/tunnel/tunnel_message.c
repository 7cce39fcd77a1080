// SPDX-License-Identifier: BSD-2-Clause
/*
 * Frames with messages of xdplb/probe.h.
 */
#include "tunnel/tunnel_message.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stddef.h>
#include <string.h>

#define ETHERNET_LEN 14
#define ETH_P_MPLS   0x8847

uint64_t tunnel_message_mac(const struct config *config, const struct xdplb_ach *message)
{
	unsigned char key[crypto_shorthash_KEYBYTES], mac[crypto_shorthash_BYTES];
	uint64_t word;

	_Static_assert(sizeof(key) == sizeof(config->key), "SipHash keys");
	memcpy(key, &config->key, sizeof(key));
	crypto_shorthash(mac, (const unsigned char *)message, offsetof(struct xdplb_ach, mac), key);
	memcpy(&word, mac, sizeof(word));
	explicit_bzero(key, sizeof(key));
	return word;
}

/* The message under the stack's bottom. */
bool tunnel_message_find(const uint8_t *frame, size_t length, struct xdplb_ach *ret_message)
{
	size_t at = ETHERNET_LEN;
	__be32 entry;

	do {
		if (at + sizeof(entry) > length)
			return false;
		memcpy(&entry, frame + at, sizeof(entry));
		at += sizeof(entry);
	} while (!(ntohl(entry) & BOTTOM));
	if (ntohl(entry) >> 12 != XDPLB_LABEL_GAL || at + sizeof(*ret_message) > length)
		return false;
	memcpy(ret_message, frame + at, sizeof(*ret_message));
	return true;
}

uint8_t *tunnel_message_ethernet(uint8_t *at, const struct xdplb_lsp *lsp)
{
	const __be16 type = htons(ETH_P_MPLS);

	memcpy(at, lsp->dmac, 6);
	memcpy(at + 6, lsp->smac, 6);
	memcpy(at + 12, &type, sizeof(type));
	return at + ETHERNET_LEN;
}

uint8_t *tunnel_message_entry(uint8_t *at, uint32_t entry)
{
	__be32 wire = htonl(entry);

	memcpy(at, &wire, sizeof(wire));
	return at + sizeof(wire);
}

/* The labels of the LSP as the datapath pushes them, with another TTL. */
uint8_t *tunnel_message_stack(uint8_t *at, const struct xdplb_lsp *lsp, uint32_t ttl)
{
	for (size_t i = 0; i < lsp->depth; i++)
		at = tunnel_message_entry(at, (ntohl(lsp->stack[i]) & ~TTL_MAX) | ttl);
	return at;
}

uint32_t tunnel_message_running_last(const struct xdplb_lsp *lsp)
{
	for (size_t i = 1; i < XDPLB_PAYLOAD_COUNT; i++)
		if (lsp->last[i])
			return ntohl(lsp->last[i]) & ~BOTTOM & ~TTL_MAX;
	return 0;
}
