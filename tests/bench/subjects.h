/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * The programs under test, each loaded as the loader does it and with maps filled for the frames of
 * the bench: the addresses below are all there is.
 */
#ifndef BENCH_SUBJECTS_H
#define BENCH_SUBJECTS_H

#include "frames.h"

/* Host byte order. Clients are in 10.0.0.0/8, see bench_client_of(). */
#define LB_VIP      0xc000020a /* 192.0.2.10 */
#define LB_VPORT    80
#define LB_TAG      61001
#define LB_BACKEND  0xac100101 /* 172.16.1.1 and the next ones */
#define LB_BACKENDS 10
#define LB_BUCKETS  1021

/* A service as large as the default capacities allow: its table and members outgrow the L2 cache. */
#define LB_LARGE_VPORT    443
#define LB_LARGE_BACKENDS 4096
#define LB_LARGE_BUCKETS  1048573

/* Services of LB_BACKENDS of which the second half, or all, are down. */
#define LB_HALF_VPORT 8001
#define LB_DOWN_VPORT 8002

/* A service that allows 10,000 prefixes, its clients in them. */
#define LB_ACL_VPORT 8003

/* A UDP service by QUIC connection ids: member i has the server id LB_QUIC_ID + i, host byte order. */
#define LB_QUIC_VPORT 8004
#define LB_QUIC_ID    0x51000000

/* A service that remembers flows: a million of them, scattered over its backends. */
#define LB_CACHE_VPORT  8005
#define LB_CACHED_FLOWS 1000000

/* Datagrams to the UDP service whose first fragment has been noted: those of the first so many clients. */
#define LB_FRAGMENTS 8192

#define NODE_LOCAL        0xac100201 /* 172.16.2.1: an `interface` mapping */
#define NODE_SOURCE       0xac100202 /* 172.16.2.2: a `source` mapping */
#define NODE_SOURCE_PORT  8080
#define NODE_SOCKET       0xac100203 /* 172.16.2.3: `interface`, hands over; its socket is there */
#define NODE_HANDING      0xac100204 /* 172.16.2.4: the same, without a socket */
#define NODE_PEER         0xac100301 /* 172.16.3.1: whom it hands over to */
#define NODE_TAG          61002
#define NODE_NOTED_CLIENT 0x0a000001
#define NODE_NOTED_PORT   40000

/* At LB_VIP: the service of NODE_HANDING. */
#define NODE_HANDING_VPORT 8080

/* Labels that come in and go out. */
#define MPLS_SWAP     100
#define MPLS_SWAP_PTP 101 /* on it runs nothing but PTP */
#define MPLS_POP      102
#define MPLS_LAST     103 /* IPv4 of a tunnel with an interface */
#define MPLS_SWAPPED  200
#define MPLS_PUSHED   300

struct lb_subject;
struct node_subject;
struct katran;
struct lsr_xdp_bpf;
struct ptp_tc_bpf;

/**
 * lb_subject_load() - Load lb_xdp, all backends up (but for LB_HALF_VPORT and LB_DOWN_VPORT), confirmed
 * and with a next hop that never expires.
 * @sized:  the services of sizes[], with just the room they need; else TCP and UDP over IPv4 and TCP
 *          over IPv6 at one VIP, with the default capacities
 * @ret_lb: free with lb_subject_free()
 *
 * Return: 0 or -errno.
 */
int lb_subject_load(bool sized, struct lb_subject **ret_lb);
void lb_subject_free(struct lb_subject *lb);
int lb_subject_fd(const struct lb_subject *lb);

/**
 * lb_subject_packets() - How many packets were sent to members since the load.
 * Return: 0 or -errno.
 */
int lb_subject_packets(const struct lb_subject *lb, __u64 *ret_packets);

/**
 * node_subject_load() - Load node_tc for an uplink, with a mapping restored by `interface`, one
 * restored by `source` and one noted flow of it, one that hands over and whose connection there is, and
 * one whose connection another node has. Enters a network namespace.
 * @ret_node: free with node_subject_free()
 *
 * Return: 0 or -errno.
 */
int node_subject_load(struct node_subject **ret_node);
void node_subject_free(struct node_subject *node);
int node_subject_ingress_fd(const struct node_subject *node);
int node_subject_egress_fd(const struct node_subject *node);

/* What an instance of Katran is for. */
enum katran_use {
	KATRAN_ESTABLISHED, /* its flow table holds the flows of the bench */
	KATRAN_NEW_FLOWS, /* it is empty */
	KATRAN_SIZED, /* services and flows of sizes[], as many as the object's maps have room for */
	KATRAN_SHIPPED, /* the same of those that fit into an object built without options */
	KATRAN_USES
};

/**
 * katran_load() - Load Katran's balancer from an object file that the user has built, and set it up for
 * the VIP, the backends and the flows of the bench. To be called on the CPU that will run it.
 * @path:       the object
 * @ret_katran: free with katran_free()
 *
 * Return: 0; -EPROTO the object has other maps than expected; -errno.
 */
int katran_load(const char *path, enum katran_use use, struct katran **ret_katran);
void katran_free(struct katran *katran);
int katran_fd(const struct katran *katran);

/* How many services of a size fit, at least one; all there are for KATRAN_ESTABLISHED and KATRAN_NEW_FLOWS. */
__u32 katran_services(const struct katran *katran, __u32 size);

/**
 * katran_counts() - Packets sent to backends, and those of them whose flow the table did not hold, since
 * the load.
 * Return: 0 or -errno.
 */
int katran_counts(const struct katran *katran, __u64 *ret_packets, __u64 *ret_misses);

/**
 * lsr_subject_load() - Load lsr_xdp with the labels above, the transparent clock on.
 * @ret_lsr: free with lsr_subject_free()
 *
 * Return: 0 or -errno.
 */
int lsr_subject_load(struct lsr_xdp_bpf **ret_lsr);
void lsr_subject_free(struct lsr_xdp_bpf *lsr);
int lsr_subject_fd(const struct lsr_xdp_bpf *lsr);
int lsr_subject_egress_fd(const struct lsr_xdp_bpf *lsr);

/**
 * ptp_subject_load() - Load ptp_tc with one tunnel of two labels for all PTP.
 * @ret_ptp: free with ptp_subject_free()
 *
 * Return: 0 or -errno.
 */
int ptp_subject_load(struct ptp_tc_bpf **ret_ptp);
void ptp_subject_free(struct ptp_tc_bpf *ptp);
int ptp_subject_fd(const struct ptp_tc_bpf *ptp);

#endif
