/*
 * json: REST-sized and configuration-sized documents. Owns json-c. Decoding
 * runs jscan's validator first (json-c alone lets bad texts pass), refuses
 * duplicate keys, then fills structs by field tables. Building is one
 * writer, never printf.
 */
#ifndef MAST_JSON_H
#define MAST_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum json_type {
	JSON__UNSET = 0,
	JSON_STRING,	/* struct slice (unescaped, arena) */
	JSON_INT,	/* int64_t, min..max */
	JSON_BOOL,	/* bool */
	JSON_DOUBLE,	/* double */
	JSON_TIME,	/* int64_t wall_us, from RFC 3339 text */
	JSON_UUID,	/* struct slice of 36 lower-case characters */
	JSON_UUIDS,	/* struct slice: text form of a PostgreSQL uuid[] */
	JSON_ANY,	/* struct slice: the member's text as it was sent */
	JSON_OBJECT,	/* as JSON_ANY, but must be an object */
	JSON_ENUM,	/* struct slice, one of field.names */
};

enum json_flags {
	JSON_REQUIRED	= 1,
	JSON_NULLABLE	= 2,	/* null is a value: sets present and null */
};

/* What is known of one optional member beside its value. */
struct json_state { bool present, null; };

struct json_field {
	const char	*name;
	enum json_type	 type;
	unsigned	 flags;
	size_t		 offset;	/* of the value */
	size_t		 state;		/* of its struct json_state; 0: none */
	int64_t		 min, max;	/* JSON_INT */
	const char	*(*valid)(struct slice);	/* string rules */
	const char *const *names;	/* JSON_ENUM, NULL-terminated */
};

struct json_schema {
	const struct json_field	*fields;
	size_t			 nfields;
	bool			 open;	/* unknown members are ignored */
};

/* One finding: an RFC 6901 pointer to the member and the broken rule. */
struct json_fault { const char *pointer, *detail; };
#define JSON_FAULTS 8

struct json_faults {
	struct json_fault	 v[JSON_FAULTS];
	size_t			 n;
};

/*
 * Decodes text into out (which the caller zeroed). ERR_OK, ERR_BAD_JSON
 * (syntax, duplicate key, depth > 64: one fault with the byte offset) or
 * ERR_INVALID (every finding up to JSON_FAULTS). Memory is the arena's.
 */
enum err json_decode(struct arena *, const struct json_schema *,
    const char *p, size_t n, void *out, struct json_faults *);

/* The compact canonical form: keys sorted bytewise, numbers as the shortest
 * text that reads back the same, so that key order and number format are no
 * difference. 0 or -1 when the text is invalid. */
int json_canonical(const char *p, size_t n, struct buf *out);

/* Member of a top-level object as its raw text; found or not. */
bool json_member(const char *p, size_t n, const char *key,
    struct slice *raw_r);

/* Writer: appends to a buf. Commas are its business, nesting is checked. */
struct json_w { struct buf *b; uint8_t depth; uint64_t first; bool after_key; };
void json_w_init(struct json_w *, struct buf *);
void json_w_object(struct json_w *);	/* { */
void json_w_end_object(struct json_w *);
void json_w_array(struct json_w *);
void json_w_end_array(struct json_w *);
void json_w_key(struct json_w *, const char *);
void json_w_str(struct json_w *, const char *);		/* NULL gives null */
void json_w_slice(struct json_w *, struct slice);	/* bad UTF-8: U+FFFD */
void json_w_i64(struct json_w *, int64_t);
void json_w_u64(struct json_w *, uint64_t);
void json_w_double(struct json_w *, double);
void json_w_bool(struct json_w *, bool);
void json_w_null(struct json_w *);
void json_w_raw(struct json_w *, struct slice);	/* an already valid value */

#endif
