/*
 * pwhash: a job goes loop -> todo -> worker -> done -> loop. The lock covers
 * the two lists and the stop flag, nothing else is shared.
 */
#include <sys/eventfd.h>
#include <sys/queue.h>

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "pwhash.h"
#include "xmalloc.h"

struct job {
	STAILQ_ENTRY(job)	 next;
	bool			 make, ok;
	char			 phc[SECRET_PWHASH];
	pwhash_fn		 fn;
	pwhash_key_fn		 key_fn;	/* derive, when set */
	uint8_t			 salt[SECRET_SALT];
	uint8_t			 key[SECRET_KEY];
	void			*arg;
	size_t			 n;
	char			 password[];
};
STAILQ_HEAD(jobs, job);

struct pwhash {
	pthread_mutex_t		 lock;
	pthread_cond_t		 more;
	struct jobs		 todo, done;	/* under the lock */
	bool			 stop;		/* under the lock */
	unsigned		 waiting;	/* loop only: not yet answered */
	unsigned		 nthreads;
	pthread_t		*threads;
	int			 fd;
	struct event		*ev;
	struct pwhash_stats	 stats;
};

static void
job_free(struct job *j)
{
	secret_wipe(j->password, j->n);
	secret_wipe(j->phc, sizeof(j->phc));
	secret_wipe(j->key, sizeof(j->key));
	free(j);
}

static void
job_run(struct job *j)
{
	struct slice password = { j->password, j->n };

	if (j->key_fn != NULL)
		j->ok = secret_derive(j->key, password, j->salt) == 0;
	else if (j->make)
		j->ok = secret_pwhash(j->phc, password) == 0;
	else if (j->phc[0] != '\0')
		j->ok = secret_pwverify(j->phc, password);
	else {
		(void)secret_pwverify(secret_pwdummy(), password);
		j->ok = false;
	}
}

static void *
worker(void *arg)
{
	struct pwhash *p = arg;
	struct job *j;
	uint64_t one = 1;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while ((j = STAILQ_FIRST(&p->todo)) == NULL && !p->stop)
			pthread_cond_wait(&p->more, &p->lock);
		if (p->stop)
			break;
		STAILQ_REMOVE_HEAD(&p->todo, next);
		pthread_mutex_unlock(&p->lock);
		job_run(j);
		pthread_mutex_lock(&p->lock);
		STAILQ_INSERT_TAIL(&p->done, j, next);
		if (write(p->fd, &one, sizeof(one)) == -1 && errno != EAGAIN)
			log_error("pwhash: eventfd: %s", strerror(errno));
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void
on_done(evutil_socket_t fd, short what, void *arg)
{
	struct pwhash *p = arg;
	struct jobs ready = STAILQ_HEAD_INITIALIZER(ready);
	struct job *j;
	uint64_t n;

	if (read(fd, &n, sizeof(n)) == -1 && errno != EAGAIN)
		log_error("pwhash: eventfd: %s", strerror(errno));
	pthread_mutex_lock(&p->lock);
	STAILQ_CONCAT(&ready, &p->done);
	pthread_mutex_unlock(&p->lock);
	while ((j = STAILQ_FIRST(&ready)) != NULL) {
		STAILQ_REMOVE_HEAD(&ready, next);
		p->waiting--;
		p->stats.done++;
		if (j->key_fn != NULL)
			j->key_fn(j->arg, j->ok ? j->key : NULL);
		else
			j->fn(j->arg, j->ok, j->make && j->ok ? j->phc :
			    NULL);
		job_free(j);
	}
}

/* Signals belong to the loop's thread. */
static void
threads_start(struct pwhash *p, unsigned want)
{
	sigset_t all, old;
	int err = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	p->threads = xcalloc(want, sizeof(*p->threads));
	for (p->nthreads = 0; p->nthreads < want; p->nthreads++) {
		err = pthread_create(&p->threads[p->nthreads], NULL, worker,
		    p);
		if (err != 0)
			break;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (p->nthreads == 0)
		fatal("pwhash: no thread: %s", strerror(err));
}

struct pwhash *
pwhash_new(struct event_base *base, unsigned threads)
{
	struct pwhash *p = xcalloc(1, sizeof(*p));
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (threads == 0)
		threads = cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	STAILQ_INIT(&p->todo);
	STAILQ_INIT(&p->done);
	p->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->fd == -1)
		fatal("pwhash: eventfd: %s", strerror(errno));
	p->ev = event_new(base, p->fd, EV_READ | EV_PERSIST, on_done, p);
	if (p->ev == NULL || event_add(p->ev, NULL) != 0)
		fatal("pwhash: no event");
	threads_start(p, threads);
	return p;
}

void
pwhash_free(struct pwhash *p)
{
	struct job *j;
	unsigned i;

	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	STAILQ_CONCAT(&p->todo, &p->done);
	while ((j = STAILQ_FIRST(&p->todo)) != NULL) {
		STAILQ_REMOVE_HEAD(&p->todo, next);
		job_free(j);
	}
	event_free(p->ev);
	close(p->fd);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}

/* NULL: full. Nobody else sees it before push_job. */
static struct job *
new_job(struct pwhash *p, struct slice password, void *arg)
{
	struct job *j;

	if (p->waiting >= PWHASH_QUEUE + p->nthreads) {
		p->stats.refused++;
		return NULL;
	}
	j = xcalloc(1, sizeof(*j) + password.n);
	j->arg = arg;
	j->n = password.n;
	memcpy(j->password, password.p, password.n);
	return j;
}

static void
push_job(struct pwhash *p, struct job *j)
{
	p->waiting++;
	pthread_mutex_lock(&p->lock);
	STAILQ_INSERT_TAIL(&p->todo, j, next);
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

static bool
push(struct pwhash *p, bool make, struct slice password, const char *phc,
    pwhash_fn fn, void *arg)
{
	struct job *j = new_job(p, password, arg);

	if (j == NULL)
		return false;
	j->make = make;
	j->fn = fn;
	if (phc != NULL && strlen(phc) < sizeof(j->phc))
		memcpy(j->phc, phc, strlen(phc) + 1);
	push_job(p, j);
	return true;
}

bool
pwhash_derive(struct pwhash *p, struct slice passphrase,
    const uint8_t salt[SECRET_SALT], pwhash_key_fn fn, void *arg)
{
	struct job *j = new_job(p, passphrase, arg);

	if (j == NULL)
		return false;
	j->key_fn = fn;
	memcpy(j->salt, salt, SECRET_SALT);
	push_job(p, j);
	return true;
}

bool
pwhash_check(struct pwhash *p, struct slice password, const char *phc,
    pwhash_fn fn, void *arg)
{
	return push(p, false, password, phc, fn, arg);
}

bool
pwhash_make(struct pwhash *p, struct slice password, pwhash_fn fn, void *arg)
{
	return push(p, true, password, NULL, fn, arg);
}

void
pwhash_stats(const struct pwhash *p, struct pwhash_stats *s)
{
	*s = p->stats;
	s->waiting = p->waiting;
}
