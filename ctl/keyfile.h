/* keyfile: how files of keys and certificates are written. */
#ifndef MAST_CTL_KEYFILE_H
#define MAST_CTL_KEYFILE_H

#include <stddef.h>
#include <sys/types.h>

#include "buf.h"

struct secret_key;

/* A new file, whole or not at all, with exactly that mode: 0 or -1 errno. */
int keyfile_write(const char *path, mode_t mode, const void *, size_t);
/* Adds the key's public half, a line of hex, to the file of the audit's
 * public keys, unless it is there: 1 added, 0 kept, -1 with a sentence. */
int keyfile_public(const char *path, const struct secret_key *,
    struct buf *err_r);

#endif
