/*
 * job: calls to providers on behalf of apid. A job waits in a bounded queue
 * for a free place, is tried until it has an answer or its deadline passes,
 * and ends in exactly one AI_DONE on the channel it came from; one whose
 * channel goes away ends without. Keys and texts are wiped with the job.
 */
#ifndef AID_JOB_H
#define AID_JOB_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "json.h"
#include "msg_ai.h"

struct aid;
struct ipc_chan;
struct jobs;

#define JOBS_PORTS 8

/* Before the fence: checks the configuration, reads root certificates.
 * NULL with a sentence. */
struct jobs *jobs_new(struct aid *, struct buf *err_r);
void jobs_start(struct jobs *);		/* aid->timers are there */
void jobs_free(struct jobs *);		/* without answers */

/* Ports that the configured endpoints need, at most JOBS_PORTS. */
size_t jobs_ports(const struct jobs *, uint16_t ports[JOBS_PORTS]);
/* A reply with the request's id follows, at once or later. */
void jobs_submit(struct jobs *, struct ipc_chan *, uint64_t id,
    const struct msg_ai_job *);
void jobs_test(struct jobs *, struct ipc_chan *, uint64_t id,
    const struct msg_ai_call *);
void jobs_cancel(struct jobs *, const struct ipc_chan *, const struct id *);
void jobs_down(struct jobs *, const struct ipc_chan *);
void jobs_info(const struct jobs *, struct msg_ai_info *);
void jobs_status(const struct jobs *, struct json_w *);	/* members */

#endif
