/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key that a running program was loaded with.
 */
#ifndef XDPLB_TRACE_KEY_H
#define XDPLB_TRACE_KEY_H

#include "base/error.h"
#include "xdplb/types.h"

/* What it is a program of. */
enum trace_object {
	TRACE_LB_XDP,
	TRACE_NODE_TC,
};

/**
 * trace_read_key() - Read the key from the constants of a loaded program.
 *
 * Return: 0; -EPROTO another version of it runs; -errno. With words in @error.
 */
int trace_read_key(int program, enum trace_object object, struct xdplb_key *ret_key,
		   struct error *error);

#endif
