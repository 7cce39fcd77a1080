/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent may do.
 */
#ifndef XDPLB_AGENT_PRIVILEGES_H
#define XDPLB_AGENT_PRIVILEGES_H

/* Goes before others where processors are scarce: it needs little, but that in time. The programs that
 * it starts put themselves back. To be called before privileges_drop(). Return: 0 or -errno. */
int privileges_use_priority(void);

/* Gives up, for good, all capabilities but those that some role of the agent needs. Return: 0 or
 * -EPERM. */
int privileges_drop(void);

#endif
