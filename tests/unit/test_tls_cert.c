/* tls_cert: a table of pairs that somebody might bring. The certificates
 * are made here, each with the one thing that its row is about. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "str.h"
#include "tls.h"
#include "tls_cert.h"
#include "xmalloc.h"

static char dir[] = "/tmp/mastcertXXXXXX";

/* A shell line in the folder of the certificates. */
static void
sh(const char *line)
{
	struct buf	b = BUF_INIT;

	buf_printf(&b, "cd %s && (%s) >>log 2>&1", dir, line);
	if (system(buf_cstr(&b)) != 0)
		ck_abort_msg("failed: %s", line);
	buf_free(&b);
}

static void
slurp(const char *name, struct buf *out)
{
	struct buf	path = BUF_INIT;
	char		part[4096];
	FILE		*f;
	size_t		n;

	buf_printf(&path, "%s/%s", dir, name);
	f = fopen(buf_cstr(&path), "re");
	ck_assert_msg(f != NULL, "%s", buf_cstr(&path));
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_put(out, part, n);
	fclose(f);
	buf_free(&path);
}

#define EXT(name, ca, san) "printf '%s' 'basicConstraints=CA:" ca "\n" san \
    "' >" name ".ext; "
#define KEY(name, kind) "openssl genpkey " kind " -out " name ".key; "
#define EC "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
#define ISSUE(name, ca, more) "openssl req -new -key " name ".key -subj /CN=" \
    name " -out " name ".csr; openssl x509 -req -in " name ".csr -CA " ca \
    ".crt -CAkey " ca ".key -set_serial 77 -extfile " name ".ext " more \
    " -out " name ".crt; "
#define SELF(name, more) "openssl req -x509 -new -key " name ".key -subj " \
    "/CN=" name " -addext subjectAltName=DNS:a.example,IP:192.0.2.1 " more \
    " -out " name ".crt; "
#define SAN "subjectAltName=DNS:a.example,IP:192.0.2.1,IP:2001:db8::1"

