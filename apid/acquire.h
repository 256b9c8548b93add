/*
 * acquire: what a daemon takes while it still may, and how it gives the
 * rest up: sockets, keys, certificate; then account, limits, fence. Every
 * failure ends the process with its sentence and exit code.
 */
#ifndef APID_ACQUIRE_H
#define APID_ACQUIRE_H

struct apid;

struct acquired { int listen_fd, metrics_fd, ctl_fd; };

/* Fill apid's key, certs, tls, self_signed, privileged; port, ctl_uid. */
void acquire_secrets(struct apid *);
void acquire_sockets(struct apid *, struct acquired *);
void acquire_fence(struct apid *);
/* Another certificate is in use: what hangs on it follows. */
void acquire_certs(void *apid);

#endif
