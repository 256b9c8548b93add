/* keyfile: how files of keys and certificates are written. Owns nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keyfile.h"
#include "proc.h"
#include "secret.h"
#include "str.h"
#include "xmalloc.h"

int
keyfile_write(const char *path, mode_t mode, const void *p, size_t n)
{
	char *tmp = xasprintf("%s.new", path);
	int fd, rc = -1, saved;

	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd != -1) {
		if (fchmod(fd, mode) == 0 && write(fd, p, n) == (ssize_t)n &&
		    fsync(fd) == 0 && rename(tmp, path) == 0)
			rc = 0;
		saved = errno;
		close(fd);
		if (rc == -1)
			(void)unlink(tmp);
		errno = saved;
	}
	free(tmp);
	return rc;
}

int
keyfile_public(const char *path, const struct secret_key *key,
    struct buf *err_r)
{
	struct buf text = BUF_INIT;
	char hex[2 * SECRET_KEY + 1];
	uint8_t pub[SECRET_KEY];
	int rc = 1;

	secret_sign_public(key, pub);
	str_hex(hex, pub, sizeof(pub));
	if (access(path, F_OK) == -1)
		buf_puts(&text, "# Public keys of the audit's seals\n");
	else if (proc_read_file(path, 65536, &text, err_r) == -1)
		rc = -1;
	else if (strstr(buf_cstr(&text), hex) != NULL)
		rc = 0;
	if (rc == 1) {
		buf_printf(&text, "%s\n", hex);
		rc = keyfile_write(path, 0444, buf_head(&text),
		    buf_used(&text)) == 0 ? 1 : -1;
		if (rc == -1)
			buf_printf(err_r, "%s: %s", path, strerror(errno));
	}
	buf_free(&text);
	return rc;
}
