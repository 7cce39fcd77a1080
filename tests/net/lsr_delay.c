// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0
/*
 * lsr_delay PINS in|out|raw INTERFACE MICROSECONDS: makes frames wait in the node whose pins are in that folder
 * and whose namespace this is run in. in: labelled ones, and PTP events over plain IP, that come in by the
 * interface, before lsr_xdp. out: labelled ones that leave by it, between lsr_xdp and lsr_egress. raw: the
 * same, and lsr_egress does not run at all. Says "ready" and stays, since the programs that go on are held
 * by it.
 */
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/net/lsr_delay.skel.h"
#include "xdplb/mpls.h"

static int fail(const char *what)
{
	fprintf(stderr, "lsr_delay: %s\n", what);
	return 1;
}

static int get_pin(const char *pins, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	return bpf_obj_get(path);
}

static int chain(const struct bpf_map *map, int prog)
{
	__u32 zero = 0;

	return prog < 0 || bpf_map_update_elem(bpf_map__fd(map), &zero, &prog, BPF_ANY);
}

/* The link goes on with another program. */
static int stand_before(const struct lsr_delay_bpf *skel, const char *pins, const char *interface)
{
	char name[64];
	int link;

	snprintf(name, sizeof(name), "links/lsr_xdp@%s", interface);
	link = get_pin(pins, name);
	return chain(skel->maps.behind_in, get_pin(pins, "progs/lsr_xdp")) || link < 0 ||
	       bpf_link_update(link, bpf_program__fd(skel->progs.wait_in), NULL);
}

/* The devmap's port gets another program. */
static int stand_behind(const struct lsr_delay_bpf *skel, const char *pins, __u32 ifindex, bool raw)
{
	int links = get_pin(pins, "lsr_links"), ports = get_pin(pins, "lsr_ports");
	struct bpf_devmap_val value = { .ifindex = ifindex };
	struct xdplb_lsr_link link;

	if (!raw && chain(skel->maps.behind_out, get_pin(pins, "progs/lsr_egress")))
		return -1;
	value.bpf_prog.fd = bpf_program__fd(skel->progs.wait_out);
	for (__u32 port = 0; port < XDPLB_PORTS_MAX; port++) {
		if (!bpf_map_lookup_elem(links, &port, &link) && link.ifindex == ifindex)
			return bpf_map_update_elem(ports, &port, &value, BPF_ANY);
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct lsr_delay_bpf *skel = lsr_delay_bpf__open();
	__u32 ifindex;

	if (argc != 5 || !skel)
		return fail("usage: lsr_delay PINS in|out|raw INTERFACE MICROSECONDS");
	ifindex = if_nametoindex(argv[3]);
	skel->rodata->delay_ns = atoi(argv[4]) * 1000;
	if (!ifindex || lsr_delay_bpf__load(skel))
		return fail("no such interface, or not loaded");
	if (strcmp(argv[2], "in") ? stand_behind(skel, argv[1], ifindex, !strcmp(argv[2], "raw"))
				  : stand_before(skel, argv[1], argv[3]))
		return fail("the programs can't be put in between");
	printf("ready\n");
	fflush(stdout);
	pause();
	return 0;
}
