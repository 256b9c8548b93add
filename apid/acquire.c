/* acquire: the only part of apid that ever runs as root. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acquire.h"
#include "apid.h"
#include "log.h"
#include "proc.h"
#include "sandbox.h"
#include "secret.h"
#include "sock.h"
#include "tls.h"
#include "xmalloc.h"

#define PEM_MAX (256 * 1024)

static void
tls_load(struct apid *a)
{
	const struct conf_suite *c = &a->conf.suite;
	struct buf chain = BUF_INIT, key = BUF_INIT, why = BUF_INIT;
	struct tls_cert_info info;

	if (proc_read_file(c->tls_cert, PEM_MAX, &chain, &why) != 0 ||
	    proc_read_file(c->tls_key, PEM_MAX, &key, &why) != 0)
		log_exit(PROC_CONFIG, "certificate: %s", buf_cstr(&why));
	a->tls = tls_ctx_server(buf_cstr(&chain), buf_cstr(&key), 1, &why);
	if (a->tls == NULL)
		log_exit(PROC_CONFIG, "certificate: %s: %s", c->tls_cert,
		    buf_cstr(&why));
	if (tls_cert_read(buf_cstr(&chain), &info, &why) == 0) {
		a->self_signed = info.self_signed;
		if (info.not_after < wall_now())
			log_warn("certificate: %s has expired", c->tls_cert);
	}
	secret_wipe(key.data, key.len);
	buf_free(&chain);
	buf_free(&key);
	buf_free(&why);
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
listen_on(const char *what, const char *text, mode_t mode)
{
	struct sock_addr addr;
	struct buf why = BUF_INIT;
	int fd;

	if (sock_parse(text, &addr, &why) != 0)
		log_exit(PROC_CONFIG, "%s: %s: %s", what, text,
		    buf_cstr(&why));
	fd = sock_listen(&addr, 0, mode, (gid_t)-1, &why);
	if (fd == -1)
		log_exit(PROC_UNAVAILABLE, "%s: %s", what, buf_cstr(&why));
	buf_free(&why);
	return fd;
}

void
acquire_sockets(struct apid *a, struct acquired *got)
{
	const struct passwd *pw;
	char *ctl;

	got->listen_fd = listen_on("listen", a->conf.listen, 0666);
	got->metrics_fd = a->conf.metrics_listen == NULL ? -1 :
	    listen_on("metrics_listen", a->conf.metrics_listen, 0666);
	ctl = xasprintf("unix:%s/apid.ctl", a->conf.suite.run_dir);
	got->ctl_fd = listen_on("control socket", ctl, 0666);
	free(ctl);
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

void
acquire_fence(struct apid *a)
{
	const struct sandbox_path paths[] = {
		{ a->conf.suite.run_dir, true, true },
		{ a->conf.suite.state_dir, false, true },
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

	if (sandbox_drop(a->conf.suite.user_apid, &switched, &why) != 0)
		log_exit(PROC_CONFIG, "%s", buf_cstr(&why));
	if (sandbox_limits(&why) != 0 || sandbox_fence(&s, &why) != 0)
		log_exit(PROC_OSERR, "%s", buf_cstr(&why));
	buf_free(&why);
}
