/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The skeleton of lb_xdp, and before it the structures that it takes for known.
 */
#ifndef XDPLB_LB_SKEL_H
#define XDPLB_LB_SKEL_H

#include "xdplb/access.h"

#include "bpf/lb_xdp.skel.h"

#endif
