/* pass: reads and makes passwords. Never in argv, never echoed. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "pass.h"
#include "secret.h"
#include "str.h"
#include "valid.h"

#define MADE_LENGTH 20

static int
read_line(char out[PASS_SIZE])
{
	size_t n;

	if (fgets(out, PASS_SIZE, stdin) == NULL)
		return -1;
	n = strlen(out);
	while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
		out[--n] = '\0';
	return 0;
}

static int
prompt(const char *text, char out[PASS_SIZE])
{
	struct termios old, quiet;
	int rc;

	if (tcgetattr(STDIN_FILENO, &old) == -1)
		return -1;
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fputs(text, stderr);
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == -1)
		return -1;
	rc = read_line(out);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputc('\n', stderr);
	return rc;
}

int
pass_read(const struct ctl *ctl, char out[PASS_SIZE])
{
	char again[PASS_SIZE];
	const char *rule;
	bool same;

	if (isatty(STDIN_FILENO)) {
		if (prompt("Password: ", out) == -1 ||
		    prompt("Again: ", again) == -1)
			return ctl_fail(ctl, CTL_FAILED,
			    "cannot read the password");
		same = strcmp(out, again) == 0;
		secret_wipe(again, sizeof(again));
		if (!same)
			return ctl_fail(ctl, CTL_REFUSED,
			    "the two passwords differ");
	} else if (read_line(out) == -1)
		return ctl_fail(ctl, CTL_USAGE,
		    "no password on standard input");
	if ((rule = valid_password(slice_of(out))) != NULL)
		return ctl_fail(ctl, CTL_REFUSED, "the password %s", rule);
	return CTL_OK;
}

void
pass_make(char out[PASS_SIZE])
{
	/* Without characters that people mistake for one another. */
	static const char set[] = "abcdefghijkmnopqrstuvwxyz"
	    "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
	const size_t nset = sizeof(set) - 1;
	uint8_t byte;
	size_t i;

	do {
		for (i = 0; i < MADE_LENGTH;) {
			secret_random(&byte, 1);
			/* No bias: what does not fit is drawn again. */
			if (byte < 256 / nset * nset)
				out[i++] = set[byte % nset];
		}
		out[MADE_LENGTH] = '\0';
	} while (valid_password(slice_of(out)) != NULL);
}
