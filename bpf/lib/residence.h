/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0 */
/*
 * A one-step transparent clock: how long an event message stays in this node is added to its
 * correctionField. lsr_xdp stamps the frame on its way in; lsr_egress, which the devmap runs when the
 * frame is about to be handed to the driver, takes the time again. Not seen: the rings of both NICs
 * and the wire.
 */
#ifndef XDPLB_BPF_RESIDENCE_H
#define XDPLB_BPF_RESIDENCE_H

#include "mpls.h"
#include "ptp.h"

/* A message that has stayed longer is no use to a clock: its time is taken for a mistake. */
#define RESIDENCE_MAX_NS 1000000000ULL

#define CORRECTION_MAX 0x7fffffffffffffffLL

/* What the driver says of a frame. A test has another. */
#ifndef NIC_RX_TIMESTAMP
extern int bpf_xdp_metadata_rx_timestamp(const struct xdp_md *ctx, __u64 *timestamp) __ksym __weak;
#define NIC_RX_TIMESTAMP bpf_xdp_metadata_rx_timestamp
#endif

/* When the frame came in. A NIC's stamp is used only where its clock is the one that will be read
 * at the way out; 0 or an error means that there is none. */
INLINE void take_stamp(struct xdp_md *ctx, bool bound, __u32 residence,
		       struct xdplb_stamp *ret_stamp)
{
	__u64 time = 0;

	ret_stamp->magic = XDPLB_STAMP_MAGIC;
	if (bound && residence == XDPLB_RESIDENCE_PHC_IS_TAI && !NIC_RX_TIMESTAMP(ctx, &time) &&
	    time) {
		ret_stamp->time = time;
		ret_stamp->clock = XDPLB_CLOCK_TAI;
		count_event(XDPLB_EVENT_STAMP_HARDWARE);
		return;
	}
	ret_stamp->time = bpf_ktime_get_ns();
	ret_stamp->clock = XDPLB_CLOCK_MONOTONIC;
	count_event(XDPLB_EVENT_STAMP_KERNEL);
}

/* Puts a stamp in front of the frame. A driver without room for metadata: the frame goes without. */
INLINE void stamp_frame(struct xdp_md *ctx, const struct xdplb_stamp *stamp)
{
	struct xdplb_stamp *meta;

	if (!make_meta(ctx, sizeof(*stamp)))
		return;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return;
	*meta = *stamp;
}

/* ns since the stamp, by the clock it was taken by; false: that can't be. */
INLINE bool residence_of(const struct xdplb_stamp *stamp, __u64 *ret_ns)
{
	__u64 now = stamp->clock == XDPLB_CLOCK_TAI ? bpf_ktime_get_tai_ns() : bpf_ktime_get_ns();

	*ret_ns = now - stamp->time;
	return *ret_ns <= RESIDENCE_MAX_NS;
}

/* The largest value means "too large to say" (13.3.2.9) and stays; a sum never wraps. */
INLINE __s64 corrected(__s64 correction, __u64 ns)
{
	__s64 add = ns << 16;

	return correction > CORRECTION_MAX - add ? CORRECTION_MAX : correction + add;
}

INLINE void add_residence(const struct ptp_place *place, __u64 ns)
{
	__be64 old = place->message->correction;
	__be64 new = bpf_cpu_to_be64(corrected(bpf_be64_to_cpu(old), ns));
	__u32 diff;
	__u16 sum;

	place->message->correction = new;
	count_event(XDPLB_EVENT_RESIDENCE_ADDED);
	if (!place->check || !*place->check)
		return; /* no checksum, or none was sent (RFC 768) */
	diff = csum_diff64(old, new);
	sum = csum_apply(*place->check, csum_fold16(diff));
	*place->check = sum ? sum : 0xffff;
}

/*
 * Where the stack ends. Its first nibble says here what the payload may be, which is right on labels
 * that carry nothing but PTP that ptp_tc has pushed; all else of it must be right as well.
 */
INLINE bool find_ptp_payload(void *payload, void *end, struct ptp_place *ret_place)
{
	__u8 *first = payload;

	if (payload + CW_LEN > end)
		return false;
	switch (*first >> 4) {
	case 4:
		return find_ptp_ip4(payload, end, ret_place);
	case 6:
		return find_ptp_ip6(payload, end, ret_place);
	case 0:
		return find_ptp_ethernet(payload + CW_LEN, end, ret_place);
	default:
		return false;
	}
}

/* The event port's message in a frame that is labelled or, behind a penultimate pop, bare IP. */
INLINE bool find_ptp_frame(void *data, void *end, struct ptp_place *ret_place)
{
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > end)
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP) || eth->h_proto == bpf_htons(ETH_P_IPV6))
		return find_ptp_payload(eth + 1, end, ret_place);
	if (eth->h_proto != bpf_htons(ETH_P_MPLS_UC))
		return false;
	for (__u32 i = 0; i < XDPLB_LABELS_MAX; i++) {
		__be32 *lse = lse_at(data, end, i);

		if (!lse)
			return false;
		if (*lse & bpf_htonl(LSE_BOTTOM))
			return find_ptp_payload(lse + 1, end, ret_place);
	}
	return false;
}

/* An event message that lsr_xdp has stamped gets its residence time. */
INLINE void correct_frame(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct xdplb_stamp *stamp = (void *)(long)ctx->data_meta;
	struct ptp_place place;
	__u64 ns;

	if ((void *)(stamp + 1) > data || stamp->magic != XDPLB_STAMP_MAGIC)
		return;
	if (!find_ptp_frame(data, end, &place) || !is_event(place.message))
		return;
	if (residence_of(stamp, &ns))
		add_residence(&place, ns);
	else
		count_event(XDPLB_EVENT_RESIDENCE_SKIPPED);
}

#endif
