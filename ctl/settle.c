/*
 * settle: shows and checks the configuration. Every program reads the same
 * file, each with a table of its own, so each daemon is asked to judge it.
 */
#include <sys/wait.h>

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "out.h"
#include "proc.h"
#include "service.h"
#include "settle.h"
#include "xmalloc.h"

#define FILE_MAX (1 << 20)

extern char **environ;

int
settle_show(struct ctl *ctl, const struct ctl_args *args)
{
	struct buf text = BUF_INIT, err = BUF_INIT, out = BUF_INIT;
	struct json_w w;
	int code = CTL_OK;

	(void)args;
	if (proc_read_file(ctl->file, FILE_MAX, &text, &err) == -1)
		code = ctl_fail(ctl, CTL_CONFIG, "%s", buf_cstr(&err));
	else if (!ctl->json)
		fputs(buf_cstr(&text), stdout);
	else {
		json_w_init(&w, &out);
		json_w_object(&w);
		json_w_key(&w, "file");
		json_w_str(&w, ctl->file);
		json_w_key(&w, "text");
		json_w_str(&w, buf_cstr(&text));
		json_w_end_object(&w);
		out_json(&out);
	}
	buf_free(&text);
	buf_free(&err);
	return code;
}

/* The daemon's own judgement, whose sentence goes to stderr: its exit code,
 * or -1 when it is not installed. */
static int
judge(const char *daemon, const char *file)
{
	char *path = service_program(daemon);
	const char *argv[] = { path, "--test", "-f", file, NULL };
	pid_t pid;
	int rc, status = 0;

	rc = posix_spawnp(&pid, path, NULL, NULL, (char *const *)argv,
	    environ);
	free(path);
	if (rc != 0)
		return -1;
	while ((rc = waitpid(pid, &status, 0)) == -1 && errno == EINTR)
		;
	if (rc == -1 || !WIFEXITED(status))
		return CTL_FAILED;
	/* 127: a libc that finds out only in the child */
	return WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status);
}

static void
verdict(struct ctl *ctl, struct json_w *w, const char *who, int rc)
{
	const char *text = rc == 0 ? "ok" : rc == -1 ? "not installed" :
	    "wrong";

	if (!ctl->json) {
		printf("%-10s%s\n", who, text);
		return;
	}
	json_w_key(w, who);
	json_w_str(w, text);
}

int
settle_check(struct ctl *ctl, const struct ctl_args *args)
{
	static const char *const daemons[] = { "apid", "hubd", "aid" };
	bool bad = buf_used(&ctl->conf_err) > 0;
	struct buf out = BUF_INIT;
	struct json_w w;
	size_t i;
	int rc;

	(void)args;
	if (ctl->conf_missing)
		return ctl_fail(ctl, CTL_CONFIG, "%s: no such file; run: "
		    "mastctl setup", ctl->file);
	json_w_init(&w, &out);
	json_w_object(&w);
	if (bad)
		fprintf(stderr, "mastctl: %s\n", buf_cstr(&ctl->conf_err));
	verdict(ctl, &w, "mastctl", bad ? CTL_CONFIG : 0);
	for (i = 0; i < nitems(daemons); i++) {
		fflush(stdout);
		rc = judge(daemons[i], ctl->file);
		bad |= rc > 0;
		verdict(ctl, &w, daemons[i], rc);
	}
	json_w_end_object(&w);
	if (ctl->json)
		out_json(&out);
	else
		buf_free(&out);
	return bad ? CTL_CONFIG : CTL_OK;
}
