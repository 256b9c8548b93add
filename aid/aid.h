/*
 * aid: the one daemon that may call out, and the only one that can open a
 * provider key. One struct, made in main and passed down.
 */
#ifndef AID_AID_H
#define AID_AID_H

#include <stdbool.h>
#include <stdint.h>

#include "conf.h"
#include "id.h"
#include "mono.h"
#include "provider.h"
#include "secret.h"

struct event_base;
struct jobs;
struct proc;
struct resolve;
struct serve;
struct stream_io;
struct timers;

struct aid_conf {
	struct conf_suite suite;	/* first: CONF_SUITE_ROWS' offsets */
	char	*key;			/* X25519 secret half; NULL: state_dir */
	char	*resolvers;		/* NULL: /etc/resolv.conf */
	char	*selftest_name;
	char	*old_key;		/* a pair that was replaced; or NULL */
	char	*ca_file;		/* NULL: the system's */
	char	*url[PROVIDERS];	/* NULL: switched off */
	char	*model[PROVIDERS];	/* default; NULL: none */
	bool	 compatible_key;
	bool	 allow_private;
	int64_t	 connect_ms, first_byte_ms, idle_ms;
	int64_t	 calls_max, calls_each, queue_max, attempts_max;
};

struct aid {
	struct aid_conf		 conf;
	struct id		 instance;
	mono_us			 started;
	struct event_base	*base;
	struct timers		*timers;
	struct stream_io	*io;
	struct proc		*proc;
	/* The present pair, the one before it and the one that comes after
	 * it: the first seals, all open. Secret halves never leave this
	 * process. */
	struct secret_key	*keys[MSG_AI_PAIRS];
	uint8_t			 pubs[MSG_AI_PAIRS][SECRET_KEY];
	size_t			 nkeys;
	struct resolve		*resolve;
	struct jobs		*jobs;
	struct serve		*serve;
	int			 landlock_abi;	/* asked before the fence */
	uint64_t		 selftests;
};

const struct conf_table *aid_conf_table(void);
/* The default of a provider's URL; "" where there is none. */
const char *aid_conf_url(size_t provider);

/* keyring.c: loads the key pairs named by the configuration, and those that
 * mastctl left beside the present one. */
int keyring_load(struct aid *, struct buf *err_r);
/* What apid sealed, with any of the pairs: 0 or -1. The caller wipes out. */
int keyring_open(const struct aid *, struct slice sealed, struct buf *out);
/* The same key sealed to the present pair; 0 or -1. */
int keyring_reseal(const struct aid *, struct slice sealed, struct buf *out);
/* Wipes all pairs but the present one: nothing is sealed to them. */
void keyring_forget(struct aid *);
void keyring_free(struct aid *);

/* fence.c: drops root, limits, Landlock and seccomp. Exits 71 or 78. */
void fence_close(struct aid *);

/* serve.c: the two Unix sockets. acquire before the drop, start after. */
/* NULL with an exit code and a sentence. */
struct serve *serve_acquire(struct aid *, int *rc_r, struct buf *err_r);
void serve_start(struct serve *);
void serve_free(struct serve *);

#endif
