/* acquire: the only part of apid that ever runs as root. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acquire.h"
#include "apid.h"
#include "certs.h"
#include "http.h"
#include "log.h"
#include "proc.h"
#include "sandbox.h"
#include "secret.h"
#include "sock.h"
#include "tls_cert.h"
#include "xmalloc.h"

static void
tls_load(struct apid *a)
{
	const struct conf_suite *c = &a->conf.suite;
	struct buf why = BUF_INIT;

	a->certs = certs_new(a->key, 1);
	if (certs_read_files(a->certs, c->tls_cert, c->tls_key, &why) == -1)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&why));
	acquire_certs(a);
	buf_free(&why);
}

void
acquire_certs(void *arg)
{
	struct apid *a = arg;

	a->tls = certs_ctx(a->certs);
	a->self_signed = certs_info(a->certs)->self_signed;
	if (a->http != NULL)
		http_settings(a->http);
}

void
acquire_secrets(struct apid *a)
{
	struct buf why = BUF_INIT;

	if (secret_init() != 0)
		log_exit(PROC_OSERR, "the cryptographic library does not "
		    "start");
	a->privileged = geteuid() == 0;
	a->key = secret_key_load(a->conf.suite.server_key, &why);
	if (a->key == NULL)
		log_exit(PROC_CONFIG, "server key: %s", buf_cstr(&why));
	if (a->conf.tls)
		tls_load(a);
	buf_free(&why);
}

static int
listen_on(const char *name, const char *what, const char *where)
{
	struct buf why = BUF_INIT;
	int fd, rc;

	rc = proc_listen(name, where, 0, &fd, &why);
	if (rc != 0)
		log_exit(rc, "%s: %s", what, buf_cstr(&why));
	buf_free(&why);
	return fd;
}

void
acquire_sockets(struct apid *a, struct acquired *got)
{
	const struct passwd *pw;
	struct buf why = BUF_INIT;
	char *ctl;
	int rc;

	got->listen_fd = listen_on("public", "listen", a->conf.listen);
	a->port = sock_port(got->listen_fd);
	got->metrics_fd = listen_on("metrics", "metrics_listen",
	    a->conf.metrics_listen);
	ctl = xasprintf("unix:%s/apid.ctl", a->conf.suite.run_dir);
	got->ctl_fd = listen_on("control", "control socket", ctl);
	free(ctl);
	if ((rc = proc_listen_rest(&why)) != 0)
		log_exit(rc, "%s", buf_cstr(&why));
	buf_free(&why);
	pw = a->conf.suite.user_ctl != NULL ?
	    getpwnam(a->conf.suite.user_ctl) : NULL;
	a->ctl_uid = pw != NULL ? pw->pw_uid : (uid_t)-1;
}

/* A database by name or address needs sockets of our own; by path none. */
static bool
remote_database(const struct apid *a)
{
	const char *host = a->conf.suite.database;

	host = host != NULL ? strstr(host, "host") : NULL;
	if (host == NULL)
		return false;
	host += strcspn(host, "=");
	host += strspn(host, "= '");
	return *host != '/' && *host != '\0';
}

/* What a reload reads again: the folders, because a file that is replaced is
 * another file. */
#define RELOADED 3

static void
reloaded(const struct apid *a, char *folders[RELOADED])
{
	const struct conf_suite *c = &a->conf.suite;

	folders[0] = sandbox_folder(a->start.file);
	folders[1] = sandbox_folder(a->conf.tls ? c->tls_cert :
	    a->start.file);
	folders[2] = sandbox_folder(a->conf.tls ? c->tls_key : a->start.file);
}

void
acquire_fence(struct apid *a)
{
	char *folders[RELOADED];

	reloaded(a, folders);
	const struct sandbox_path paths[] = {
		{ a->conf.suite.run_dir, true, true },
		{ a->conf.suite.state_dir, false, true },
		{ folders[0], false, true },
		{ folders[1], false, true },
		{ folders[2], false, true },
		{ "/etc", false, true },
		{ "/usr", false, true },
		{ "/lib", false, true },
		{ "/dev/null", true, true },
		{ "/dev/urandom", false, true },
		{ "/proc/self", false, true },
		{ "/run/systemd", false, true },
	};
	struct sandbox s = {
		.profile = SANDBOX_SERVER, .paths = paths,
		.npaths = nitems(paths), .tcp_connect = remote_database(a),
		.inet = remote_database(a),
	};
	struct buf why = BUF_INIT;
	bool switched;
	size_t i;

	if (sandbox_drop(a->conf.suite.user_apid, &switched, &why) != 0)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&why));
	if (sandbox_limits(&why) != 0 || sandbox_fence(&s, &why) != 0)
		log_exit(PROC_OSERR, "%s", buf_cstr(&why));
	for (i = 0; i < RELOADED; i++)
		free(folders[i]);
	buf_free(&why);
}
