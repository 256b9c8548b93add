/*
 * listen: accepts nodes at a measured pace. Owns the listening descriptors,
 * the spare one for EMFILE and the slots of handshakes in flight.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "log.h"
#include "proc.h"
#include "rate.h"
#include "sock.h"
#include "timer.h"
#include "xmalloc.h"

#include "conn.h"
#include "enroll.h"
#include "hubd.h"
#include "listen.h"

#define BACKLOG		4096
#define PER_TURN	16	/* then the other sockets have their turn */
#define ENROLL_MAX	64	/* auths that wait for the database */

struct door {
	struct listener	*l;
	struct event	*ev;
	int		 fd;
	bool		 unix_door, on;
};

struct listener {
	struct hubd	*hub;
	struct door	 doors[2];
	struct timer	 timer;
	struct rate	 rate;
	unsigned	 slots;		/* handshakes in flight */
	int		 spare;
	mono_us		 said_files;	/* last line of the log about it */
	bool		 running;
};

static int
listen_bind(struct door *d, const char *name, const char *where,
    struct buf *err_r)
{
	int rc = proc_listen(name, where, BACKLOG, &d->fd, err_r);

	d->unix_door = d->fd != -1 && sock_port(d->fd) == -1;
	return rc;
}

int
listen_acquire(struct hubd *h, struct buf *err_r)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	struct buf path = BUF_INIT;
	int rc;

	h->listener = l;
	l->hub = h;
	l->spare = proc_spare_open();
	l->doors[0].l = l->doors[1].l = l;
	l->doors[0].fd = l->doors[1].fd = -1;
	rc = listen_bind(&l->doors[0], "node", h->conf.listen, err_r);
	buf_printf(&path, "unix:%s/node.sock", h->conf.suite.run_dir);
	if (rc == 0)
		rc = listen_bind(&l->doors[1], "door", buf_cstr(&path),
		    err_r);
	buf_free(&path);
	return rc;
}

static void
listen_switch(struct listener *l, bool on)
{
	size_t i;

	for (i = 0; i < nitems(l->doors); i++) {
		struct door *d = &l->doors[i];

		if (d->ev == NULL || d->on == on)
			continue;
		d->on = on;
		if (on)
			(void)event_add(d->ev, NULL);
		else
			(void)event_del(d->ev);
	}
}

static bool
listen_has_room(const struct listener *l)
{
	return l->slots < (unsigned)l->hub->conf.handshakes &&
	    enroll_waiting(l->hub->enroll) < ENROLL_MAX;
}

void
listen_wake(struct listener *l)
{
	if (l->running && !timer_pending(&l->timer) && listen_has_room(l))
		listen_switch(l, true);
}

static void
listen_again(void *arg)
{
	listen_wake(arg);
}

void
listen_slot_give(struct listener *l)
{
	l->slots--;
	listen_wake(l);
}

/* Doors shut for a while: the bucket is empty, or descriptors are. */
static void
listen_pause(struct listener *l, mono_us wait)
{
	listen_switch(l, false);
	timer_set(l->hub->timers, &l->timer, wait);
}

static void
listen_admit(struct listener *l, const struct door *d, int fd,
    const struct sock_addr *peer)
{
	struct hubd *h = l->hub;
	char host[SOCK_TEXT];

	h->count.accepted++;
	if (h->memory_full) {
		h->count.refused_memory++;
		close(fd);
		return;
	}
	sock_host(peer, host);
	if (!d->unix_door && conns_from(h->conns, host) >=
	    (size_t)h->conf.unauthenticated_per_address) {
		h->count.refused_address++;
		close(fd);
		return;
	}
	if (conns_pending(h->conns) >= (size_t)h->conf.unauthenticated) {
		h->count.refused_full++;
		conns_evict(h->conns);
	}
	l->slots++;
	conn_open(h, fd, peer, d->unix_door);
}

/* False: nobody waits any more, or it cannot go on now. */
static bool
listen_one(struct listener *l, const struct door *d)
{
	const struct hubd_conf *c = &l->hub->conf;
	double rate = (double)c->accept_rate;
	double burst = (double)c->handshakes;
	mono_us now = mono_now();
	struct sock_addr peer;
	int fd;

	if (!rate_take(&l->rate, rate, burst, 1, now)) {
		listen_pause(l, rate_wait(&l->rate, rate, burst, 1, now));
		return false;
	}
	fd = sock_accept(d->fd, &peer);
	if (fd != -1) {
		listen_admit(l, d, fd, &peer);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE) {
		l->hub->count.refused_files++;
		proc_spare_accept(&l->spare, d->fd);
		if (l->said_files == 0 || now - l->said_files >= MONO_SEC) {
			l->said_files = now;
			log_event(LOG_OUT_OF_FILES, "door: out of file descriptors: new "
			    "connections are closed");
		}
		listen_pause(l, 100 * MONO_MS);
	} else if (errno != EAGAIN && errno != EWOULDBLOCK &&
	    errno != ECONNABORTED && errno != EINTR) {
		log_warn("door: accept: %s", strerror(errno));
		listen_pause(l, 100 * MONO_MS);
	}
	return false;
}

static void
listen_event(evutil_socket_t fd, short what, void *arg)
{
	struct door *d = arg;
	struct listener *l = d->l;
	unsigned i;

	(void)fd;
	(void)what;
	for (i = 0; i < PER_TURN; i++) {
		if (!listen_has_room(l)) {
			listen_switch(l, false);
			return;
		}
		if (!listen_one(l, d))
			return;
	}
}

void
listen_start(struct listener *l)
{
	size_t i;

	timer_init(&l->timer, listen_again, l);
	for (i = 0; i < nitems(l->doors); i++) {
		struct door *d = &l->doors[i];

		if (d->fd == -1)
			continue;
		d->ev = event_new(l->hub->base, d->fd, EV_READ | EV_PERSIST,
		    listen_event, d);
		if (d->ev == NULL)
			fatal("door: no event");
	}
	l->running = true;
	listen_wake(l);
}

void
listen_stop(struct listener *l)
{
	size_t i;

	l->running = false;
	timer_del(&l->timer);
	listen_switch(l, false);
	for (i = 0; i < nitems(l->doors); i++) {
		if (l->doors[i].ev != NULL)
			event_free(l->doors[i].ev);
		l->doors[i].ev = NULL;
		if (l->doors[i].fd != -1)
			close(l->doors[i].fd);
		l->doors[i].fd = -1;
	}
}

void
listen_free(struct listener *l)
{
	if (l == NULL)
		return;
	listen_stop(l);
	if (l->spare != -1)
		close(l->spare);
	free(l);
}

unsigned
listen_slots(const struct listener *l)
{
	return l->slots;
}

int
listen_port(const struct listener *l)
{
	return l->doors[0].fd == -1 || l->doors[0].unix_door ? 0 :
	    sock_port(l->doors[0].fd);
}
