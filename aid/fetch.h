/*
 * fetch: owns libcurl. HTTPS POSTs on the event loop, over the multi
 * interface and its socket actions: HTTP/2 where it is offered, connections
 * kept for the next call, no redirect, no proxy, no cookie, no file, no
 * thread. The caller looks the name up; the address that is connected to is
 * checked again right before.
 */
#ifndef AID_FETCH_H
#define AID_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "mono.h"
#include "str.h"

struct event_base;
struct fetch;
struct fetch_call;
struct sockaddr;
struct timers;
struct tls_trust;

#define FETCH_RESPONSE_MAX (4u * 1024 * 1024)

struct fetch_conf {
	struct event_base	*base;
	struct timers		*timers;
	const struct tls_trust	*trust;		/* stays the caller's */
	mono_us			 connect, first_byte, idle;
	unsigned		 connections;	/* kept and open at most */
};

enum fetch_class {
	FETCH_OK = 0,		/* an HTTP answer, whatever its status */
	FETCH_TIMEOUT,
	FETCH_UNREACHABLE,	/* also: broken off in the middle */
	FETCH_CERT,
	FETCH_POLICY,		/* the address is not allowed */
	FETCH_TOO_LARGE,
	FETCH_STOPPED,		/* data said so */
};

struct fetch_result {
	enum fetch_class	 class;
	int			 status;	/* HTTP; 0: none came */
	uint32_t		 retry_after_s;	/* 0: not said */
	const char		*why;		/* of a failure; no secret */
	bool			 got_data;
};

struct fetch_ask {
	const char	*url;
	const char	*host;
	uint16_t	 port;
	const char	*addresses;	/* with commas; NULL: url has one */
	bool		 allow_private;
	const char	*const *head;	/* "name: value" */
	size_t		 nhead;
	struct slice	 body;		/* stays until done */
	mono_us		 total;		/* from now */
	/* Of the body, as it comes. stream: the answer is 2xx and an event
	 * stream. False: enough. Never starts or cancels a call. */
	bool (*data)(void *arg, const uint8_t *, size_t, bool stream);
	/* Exactly once, on a later turn, unless cancelled. */
	void (*done)(void *arg, const struct fetch_result *);
	void		*arg;
};

/* Before the fence: everything that needs a file. NULL with a sentence. */
struct fetch *fetch_new(const struct fetch_conf *, struct buf *err_r);
void fetch_free(struct fetch *);	/* without callbacks */
/* timers are made behind the fence; before the first start. */
void fetch_set_timers(struct fetch *, struct timers *);
struct fetch_call *fetch_start(struct fetch *, const struct fetch_ask *);
void fetch_cancel(struct fetch_call **);	/* NULL is fine; wipes */

/* Is it an address of the public internet? Not loopback, private, shared,
 * link-local, documentation, multicast, reserved, nor any of these inside
 * an IPv6 form. Pure. */
bool fetch_public(const struct sockaddr *);

#endif
