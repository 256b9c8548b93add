/* service: the daemons through the service manager. */
#ifndef MAST_CTL_SERVICE_H
#define MAST_CTL_SERVICE_H

#include <stdbool.h>

#include "ctl.h"

int service_start(struct ctl *, const struct ctl_args *);
int service_stop(struct ctl *, const struct ctl_args *);
int service_reload(struct ctl *, const struct ctl_args *);
/* Does systemd run here, are our units installed, and is the configuration
 * the one that they read? */
bool service_managed(const struct ctl *);
/* Is the program of that daemon installed beside mastctl? */
bool service_installed(const char *daemon);
/* Its path there, else its bare name for a search. To be freed. */
char *service_program(const char *daemon);
/* systemctl VERB UNITS..., which end with NULL: an exit code, told. */
int service_systemctl(struct ctl *, const char *verb,
    const char *const *units);

#endif
