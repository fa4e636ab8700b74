/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "t/bench/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROCESSES_MAX 16384

struct process {
	pid_t pid, parent;
	bool counted;
	unsigned long ticks;
};

/* Reads what fits of /proc/PID/NAME as text; false when it is gone. */
static bool
read_file(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fread(out, 1, size - 1, f);
	fclose(f);
	out[n] = '\0';
	return n > 0;
}

/* Field 2 is a name in parentheses that may hold anything. */
static bool
read_stat(struct process *p)
{
	unsigned long user, system;
	long parent, user_children, system_children;
	char text[1024];
	const char *end;

	if (!read_file(p->pid, "stat", text, sizeof(text)))
		return false;
	end = strrchr(text, ')');
	if (!end ||
	    sscanf(end + 1,
		" %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld",
		&parent, &user, &system, &user_children, &system_children) != 5)
		return false;
	p->parent = (pid_t)parent;
	p->ticks = user + system + (unsigned long)user_children +
		   (unsigned long)system_children;
	return true;
}

static double
peak_mb(pid_t pid)
{
	char text[4096];
	const char *line;
	long kb = 0;

	if (!read_file(pid, "status", text, sizeof(text)))
		return 0;
	line = strstr(text, "VmHWM:");
	if (line)
		sscanf(line, "VmHWM: %ld", &kb);
	return (double)kb / 1024;
}

static size_t
list(struct process *all)
{
	size_t n = 0;
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && n < PROCESSES_MAX && (e = readdir(d)) != NULL) {
		long pid = strtol(e->d_name, NULL, 10);

		all[n] = (struct process){.pid = (pid_t)pid};
		if (pid > 0 && read_stat(&all[n]))
			n++;
	}
	if (d)
		closedir(d);
	return n;
}

static bool
descends(const struct process *p, const struct process *all, size_t n,
    const pid_t *roots, size_t n_roots)
{
	for (size_t i = 0; i < n_roots; i++)
		if (p->pid == roots[i])
			return true;
	for (size_t i = 0; i < n; i++)
		if (all[i].counted && p->parent == all[i].pid)
			return true;
	return false;
}

/* Marks generation after generation until nothing changes. */
static void
mark(struct process *all, size_t n, const pid_t *roots, size_t n_roots)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < n; i++) {
			if (all[i].counted ||
			    !descends(&all[i], all, n, roots, n_roots))
				continue;
			all[i].counted = true;
			changed = true;
		}
	}
}

void
proc_use(const pid_t *roots, size_t n_roots, struct proc_use *out)
{
	struct process *all = calloc(PROCESSES_MAX, sizeof(*all));
	size_t n = all ? list(all) : 0;

	*out = (struct proc_use){0};
	mark(all, n, roots, n_roots);
	for (size_t i = 0; i < n; i++) {
		if (!all[i].counted)
			continue;
		out->cpu += (double)all[i].ticks / (double)sysconf(_SC_CLK_TCK);
		out->peak_mb += peak_mb(all[i].pid);
		out->processes++;
	}
	free(all);
}

void
proc_reset_peak(const pid_t *roots, size_t n)
{
	char path[64];

	for (size_t i = 0; i < n; i++) {
		ssize_t done;
		int fd;

		snprintf(
		    path, sizeof(path), "/proc/%ld/clear_refs", (long)roots[i]);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		/* refused: the peak is the one since the start */
		done = write(fd, "5", 1);
		(void)done;
		close(fd);
	}
}
