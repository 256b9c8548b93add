/*
 * tls_cert: any chain and key are refused with findings and no output, or
 * are good, and then what was written out is good again and stays the same.
 * An input is a PEM chain, NUL, a PEM key; one that does not begin with a
 * '-' is the DER of a certificate, which is the better food for a fuzzer.
 */
#include <string.h>

#include "buf.h"
#include "fuzz.h"
#include "str.h"
#include "tls_cert.h"

#define NOW (1800000000 * MONO_SEC)	/* within the corpus's dates */

static void
put_base64(struct buf *b, const uint8_t *p, size_t n)
{
	static const char	abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	uint32_t		v;
	size_t			i, k;

	for (i = 0; i < n; i += 3) {
		v = (uint32_t)p[i] << 16 | (i + 1 < n ?
		    (uint32_t)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0);
		for (k = 0; k < 4; k++)
			buf_putc(b, k > n - i ? '=' :
			    abc[v >> (18 - 6 * k) & 63]);
		if (i % 48 == 45)
			buf_putc(b, '\n');
	}
}

static void
split(const uint8_t *data, size_t size, struct buf *chain, struct buf *key)
{
	const uint8_t *nul = memchr(data, '\0', size);
	size_t n = nul != NULL ? (size_t)(nul - data) : size;

	if (size > 0 && data[0] == '-') {
		buf_put(chain, data, n);
		if (n < size)
			buf_put(key, nul + 1, size - n - 1);
		return;
	}
	buf_puts(chain, "-----BEGIN CERTIFICATE-----\n");
	put_base64(chain, data, size);
	buf_puts(chain, "\n-----END CERTIFICATE-----\n");
}

static struct slice
whole(struct buf *b)
{
	return (struct slice){ buf_cstr(b), buf_used(b) };
}

static void
check_good(struct buf *chain, struct buf *key)
{
	struct buf		c = BUF_INIT, k = BUF_INIT, err = BUF_INIT;
	struct tls_cert_info	info;
	struct tls_faults	f;

	HOLDS(tls_pair_check(whole(chain), whole(key), NOW, &c, &k, &f) == 0);
	HOLDS(strcmp(buf_cstr(chain), buf_cstr(&c)) == 0);
	HOLDS(strcmp(buf_cstr(key), buf_cstr(&k)) == 0);
	HOLDS(tls_cert_read(buf_cstr(chain), &info, &err) == 0);
	HOLDS(info.not_before <= NOW && NOW < info.not_after);
	HOLDS(info.chain >= 1 && info.chain <= TLS_CHAIN_MAX);
	buf_free(&c);
	buf_free(&k);
	buf_free(&err);
}

/* Names are texts of their own, none of them empty. */
static void
check_told(struct buf *chain)
{
	struct buf		names = BUF_INIT, err = BUF_INIT;
	struct tls_cert_info	info;
	const char		*p, *end;

	if (tls_cert_read(buf_cstr(chain), &info, &err) == 0) {
		HOLDS(info.subject_cn[0] != '\0');
		HOLDS(strlen(info.fingerprint) == 95);
	} else {
		HOLDS(buf_used(&err) > 0);
	}
	tls_cert_names(buf_cstr(chain), &names);
	p = buf_cstr(&names);
	for (end = p + buf_used(&names); p < end; p += strlen(p) + 1)
		HOLDS(p[0] != '\0');
	buf_free(&names);
	buf_free(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf		chain = BUF_INIT, key = BUF_INIT;
	struct buf		c = BUF_INIT, k = BUF_INIT;
	struct tls_faults	f;
	size_t			i;

	split(data, size, &chain, &key);
	check_told(&chain);
	if (tls_pair_check(whole(&chain), whole(&key), NOW, &c, &k, &f) ==
	    0) {
		check_good(&c, &k);
	} else {
		HOLDS(f.n > 0 && f.n <= TLS_FAULTS);
		for (i = 0; i < f.n; i++)
			HOLDS(f.v[i].text[0] != '\0');
		HOLDS(buf_used(&c) == 0 && buf_used(&k) == 0);
	}
	buf_free(&chain);
	buf_free(&key);
	buf_free(&c);
	buf_free(&k);
	return 0;
}
