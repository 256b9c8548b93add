/*
 * job_int: what job.c (queue, life and end of a job) and job_call.c (its
 * attempts) share. For these two files only.
 */
#ifndef AID_JOB_INT_H
#define AID_JOB_INT_H

#include <sys/queue.h>

#include "aid.h"
#include "fetch.h"
#include "job.h"
#include "provider.h"
#include "timer.h"

struct job_lookup;

struct job_provider {
	const struct provider	*ops;
	struct provider_url	 url;
	const char		*base, *model;	/* of the configuration */
	bool			 private;	/* may be a private address */
	unsigned		 active;
	char			*addresses;	/* of the last look-up */
	mono_us			 until;		/* good so long */
};

struct job {
	TAILQ_ENTRY(job)	 entry;
	struct jobs		*jobs;
	struct job_provider	*p;
	struct ipc_chan		*chan;
	uint64_t		 ipc_id;
	struct id		 id;
	char			 request_id[65], model[MSG_AI_MODEL_MAX + 1];
	bool			 stream, test, running;
	mono_us			 since, deadline;
	unsigned		 attempts;
	struct timer		 timer;		/* the deadline */
	struct timer		 again;		/* the next attempt */
	struct buf		 key;
	struct provider_call	 call;
	struct job_lookup	*lookup;
	struct fetch_call	*fetch;
	struct buf		 body;		/* of an answer that is whole */
	struct sse		 sse;
	struct provider_answer	 answer;
	size_t			 sent;		/* of the text, as chunks */
	int			 status;
	const char		*why;		/* of ours; static or in whybuf */
	char			 whybuf[256];
};
TAILQ_HEAD(job_list, job);

struct jobs {
	struct aid		*aid;
	struct fetch		*fetch;
	struct tls_trust	*trust;
	struct job_provider	 providers[PROVIDERS];
	struct job_list		 queue, running;
	unsigned		 queued, active;
	uint64_t		 done, failed, refused, calls;
};

/* job_call.c: the first attempt; the job ends by job_end() on a later turn
 * or at once. */
void job_call_start(struct job *);
/* Stops whatever goes on for it. */
void job_call_stop(struct job *);

/* job.c: as job.answer says. The job is gone then. */
void job_end(struct job *);
void job_fail(struct job *, enum msg_ai_error, const char *why);
/* Sends what came since the last time. */
void job_chunks(struct job *);

#endif
