/*
 * service: start, stop and reload. On a host with systemd the units do it;
 * elsewhere a reload is a signal that only who started the daemons knows
 * where to send, so that is said instead of guessed.
 */
#include <sys/wait.h>

#include <errno.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service.h"
#include "xmalloc.h"

#define TARGET "mastkeeper.target"

extern char **environ;

bool
service_managed(const struct ctl *ctl)
{
	return strcmp(ctl->file, MAST_SYSCONFDIR "/mastkeeper.conf") == 0 &&
	    access("/run/systemd/system", F_OK) == 0 &&
	    (access("/lib/systemd/system/" TARGET, F_OK) == 0 ||
	    access("/usr/lib/systemd/system/" TARGET, F_OK) == 0 ||
	    access("/etc/systemd/system/" TARGET, F_OK) == 0);
}

/* Beside mastctl itself, else wherever the path finds it. */
char *
service_program(const char *daemon)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *path;

	if (n > 0) {
		self[n] = '\0';
		if ((slash = strrchr(self, '/')) != NULL) {
			*slash = '\0';
			path = xasprintf("%s/mastkeeper-%s", self, daemon);
			if (access(path, X_OK) == 0)
				return path;
			free(path);
		}
	}
	return xasprintf("mastkeeper-%s", daemon);
}

bool
service_installed(const char *daemon)
{
	char *path = service_program(daemon);
	bool there = path[0] == '/';

	free(path);
	return there;
}

int
service_systemctl(struct ctl *ctl, const char *verb, const char *const *units)
{
	const char *argv[16] = { "systemctl", verb };
	size_t i;
	pid_t pid;
	int rc, status;

	for (i = 0; units[i] != NULL && i + 3 < nitems(argv); i++)
		argv[i + 2] = units[i];
	fflush(stdout);
	rc = posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv,
	    environ);
	if (rc != 0)
		return ctl_fail(ctl, CTL_UNAVAILABLE, "systemctl: %s",
		    strerror(rc));
	while ((rc = waitpid(pid, &status, 0)) == -1 && errno == EINTR)
		;
	if (rc == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return ctl_fail(ctl, CTL_FAILED, "systemctl %s has failed; "
		    "see: journalctl -u 'mastkeeper*'", verb);
	return CTL_OK;
}

static int
managed(struct ctl *ctl)
{
	return service_managed(ctl) ? CTL_OK : ctl_fail(ctl, CTL_UNAVAILABLE,
	    "no service manager runs the daemons here: start them as "
	    "mastkeeper-apid(8) says, and signal them yourself");
}

int
service_start(struct ctl *ctl, const struct ctl_args *args)
{
	static const char *const units[] = {
		"mastkeeper-apid-local.socket", "mastkeeper-apid.socket",
		"mastkeeper-apid-metrics.socket",
		"mastkeeper-hubd-local.socket", "mastkeeper-hubd.socket",
		"mastkeeper-hubd-control.socket",
		TARGET, NULL
	};
	int code = managed(ctl);

	(void)args;
	if (code == CTL_OK)
		code = service_systemctl(ctl, "start", units);
	if (code == CTL_OK)
		ctl_say(ctl, "started");
	return code;
}

int
service_stop(struct ctl *ctl, const struct ctl_args *args)
{
	static const char *const units[] = { TARGET, NULL };
	int code = managed(ctl);

	(void)args;
	if (code == CTL_OK)
		code = service_systemctl(ctl, "stop", units);
	if (code == CTL_OK)
		ctl_say(ctl, "stopped");
	return code;
}

int
service_reload(struct ctl *ctl, const struct ctl_args *args)
{
	static const char *const units[] = { "mastkeeper-apid.service",
	    "mastkeeper-hubd.service", NULL };
	int code = managed(ctl);

	(void)args;
	if (code == CTL_OK)
		code = service_systemctl(ctl, "reload", units);
	if (code == CTL_OK)
		ctl_say(ctl, "reloaded; the log says what was taken over");
	return code;
}
