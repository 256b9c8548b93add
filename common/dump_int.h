/* dump_int: what the files of dump share. For them only. */
#ifndef MAST_DUMP_INT_H
#define MAST_DUMP_INT_H

#include "dump.h"

#define DUMP_CHUNK	(48 * 1024)	/* plain bytes of a chunk, about */

/* The running checksums of either direction. */
struct dump_sums {
	struct secret_digest	*now;
	uint64_t		 rows[DUMP__PLAIN];
	uint8_t			 sum[DUMP__PLAIN][SECRET_HASH];
	bool			 has[DUMP__PLAIN];
};

void dump_sums_begin(struct dump_sums *);
void dump_sums_row(struct dump_sums *, enum dump_section, struct slice);
void dump_sums_end(struct dump_sums *, enum dump_section);
/* Over head and all sections. */
void dump_sums_total(const struct dump_sums *, struct slice head,
    uint8_t out[SECRET_HASH]);
/* DUMP__NONE when there is no such name. */
enum dump_section dump_find(struct slice name, bool secret);
/* What a chunk is bound to: its number and the file's salt. */
struct slice dump_ad(uint8_t ad[8 + SECRET_SALT], uint64_t n,
    const uint8_t salt[SECRET_SALT]);
/* Text that tells server keys apart and tells nothing of them. */
void dump_key_id(const struct secret_key *, char hex[2 * SECRET_HASH + 1]);

#endif
