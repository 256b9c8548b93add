/*
 * selftest: tries from inside the fence what must not work, and what must.
 * Each attempt is real; a fence that does not hold shows here and in
 * mastctl doctor.
 */
#ifndef AID_SELFTEST_H
#define AID_SELFTEST_H

struct aid;
struct buf;

/* One call on a later turn with a JSON object: {"ok":bool,"checks":[
 * {"name","want","got","ok"}...]}. */
typedef void (*selftest_fn)(void *arg, struct buf *json);
void selftest_run(struct aid *, selftest_fn, void *arg);

#endif
