/*
 * ai_redact: what keeps credentials out of a job for a provider. Every
 * value of a JSON document that may be one becomes a placeholder,
 * "{{credential-7}}", the same one for the same value; what the model
 * answers gets the values back, but only where they were: a member of the
 * same name, a URL of the same host. So a model that was talked into it
 * cannot move a passphrase into a place from where it would leave.
 *
 * Taken for credentials: members whose name says so (and all below them),
 * user and query of URLs in any text, PEM blocks, long hexadecimal texts.
 * Pure.
 */
#ifndef APID_AI_REDACT_H
#define APID_AI_REDACT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "str.h"

struct ai_redact;

struct ai_redact *ai_redact_new(void);
void ai_redact_free(struct ai_redact *);	/* wipes; NULL is fine */
size_t ai_redact_count(const struct ai_redact *);

/* Does a member of this name hold a credential? */
bool ai_redact_name(struct slice name);
/* Appends the valid document with placeholders: 0 or -1 (not valid, or more
 * credentials than anybody has). */
int ai_redact_json(struct ai_redact *, struct slice json, struct buf *out);
/* The same with "***", for people; nothing is kept. */
int ai_redact_mask(struct slice json, struct buf *out);
/* Every value that is known already, wherever it stands in the text; in a
 * document only inside of its texts. */
void ai_redact_text(const struct ai_redact *, struct slice text,
    struct buf *out);
int ai_redact_known(const struct ai_redact *, struct slice json,
    struct buf *out);
/* Puts the values back. left_r: placeholders that may not stand where they
 * stand. 0 or -1 (not valid). */
int ai_redact_restore(const struct ai_redact *, struct slice json,
    struct buf *out, size_t *left_r);

#endif
