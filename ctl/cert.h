/* cert: shows and replaces the certificate that the daemons serve with. */
#ifndef MAST_CTL_CERT_H
#define MAST_CTL_CERT_H

struct ctl;
struct ctl_args;

int cert_show(struct ctl *, const struct ctl_args *);
int cert_install(struct ctl *, const struct ctl_args *);
/* A new self-signed pair with the names of the one in use. */
int cert_renew(struct ctl *, const struct ctl_args *);
int cert_restore(struct ctl *, const struct ctl_args *);

#endif
