// SPDX-License-Identifier: BSD-2-Clause
/*
 * libFuzzer: the decoder of health sharing. Each input is taken as a datagram and, sealed with a good
 * key, as what an authentic peer wrote. What is read must be written again as it was.
 *
 *   clang -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,address,undefined -I. -Iinclude
 *         -Iloader/lib tests/fuzz/fuzz_share_wire.c loader/lib/base/error.c -lsodium
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../loader/lib/health/share_wire.c"

static const struct share_keys keys = {
	.cluster = "cluster",
	.keys = { { .id = 1, .bytes = "0123456789abcdef0123456789abcde" } },
	.count = 1,
};

static void check_message(const struct share_message *message, const uint8_t *data, size_t size)
{
	uint8_t again[SEALED_MAX], datagram[SHARE_DATAGRAM_MAX];
	struct share_message back;
	int length = share_encode(&keys, message, datagram);

	if (write_sealed(message, strlen(message->node), again) != size ||
	    memcmp(again, data, size) != 0)
		abort();
	if (length < 0 || share_decode(&keys, datagram, (size_t)length, &back) != SHARE_ACCEPTED)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t datagram[SHARE_DATAGRAM_MAX];
	struct share_message message;

	if (share_decode(&keys, data, size, &message) == SHARE_ACCEPTED)
		abort(); /* forged */
	if (size > SEALED_MAX)
		return 0;
	size_t length = (size_t)seal(&keys, data, size, datagram);

	if (share_decode(&keys, datagram, length, &message) == SHARE_ACCEPTED)
		check_message(&message, data, size);
	return 0;
}
