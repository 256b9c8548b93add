/* gzip: owns zlib. One compressor per process, reset for each answer. */
#ifndef APID_GZIP_H
#define APID_GZIP_H

#include <stdbool.h>

#include "buf.h"
#include "str.h"

#define GZIP_MIN 1024	/* smaller bodies are sent as they are */

struct gzip;

struct gzip *gzip_new(void);
void gzip_free(struct gzip *);
/* Appends the compressed form; false, and nothing appended, when it would
 * not be smaller. */
bool gzip_put(struct gzip *, struct slice in, struct buf *out);
/* Whether an Accept-Encoding value takes a coding, such as "gzip" or "br"
 * (RFC 9110 12.5.3). */
bool gzip_accepted(struct slice accept_encoding, const char *coding);

#endif
