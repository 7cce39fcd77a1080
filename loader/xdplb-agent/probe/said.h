/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a server says of itself, in a line of text: words in any number and order, apart by blanks or
 * commas, large or small:
 *
 *   up, ready                 takes connections
 *   drain                     no new ones; 0% likewise
 *   down, stopped, failed     not to be used
 *   maint                     not to be used, by somebody's wish
 *   NN%                       takes so many percent of its share, 0 to 100; up, unless another word says more
 *
 * What comes after a # is for people. HAProxy's agent-check has these words, too; what is different: there is
 * no state left over from an earlier answer. Each says all, and `50%` alone means up.
 */
#ifndef XDPLB_PROBE_SAID_H
#define XDPLB_PROBE_SAID_H

#include <stddef.h>

#include "probe.h"

#define SAID_LINE_MAX 96 /* bytes of a line that are looked at */

/**
 * said_parse() - Read a line, which ends at a line's end or after @length bytes.
 * @ret_said: state unknown: the line has no word; written on success only
 *
 * Return: 0; -EINVAL: another word, or a number above 100.
 */
int said_parse(const char *line, size_t length, struct probe_said *ret_said);

struct probe;

/* Ends a probe that is well, by what its server says: well, or with the cause wrong_answer if that can't be
 * read. @where: "body", for people. */
void said_finish(struct probe *probe, const char *where, const char *line, size_t length);

#endif
