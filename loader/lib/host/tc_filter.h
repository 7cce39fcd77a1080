/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Our filter under a clsact qdisc, for kernels without TCX. What was made is recorded in `undos`: kind
 * 'f' the filter, kind 'q' the qdisc, if it was ours to make.
 */
#ifndef XDPLB_TC_FILTER_H
#define XDPLB_TC_FILTER_H

#include <stdbool.h>

#include "base/error.h"

/* Attaches a program, or swaps it atomically where ours is already. */
int tc_filter_attach(const char *interface, bool ingress, int prog_fd, int undo_fd,
		     struct error *error);

/* Removes our filter, and the qdisc with it if we made it and nobody else uses it. */
int tc_filter_detach(const char *interface, bool ingress, int undo_fd);

/* The id of our program there; 0: none. */
unsigned int tc_filter_program(const char *interface, bool ingress, int undo_fd);

#endif
