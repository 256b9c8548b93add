/* scan: the reference of bench-scan: json-c's parse of a whole text. */
#ifndef BENCH_SCAN_H
#define BENCH_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_tokener;

struct json_tokener *scan_jsonc_new(void);
void scan_jsonc_free(struct json_tokener *);
/* Makes the tree and frees it; false: not parsed. */
bool scan_jsonc(struct json_tokener *, const char *, size_t);

#endif
