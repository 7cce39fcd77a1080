// SPDX-License-Identifier: BSD-2-Clause
/*
 * Taking a node's programs, filters, addresses, settings and pins away again.
 */
#include "node/node.h"

#include <errno.h>
#include <unistd.h>

#include "host/host.h"
#include "base/maps.h"
#include "base/paths.h"
#include "host/tunnel_host.h"

int node_detach(const char *node, struct notes *notes, struct error *error)
{
	struct hooks_options options = { 0 };
	struct paths paths;
	char path[PATH_LEN];
	int lock, err;
	bool lost;

	if (paths_of_node(node, &paths))
		return fail(error, -ENAMETOOLONG, "%s: the name is too long", node);
	if (access(paths.dir, F_OK))
		return errno == EACCES
			       ? fail_errno(error, -EACCES, "cannot look into %s", PATHS_ROOT)
			       : fail(error, -ENOENT, "%s: not attached", node);
	lock = paths_lock(error);
	if (lock < 0)
		return lock;
	options.paths = &paths;
	options.undo_fd = map_open(path_of_map(&paths, "undos", path));
	/* An attach that was killed early has no record because it had changed nothing. */
	lost = options.undo_fd < 0 && !access(path_of_map(&paths, "drops", path), F_OK);
	hooks_prune(NULL, &options, notes);
	err = options.undo_fd >= 0 ? host_undo_all(options.undo_fd, notes) : 0;
	if (!err && options.undo_fd >= 0)
		err = tunnel_host_finish(NULL, 0, options.undo_fd, NULL, notes);
	if (err)
		fail_errno(error, err, "%s: not everything could be put back: pins are kept", node);
	else
		err = paths_remove(&paths, error);
	if (!err && lost)
		err = fail(
			error, -ENODATA,
			"%s: detached, but the record of what attach had changed on the host was "
			"gone: look for VIPs on lo, settings, and clsact filters of priority "
			"22596 by hand",
			node);
	if (options.undo_fd >= 0)
		close(options.undo_fd);
	close(lock);
	return err;
}
