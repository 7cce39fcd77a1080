/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The key that a running lb_xdp was loaded with.
 */
#ifndef XDPLB_TRACE_KEY_H
#define XDPLB_TRACE_KEY_H

#include "base/error.h"
#include "xdplb/types.h"

/**
 * trace_read_key() - Read the key from the constants of a loaded lb_xdp.
 *
 * Return: 0; -EPROTO another version of lb_xdp runs; -errno. With words in @error.
 */
int trace_read_key(int program, struct xdplb_key *ret_key, struct error *error);

#endif
