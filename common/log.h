/*
 * log: one line per event to stderr (or the journal's native protocol when
 * JOURNAL_STREAM names our stderr), as "level daemon: object: text".
 * Control bytes and invalid UTF-8 in arguments are escaped, so a peer can
 * never forge a line. Never pass a secret.
 */
#ifndef MAST_LOG_H
#define MAST_LOG_H

#include <stdarg.h>

enum log_level { LOG_L_ERROR, LOG_L_WARN, LOG_L_INFO, LOG_L_DEBUG };

/* ident is kept, not copied ("hubd"). Called once, before any thread. */
void log_init(const char *ident, enum log_level max);
void log_set_level(enum log_level max);
/* "error" "warn" "info" "debug"; -1 for any other text. */
int  log_level_parse(const char *);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As log_error, then abort(): a bug or no memory. */
void fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
/* As log_error, then exit(code): a refusal to start (78, 69, ...). */
void log_exit(int code, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));

#endif
