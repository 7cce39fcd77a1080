/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What goes over a connection of the hand-over lab: two streams of bytes that are known beforehand, so
 * that a byte that is wrong, lost, repeated or of another connection is seen by whoever receives it.
 *
 *   client: seed (8 bytes), then its pattern; every REQUEST bytes of the stream are a request
 *   server: its name (NAME bytes, padded by 0), then its pattern; ANSWER bytes for each request
 *
 * A server that was sent a wrong byte says so by wrong bytes of its own, from there on.
 */
#ifndef XDPLB_TESTS_PATTERN_H
#define XDPLB_TESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_REQUEST 64
#define PATTERN_ANSWER  256
#define PATTERN_NAME    16
#define PATTERN_SEED    sizeof(uint64_t)

/* One way of a connection. */
struct pattern {
	uint64_t seed;
	uint64_t offset; /* of the next byte in the stream */
};

enum pattern_way {
	PATTERN_TO_SERVER,
	PATTERN_TO_CLIENT
};

static inline struct pattern pattern_begin(uint64_t seed, enum pattern_way way)
{
	return (struct pattern){ .seed = way == PATTERN_TO_SERVER ? seed : ~seed };
}

/* The finalizer of SplitMix64: each bit of the offset changes half of the word. */
static inline uint64_t pattern_word(uint64_t seed, uint64_t index)
{
	uint64_t word = seed + index * 0x9e3779b97f4a7c15;

	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	return word ^ word >> 31;
}

static inline uint8_t pattern_byte(const struct pattern *pattern, uint64_t offset)
{
	return (uint8_t)(pattern_word(pattern->seed, offset / 8) >> offset % 8 * 8);
}

/* Fills a buffer with the next bytes; the offset stays: only what was sent moves it. */
static inline void pattern_fill(const struct pattern *pattern, uint8_t *buffer, size_t length)
{
	for (size_t i = 0; i < length; i++)
		buffer[i] = pattern_byte(pattern, pattern->offset + i);
}

/* Are these the next bytes? Moves on behind them. */
static inline bool pattern_take(struct pattern *pattern, const uint8_t *buffer, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (buffer[i] != pattern_byte(pattern, pattern->offset + i))
			return false;
	}
	pattern->offset += length;
	return true;
}

#endif
