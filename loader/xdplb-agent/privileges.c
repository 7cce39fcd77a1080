// SPDX-License-Identifier: BSD-2-Clause
/*
 * Capabilities and priority. The bounding set is left to systemd and to the programs that probes start, which
 * give up all of it.
 */
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>

static const unsigned int needed[] = {
	CAP_BPF, /* the pinned maps */
	CAP_NET_ADMIN, /* large socket buffers; neighbours */
	CAP_NET_BIND_SERVICE, /* a sharing port below 1024 */
	CAP_NET_RAW, /* icmp probes */
	CAP_SYS_ADMIN, /* probing inside network namespaces; PID namespaces of exec probes */
	CAP_SYS_PTRACE, /* namespaces named as /proc/PID/ns/net */
	CAP_DAC_READ_SEARCH, /* key and cluster files of another owner */
	CAP_SETUID, /* exec probes run as nobody ... */
	CAP_SETGID,
	CAP_SETPCAP, /* ... and without a bounding set */
	CAP_KILL, /* ... and are killed when their time is over */
};

/* Beside processes of nice 0: nine parts of ten, if it wants so much. */
#define PRIORITY -10

int privileges_use_priority(void)
{
	return setpriority(PRIO_PROCESS, 0, PRIORITY) ? -errno : 0;
}

int privileges_drop(void)
{
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, needed[i]);
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}
