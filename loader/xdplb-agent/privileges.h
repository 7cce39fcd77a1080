/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the agent may do.
 */
#ifndef XDPLB_AGENT_PRIVILEGES_H
#define XDPLB_AGENT_PRIVILEGES_H

/* Gives up, for good, all capabilities but those that some role of the agent needs. Return: 0 or
 * -EPERM. */
int privileges_drop(void);

#endif
