/*
 * rate: token buckets, single and keyed. The keyed map is bounded: when it
 * is full the entry least recently used goes, and a counter says so.
 */
#ifndef MAST_RATE_H
#define MAST_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mono.h"

struct rate { double tokens; mono_us at; };

/* Refills at per_sec up to burst, takes n if there are as many. */
bool rate_take(struct rate *, double per_sec, double burst, double n,
    mono_us now);
/* Takes n, that there are as many or not: for what has happened already. 0,
 * or the microseconds until the debt is paid. */
mono_us rate_spend(struct rate *, double per_sec, double burst, double n,
    mono_us now);
/* Microseconds until n tokens are there. */
mono_us rate_wait(const struct rate *, double per_sec, double burst,
    double n, mono_us now);

/* Fixed windows of failures or attempts by key. */
struct rate_map;
struct rate_map *rate_map_new(size_t max_entries, unsigned limit,
    mono_us window);
void rate_map_free(struct rate_map *);
void rate_map_limit(struct rate_map *, unsigned limit);
/* Would one more be over the limit? *wait_r: time left of the window. */
bool rate_map_blocked(struct rate_map *, const void *key, size_t n,
    mono_us now, mono_us *wait_r);
/* Counts one; returns the count inside the window. */
unsigned rate_map_hit(struct rate_map *, const void *key, size_t n,
    mono_us now);
void rate_map_clear(struct rate_map *, const void *key, size_t n);
/* A token bucket of that key, full when new; good until the next call. A map
 * holds either these or windows. */
struct rate *rate_map_bucket(struct rate_map *, const void *key, size_t n);
size_t rate_map_size(const struct rate_map *);
uint64_t rate_map_evicted(const struct rate_map *);

#endif
