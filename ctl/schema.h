/*
 * schema: the numbered SQL files, their manifest and what the database has
 * of them. Forward only; an applied file never changes.
 */
#ifndef MAST_CTL_SCHEMA_H
#define MAST_CTL_SCHEMA_H

#include <stdbool.h>

#include "buf.h"
#include "ctl.h"

struct db_sync;

#define SCHEMA_FILES_MAX 512

struct schema_file {
	int	 version;
	char	 name[96];
	char	 sha256[65];	/* of the manifest, proven against the file */
	bool	 applied;
};

struct schema {
	struct schema_file	 v[SCHEMA_FILES_MAX];
	size_t			 n;
	int			 newest;	/* of the files */
	int			 applied;	/* of the database; 0: none */
	size_t			 pending;
};

/* Reads manifest and files, and compares them with the database. CTL_OK, or
 * the exit code with a sentence. The caller frees *s_r with free(). */
int schema_load(struct ctl *, struct db_sync *, struct schema **s_r,
    struct buf *err_r);
/* Applies what is pending, under the advisory lock; tells each file. */
int schema_apply(struct ctl *, struct db_sync *, struct schema *,
    struct buf *err_r);
/* The text of one SQL file. */
int schema_read(struct ctl *, const char *name, struct buf *text,
    struct buf *err_r);

int schema_status(struct ctl *, const struct ctl_args *);
int schema_migrate(struct ctl *, const struct ctl_args *);
int schema_verify(struct ctl *, const struct ctl_args *);

#endif
