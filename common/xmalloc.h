/* xmalloc: allocation that cannot fail. Out of memory is fatal(). */
#ifndef MAST_XMALLOC_H
#define MAST_XMALLOC_H

#include <stddef.h>
#include <stdlib.h>	/* free() */

void *xmalloc(size_t);
void *xcalloc(size_t nmemb, size_t size);
/* Overflow-checked; nmemb*size of 0 frees and returns NULL. */
void *xreallocarray(void *, size_t nmemb, size_t size);
char *xstrdup(const char *);
char *xstrndup(const char *, size_t);
void *xmemdup(const void *, size_t);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

#endif
