// SPDX-License-Identifier: BSD-2-Clause
/*
 * Pin paths of a node, and the folders they lie in.
 */
#include "base/paths.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define BPFFS "/sys/fs/bpf"

static void replace_dots(char *name)
{
	for (; *name; name++)
		if (*name == '.')
			*name = '+';
}

int paths_of_node(const char *node, struct paths *ret_paths)
{
	int len = snprintf(ret_paths->dir, sizeof(ret_paths->dir), PATHS_ROOT "/%s", node);

	if (len < 0 || (size_t)len >= sizeof(ret_paths->dir))
		return -ENAMETOOLONG;
	replace_dots(ret_paths->dir + strlen(PATHS_ROOT) + 1);
	return 0;
}

char *path_of_map(const struct paths *paths, const char *map, char *ret_path)
{
	snprintf(ret_path, PATH_LEN, "%s/%s", paths->dir, map);
	return ret_path;
}

char *path_of_program(const struct paths *paths, const char *program, char *ret_path)
{
	snprintf(ret_path, PATH_LEN, "%s/progs/%s", paths->dir, program);
	return ret_path;
}

char *path_of_link(const struct paths *paths, const char *program, const char *interface,
		   char *ret_path)
{
	int len = snprintf(ret_path, PATH_LEN, "%s/links/", paths->dir);

	snprintf(ret_path + len, PATH_LEN - len, "%s@%s", program, interface);
	replace_dots(ret_path + len);
	return ret_path;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static int make_dir(const char *path, struct error *error)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return fail_errno(error, -errno, "cannot make %s", path);
	return 0;
}

static int make_root(struct error *error)
{
	if (!is_bpffs(BPFFS) && mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return fail_errno(error, -errno, "cannot mount bpffs at " BPFFS);
	return make_dir(PATHS_ROOT, error);
}

int paths_make(const struct paths *paths, struct error *error)
{
	char path[PATH_LEN];
	int err = make_root(error);

	if (!err)
		err = make_dir(paths->dir, error);
	if (!err) {
		snprintf(path, sizeof(path), "%s/progs", paths->dir);
		err = make_dir(path, error);
	}
	if (!err) {
		snprintf(path, sizeof(path), "%s/links", paths->dir);
		err = make_dir(path, error);
	}
	return err;
}

int paths_lock(struct error *error)
{
	int fd, err = make_root(error);

	if (err)
		return err;
	fd = open(PATHS_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(error, -errno, "cannot open " PATHS_ROOT);
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = -errno;
	close(fd);
	if (err == -EWOULDBLOCK)
		return fail(error, err, "another xdplb-load is at work: try again when it is done");
	return fail_errno(error, err, "cannot lock " PATHS_ROOT);
}

bool paths_in_use(const struct paths *paths)
{
	char path[PATH_LEN];

	return !access(path_of_map(paths, "node_info", path), F_OK);
}

/* Unlinks the files in a folder, then the folder. */
static int remove_dir(const char *path, struct error *error)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int err = 0;

	if (!dir)
		return errno == ENOENT ? 0 : fail_errno(error, -errno, "cannot read %s", path);
	while ((entry = readdir(dir))) {
		if (entry->d_type == DT_DIR)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) && errno != ENOENT)
			err = fail_errno(error, -errno, "cannot remove %s/%s", path, entry->d_name);
	}
	closedir(dir);
	if (!err && rmdir(path) && errno != ENOENT)
		err = fail_errno(error, -errno, "cannot remove %s", path);
	return err;
}

int paths_remove(const struct paths *paths, struct error *error)
{
	static const char *const folders[] = { "/links", "/progs", "" };
	char path[PATH_LEN];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int err;

		snprintf(path, sizeof(path), "%s%s", paths->dir, folders[i]);
		err = remove_dir(path, error);
		if (err)
			return err;
	}
	rmdir(PATHS_ROOT); /* only when no other node is left */
	return 0;
}
