/*
 * note: an event as it will be stored. Texts are cut to their limits at
 * character boundaries here, so that one odd event cannot spoil a batch.
 */
#ifndef MAST_NOTE_H
#define MAST_NOTE_H

#include "buf.h"
#include "frame.h"
#include "id.h"
#include "mono.h"
#include "str.h"

#include "batch.h"

struct node;

enum note_severity { NOTE_INFO, NOTE_WARNING, NOTE_CRITICAL };

struct note {
	struct batch_row	 row;
	wall_us			 at;
	struct id		 node;
	enum note_severity	 severity;
	struct slice		 name, raw, category, message, details, flow;
	struct id		 boot;		/* with seq */
	int64_t			 seq;		/* 0: not numbered */
	bool			 drops;		/* tells of dropped events */
	char			 text[];
};

struct note_text {		/* the hub's own words */
	struct id		 node;
	const char		*name;
	enum note_severity	 severity;
	const char		*category, *message, *details;
};

struct note *note_new(const struct note_text *);
/* What a node said, at the hub's time. */
struct note *note_event(const struct node *, wall_us,
    const struct frame_event *);
size_t note_bytes(const struct note *);
const char *note_severity(enum note_severity);
/* Longest prefix of at most max bytes that ends between characters. */
struct slice note_cut(struct slice, size_t max);
/* Raw JSON string content as UTF-8 text of at most max bytes. */
void note_plain(struct buf *out, struct slice raw, size_t max);

#endif
