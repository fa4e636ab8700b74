/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/compat/poller.h"

#include <poll.h>
#include <stdlib.h>

struct entry {
	void *data;
	int fd;
};

/* Two arrays in step; a paused descriptor is negative in the first. */
struct poller {
	struct pollfd *fds;
	struct entry *entries;
	size_t n, cap;
	size_t turn; /* where the next wait begins to report */
	size_t *index; /* of a descriptor, + 1 */
	size_t n_index;
};

struct poller *
poller_open(void)
{
	return calloc(1, sizeof(struct poller));
}

void
poller_close(struct poller *p)
{
	if (!p)
		return;
	free(p->fds);
	free(p->entries);
	free(p->index);
	free(p);
}

static bool
grow(struct poller *p)
{
	size_t cap = p->cap ? p->cap * 2 : 64;
	struct pollfd *fds = realloc(p->fds, cap * sizeof(*fds));
	struct entry *entries;

	if (!fds)
		return false;
	p->fds = fds;
	entries = realloc(p->entries, cap * sizeof(*entries));
	if (!entries)
		return false;
	p->entries = entries;
	p->cap = cap;
	return true;
}

static bool
grow_index(struct poller *p, int fd)
{
	size_t n = p->n_index ? p->n_index : 64, *index;

	while (n <= (size_t)fd)
		n *= 2;
	index = realloc(p->index, n * sizeof(*index));
	if (!index)
		return false;
	for (size_t i = p->n_index; i < n; i++)
		index[i] = 0;
	p->index = index;
	p->n_index = n;
	return true;
}

bool
poller_add(struct poller *p, int fd, void *data)
{
	if (p->n == p->cap && !grow(p))
		return false;
	if ((size_t)fd >= p->n_index && !grow_index(p, fd))
		return false;
	p->fds[p->n] = (struct pollfd){.fd = fd, .events = POLLIN};
	p->entries[p->n] = (struct entry){data, fd};
	p->index[fd] = ++p->n;
	return true;
}

static struct pollfd *
find(struct poller *p, int fd)
{
	if ((size_t)fd >= p->n_index || !p->index[fd])
		return NULL;
	return &p->fds[p->index[fd] - 1];
}

void
poller_remove(struct poller *p, int fd)
{
	struct pollfd *f = find(p, fd);
	size_t i;

	if (!f)
		return;
	i = p->index[fd] - 1;
	p->n--;
	p->fds[i] = p->fds[p->n];
	p->entries[i] = p->entries[p->n];
	p->index[p->entries[i].fd] = i + 1;
	p->index[fd] = 0;
}

bool
poller_want_out(struct poller *p, int fd, void *data, bool out)
{
	struct pollfd *f = find(p, fd);

	(void)data;
	if (!f)
		return false;
	f->events = (short)(POLLIN | (out ? POLLOUT : 0));
	return true;
}

void
poller_pause(struct poller *p, int fd)
{
	struct pollfd *f = find(p, fd);

	if (f)
		f->fd = -1;
}

void
poller_resume(struct poller *p, int fd)
{
	struct pollfd *f = find(p, fd);

	if (f)
		f->fd = fd;
}

size_t
poller_wait(
    struct poller *p, struct poller_event *ev, size_t max, int timeout_ms)
{
	int left = poll(p->fds, (nfds_t)p->n, timeout_ms);
	size_t n = 0;

	if (left <= 0)
		return 0;
	/* with more than fit, the next call goes on behind these */
	for (size_t k = 0; k < p->n && left > 0 && n < max; k++) {
		size_t i = (p->turn + k) % p->n;
		short what = p->fds[i].revents;

		if (!what || p->fds[i].fd < 0)
			continue;
		left--;
		ev[n++] = (struct poller_event){
		    .data = p->entries[i].data,
		    .in = what & POLLIN,
		    .out = what & POLLOUT,
		    .hup = what & (POLLHUP | POLLERR | POLLNVAL),
		};
		if (n == max)
			p->turn = i + 1;
	}
	return n;
}