static const char *const made[] = {
	"set -e; "
	KEY("root", EC) "openssl req -x509 -new -key root.key -subj /CN=root "
	    "-days 30 -out root.crt; "
	KEY("inter", EC) EXT("inter", "TRUE", "") ISSUE("inter", "root",
	    "-days 30")
	KEY("leaf", EC) EXT("leaf", "FALSE", SAN) ISSUE("leaf", "inter",
	    "-days 20"),
	"set -e; "
	KEY("other", EC) SELF("other", "-days 9")
	KEY("rsa", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048")
	    SELF("rsa", "-days 9")
	KEY("weak", "-algorithm RSA -pkeyopt rsa_keygen_bits:1024")
	    SELF("weak", "-days 9")
	KEY("ed", "-algorithm ED25519") SELF("ed", "-days 9")
	KEY("p384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384")
	    SELF("p384", "-days 9")
	KEY("small", "-algorithm EC -pkeyopt ec_paramgen_curve:P-224")
	    SELF("small", "-days 9")
	KEY("ed448", "-algorithm ED448") SELF("ed448", "-days 9"),
	"set -e; "
	KEY("sha1", EC) SELF("sha1", "-days 9 -sha1")
	KEY("plain", EC) "openssl req -x509 -new -key plain.key -subj "
	    "/CN=plain -days 9 -out plain.crt; "
	KEY("mail", EC) "openssl req -x509 -new -key mail.key -subj /CN=mail "
	    "-addext subjectAltName=email:a@a.example -days 9 "
	    "-out mail.crt; "
	KEY("client", EC) SELF("client", "-days 9 -addext "
	    "extendedKeyUsage=clientAuth"),
	"set -e; "
	KEY("old", EC) EXT("old", "FALSE", SAN) ISSUE("old", "root",
	    "-days -1")
	KEY("noca", EC) EXT("noca", "FALSE", SAN) ISSUE("noca", "root",
	    "-days 9")
	KEY("under", EC) EXT("under", "FALSE", SAN) ISSUE("under", "noca",
	    "-days 9")
	"openssl ec -in leaf.key -out sec1.key; "
	"openssl pkcs8 -topk8 -in leaf.key -passout pass:x -out locked.key; "
	"sed 5s/./A/ leaf.crt >hurt.crt; head -c 300 leaf.crt >cut.crt; "
	"sed 's/$/\\r/' leaf.crt >crlf.crt; "
	"echo nothing >none.crt; : >empty.crt; "
	"for i in 1 2 3 4 5 6 7 8 9 10 11; do cat other.crt; done >many.crt; "
	"(echo hello; cat leaf.crt; echo '# between'; cat inter.crt) "
	">talk.crt",
};

static void
make(void)
{
	size_t i;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	for (i = 0; i < nitems(made); i++)
		sh(made[i]);
}

static void
unmake(void)
{
	struct buf b = BUF_INIT;

	buf_printf(&b, "rm -r %s", dir);
	ck_assert_int_eq(system(buf_cstr(&b)), 0);
	buf_free(&b);
}

/* Files with blanks between them; what is said must contain the part, of
 * the chain (C) or the key (K). NULL: it is good. */
static const struct {
	const char *chain, *key;
	char who;
	const char *part;
} rows[] = {
	{ "leaf.crt inter.crt", "leaf.key", 0, NULL },
	{ "leaf.crt inter.crt root.crt", "leaf.key", 0, NULL },
	{ "leaf.crt", "leaf.key", 0, NULL },
	{ "leaf.crt", "sec1.key", 0, NULL },
	{ "crlf.crt", "leaf.key", 0, NULL },
	{ "talk.crt", "leaf.key", 0, NULL },
	{ "rsa.crt", "rsa.key", 0, NULL },
	{ "ed.crt", "ed.key", 0, NULL },
	{ "p384.crt", "p384.key", 0, NULL },

	{ "other.crt", "leaf.key", 'K', "does not belong" },
	{ "leaf.crt", "leaf.crt", 'K', "no private key" },
	{ "leaf.crt", "none.crt", 'K', "no private key" },
	{ "leaf.crt", "empty.crt", 'K', "no private key" },
	{ "leaf.crt", "locked.key", 'K', "passphrase" },
	{ "none.crt", "leaf.key", 'C', "no certificate" },
	{ "empty.crt", "leaf.key", 'C', "no certificate" },
	{ "leaf.key", "leaf.key", 'C', "only certificates" },
	{ "leaf.crt leaf.key", "leaf.key", 'C', "only certificates" },
	{ "leaf.csr", "leaf.key", 'C', "only certificates" },
	{ "hurt.crt", "leaf.key", 'C', "" },
	{ "cut.crt", "leaf.key", 'C', "damaged" },
	{ "leaf.crt cut.crt", "leaf.key", 'C', "damaged" },
	{ "many.crt", "other.key", 'C', "more than 10" },
	{ "inter.crt leaf.crt", "leaf.key", 'C', "leaf first" },
	{ "leaf.crt root.crt", "leaf.key", 'C', "did not sign" },
	{ "leaf.crt root.crt inter.crt", "leaf.key", 'C', "did not sign" },
	{ "leaf.crt leaf.crt", "leaf.key", 'C', "did not sign" },
	{ "under.crt noca.crt", "under.key", 'C', "did not sign" },
	{ "old.crt", "old.key", 'C', "has expired" },
	{ "weak.crt", "weak.key", 'C', "2048" },
	{ "small.crt", "small.key", 'C', "P-256" },
	{ "ed448.crt", "ed448.key", 'C', "neither RSA" },
	{ "sha1.crt", "sha1.key", 'C', "too weak" },
	{ "plain.crt", "plain.key", 'C', "names no host" },
	{ "mail.crt", "mail.key", 'C', "names no host" },
	{ "client.crt", "client.key", 'C', "not for TLS servers" },
};

static int
judge(const char *files, const char *keyfile, wall_us now,
    struct tls_faults *f, struct buf *chain_r)
{
	struct buf	chain = BUF_INIT, key = BUF_INIT, out = BUF_INIT;
	struct slice	rest = slice_of(files), part;
	char		name[64];
	int		r;

	while (slice_cut(&rest, ' ', &part)) {
		snprintf(name, sizeof(name), "%.*s", (int)part.n, part.p);
		slurp(name, &chain);
	}
	slurp(keyfile, &key);
	r = tls_pair_check((struct slice){ buf_cstr(&chain),
	    buf_used(&chain) }, (struct slice){ buf_cstr(&key),
	    buf_used(&key) }, now, chain_r, &out, f);
	if (r == 0) {
		ck_assert_ptr_nonnull(strstr(buf_cstr(&out),
		    "-----BEGIN PRIVATE KEY-----"));
		ck_assert_ptr_null(strstr(buf_cstr(chain_r), "KEY"));
	} else {
		ck_assert_uint_eq(buf_used(&out), 0);
		ck_assert_uint_eq(buf_used(chain_r), 0);
	}
	buf_free(&chain);
	buf_free(&key);
	buf_free(&out);
	return r;
}

START_TEST(table)
{
	struct buf		chain = BUF_INIT;
	struct tls_faults	f;
	bool			found = false;
	size_t			i;
	int			r;

	r = judge(rows[_i].chain, rows[_i].key, wall_now(), &f, &chain);
	if (rows[_i].part == NULL) {
		ck_assert_msg(r == 0, "%s: %s", rows[_i].chain, f.v[0].text);
		ck_assert_uint_eq(f.n, 0);
	} else {
		ck_assert_msg(r == -1, "%s", rows[_i].chain);
		for (i = 0; i < f.n; i++)
			found |= f.v[i].key == (rows[_i].who == 'K') &&
			    strstr(f.v[i].text, rows[_i].part) != NULL;
		ck_assert_msg(found, "%s %s: %zu, first %s", rows[_i].chain,
		    rows[_i].key, f.n, f.v[0].text);
	}
	buf_free(&chain);
}
END_TEST

/* The same pair at other times. */
START_TEST(times)
{
	struct buf		chain = BUF_INIT;
	struct tls_faults	f;
	wall_us			day = 86400 * MONO_SEC, now = wall_now();

	ck_assert_int_eq(judge("leaf.crt inter.crt", "leaf.key",
	    now - 2 * day, &f, &chain), -1);
	ck_assert_uint_eq(f.n, 2);	/* each of them */
	ck_assert_ptr_nonnull(strstr(f.v[0].text, "certificate 1 is not "
	    "valid before"));
	ck_assert_int_eq(judge("leaf.crt inter.crt", "leaf.key",
	    now + 21 * day, &f, &chain), -1);
	ck_assert_uint_eq(f.n, 1);
	ck_assert_int_eq(judge("leaf.crt inter.crt", "leaf.key",
	    now + 19 * day, &f, &chain), 0);
	buf_free(&chain);
}
END_TEST

/* Any byte of a good pair may be another one: a finding or a good pair,
 * never more. */
START_TEST(flipped)
{
	struct buf		chain = BUF_INIT, key = BUF_INIT, a, b;
	struct tls_faults	f;
	char			*p;
	size_t			i, n;

	slurp("leaf.crt", &chain);
	slurp("leaf.key", &key);
	n = buf_used(&chain);
	p = xmalloc(n);
	for (i = 0; i < n; i++) {
		a = b = (struct buf)BUF_INIT;
		memcpy(p, buf_cstr(&chain), n);
		p[i] ^= (char)(1 << i % 7);
		if (tls_pair_check((struct slice){ p, n }, (struct slice){
		    buf_cstr(&key), buf_used(&key) }, wall_now(), &a, &b,
		    &f) == -1)
			ck_assert_uint_gt(f.n, 0);
		(void)tls_pair_check((struct slice){ p, i }, (struct slice){
		    buf_cstr(&key), i % buf_used(&key) }, wall_now(), &a,
		    &b, &f);
		buf_free(&a);
		buf_free(&b);
	}
	free(p);
	buf_free(&chain);
	buf_free(&key);
}
END_TEST

START_TEST(told)
{
	static const char	want[] = "DNS:a.example\0IP:192.0.2.1\0"
	    "IP:2001:db8::1";
	struct buf		chain = BUF_INIT, names = BUF_INIT,
	    err = BUF_INIT;
	struct tls_cert_info	info;

	slurp("leaf.crt", &chain);
	slurp("inter.crt", &chain);
	ck_assert_int_eq(tls_cert_read(buf_cstr(&chain), &info, &err), 0);
	ck_assert_str_eq(info.subject_cn, "leaf");
	ck_assert_str_eq(info.issuer_cn, "inter");
	ck_assert_str_eq(info.issuer, "CN=inter");
	ck_assert_str_eq(info.serial, "4d");
	ck_assert_str_eq(info.key_type, "EC P-256");
	ck_assert_int_eq(info.key_bits, 256);
	ck_assert_int_eq(info.chain, 2);
	ck_assert(!info.self_signed);
	tls_cert_names(buf_cstr(&chain), &names);
	ck_assert_uint_eq(buf_used(&names), sizeof(want));
	ck_assert_int_eq(memcmp(buf_head(&names), want, sizeof(want)), 0);
	buf_clear(&chain);
	buf_clear(&names);
	slurp("plain.crt", &chain);
	tls_cert_names(buf_cstr(&chain), &names);
	ck_assert_uint_eq(buf_used(&names), 0);
	buf_free(&chain);
	buf_free(&names);
	buf_free(&err);
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("tls_cert");
	TCase	*t = tcase_create("all");
	SRunner	*sr;
	int	 failed;

	tcase_add_unchecked_fixture(t, make, unmake);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, table, 0, nitems(rows));
	tcase_add_test(t, times);
	tcase_add_test(t, flipped);
	tcase_add_test(t, told);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
