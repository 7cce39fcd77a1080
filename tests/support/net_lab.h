/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network of the test's own: the process leaves the machine's network and mounts for good, so
 * nothing needs to be cleaned up. Criterion runs each test in a process of its own.
 */
#ifndef XDPLB_TEST_NET_LAB_H
#define XDPLB_TEST_NET_LAB_H

/* Enters an empty network with lo up and an empty /run/netns; skips the test where that can't be. */
void net_lab_enter(void);

/* Runs a shell command that must succeed; the test fails with the command's text else. */
void net_lab_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Runs one whose failure is an answer. Return: its exit status. */
int net_lab_ask(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
