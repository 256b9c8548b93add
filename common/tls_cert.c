/*
 * tls_cert: certificates read and judged with OpenSSL, which tls owns. What
 * is looked at may come from anybody: nothing here trusts a length, a type
 * or an order.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "log.h"
#include "str.h"
#include "tls_cert.h"
#include "xmalloc.h"

#define NAMES_MAX	256	/* told of one certificate */
#define SIGNATURE_BITS	112	/* SHA-224 and better */

static int
say(struct buf *err_r, const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	buf_puts(err_r, what);
	if (reason != NULL)
		buf_printf(err_r, ": %s", reason);
	ERR_clear_error();
	return -1;
}

/* An encrypted key must not stop a daemon at a prompt. */
static int
no_password(char *buf, int size, int rwflag, void *arg)
{
	return -1;
}

static BIO *
bio_of(const char *p, size_t n)
{
	BIO *bio = BIO_new_mem_buf(p, (int)n);

	if (bio == NULL)
		fatal("tls: out of memory");
	return bio;
}

/* ---- what it says ---- */

static int
asn1_wall(const ASN1_TIME *at, wall_us *us_r)
{
	ASN1_TIME	*epoch = ASN1_TIME_set(NULL, 0);
	int		 days, secs, ok;

	ok = epoch != NULL && ASN1_TIME_diff(&days, &secs, epoch, at) == 1;
	ASN1_TIME_free(epoch);
	if (!ok)
		return -1;
	*us_r = ((wall_us)days * 86400 + secs) * MONO_SEC;
	return 0;
}

static void
name_text(const X509_NAME *name, char *dst, size_t size)
{
	BIO	*bio = BIO_new(BIO_s_mem());
	int	 n;

	dst[0] = '\0';
	if (bio == NULL)
		fatal("tls: out of memory");
	X509_NAME_print_ex(bio, name, 0,
	    XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
	n = BIO_read(bio, dst, (int)size - 1);
	dst[n > 0 ? n : 0] = '\0';
	BIO_free(bio);
}

/* SHA-256 of the DER; nodes pin this very form, lower case with colons. */
static void
fingerprint(const X509 *x, char *dst, size_t size)
{
	uint8_t		md[EVP_MAX_MD_SIZE];
	unsigned	n = 0, i;

	dst[0] = '\0';
	if (X509_digest(x, EVP_sha256(), md, &n) != 1)
		return;
	for (i = 0; i < n && (i + 1) * 3 <= size; i++)
		snprintf(dst + i * 3, size - i * 3, "%02x%s", md[i],
		    i + 1 < n ? ":" : "");
}

static void
key_type(const X509 *x, char *dst, size_t size)
{
	EVP_PKEY	*key = X509_get0_pubkey(x);
	char		 group[24] = "";

	if (key == NULL) {
		str_copy(dst, size, "unknown");
	} else if (EVP_PKEY_is_a(key, "EC")) {
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
		snprintf(dst, size, "EC %s", strcmp(group, "prime256v1") == 0 ?
		    "P-256" : group);
	} else {
		snprintf(dst, size, "%.16s %d", EVP_PKEY_get0_type_name(key),
		    EVP_PKEY_get_bits(key));
	}
}

static void
name_cn(const X509_NAME *name, char *dst, size_t size)
{
	int		 at = X509_NAME_get_index_by_NID(name, NID_commonName,
	    -1), n;
	const X509_NAME_ENTRY *e = at < 0 ? NULL :
	    X509_NAME_get_entry(name, at);
	unsigned char	*utf8 = NULL;

	n = e == NULL ? -1 : ASN1_STRING_to_UTF8(&utf8,
	    X509_NAME_ENTRY_get_data(e));
	if (n <= 0 || (size_t)n >= size || memchr(utf8, '\0', (size_t)n) !=
	    NULL)
		str_copy(dst, size, "Unknown");
	else
		snprintf(dst, size, "%.*s", n, (const char *)utf8);
	OPENSSL_free(utf8);
	ERR_clear_error();
}

static void
serial_text(const X509 *x, char *dst, size_t size)
{
	BIGNUM	*n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char	*hex = n == NULL ? NULL : BN_bn2hex(n);
	size_t	 i;

	str_copy(dst, size, hex == NULL ? "" : hex);
	for (i = 0; dst[i] != '\0'; i++)
		if (dst[i] >= 'A' && dst[i] <= 'F')
			dst[i] = (char)(dst[i] - 'A' + 'a');
	OPENSSL_free(hex);
	BN_free(n);
}

static int
info_fill(X509 *x, struct tls_cert_info *info)
{
	const X509_NAME *subject = X509_get_subject_name(x);
	const X509_NAME *issuer = X509_get_issuer_name(x);
	EVP_PKEY	*key = X509_get0_pubkey(x);

	name_text(subject, info->subject, sizeof(info->subject));
	name_text(issuer, info->issuer, sizeof(info->issuer));
	name_cn(subject, info->subject_cn, sizeof(info->subject_cn));
	name_cn(issuer, info->issuer_cn, sizeof(info->issuer_cn));
	fingerprint(x, info->fingerprint, sizeof(info->fingerprint));
	key_type(x, info->key_type, sizeof(info->key_type));
	serial_text(x, info->serial, sizeof(info->serial));
	info->key_bits = key == NULL ? 0 : EVP_PKEY_get_bits(key);
	info->self_signed = X509_NAME_cmp(subject, issuer) == 0;
	if (asn1_wall(X509_get0_notBefore(x), &info->not_before) == -1 ||
	    asn1_wall(X509_get0_notAfter(x), &info->not_after) == -1)
		return -1;
	return 0;
}

int
tls_cert_read(const char *chain_pem, struct tls_cert_info *info,
    struct buf *err_r)
{
	BIO	*bio = bio_of(chain_pem, strlen(chain_pem));
	X509	*x;
	int	 rc = 0;

	memset(info, 0, sizeof(*info));
	ERR_clear_error();
	while (rc == 0 && info->chain < TLS_CHAIN_MAX && (x =
	    PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		if (info->chain++ == 0)
			rc = info_fill(x, info);
		X509_free(x);
	}
	BIO_free(bio);
	if (info->chain == 0)
		return say(err_r, "the certificate is not readable");
	if (rc == -1)
		return say(err_r, "the certificate has no valid dates");
	ERR_clear_error();	/* the end of the file */
	return 0;
}

/* Printable ASCII as it is: a NUL in the middle of a name is no end of it. */
static void
put_text(struct buf *b, const char *kind, const ASN1_STRING *s)
{
	const unsigned char	*p = ASN1_STRING_get0_data(s);
	int			 i, n = ASN1_STRING_length(s);

	buf_puts(b, kind);
	for (i = 0; i < n && i < 255; i++)
		buf_putc(b, p[i] > 0x20 && p[i] < 0x7f ? (char)p[i] : '?');
	buf_putc(b, '\0');
}

static void
put_address(struct buf *b, const ASN1_OCTET_STRING *s)
{
	int	n = ASN1_STRING_length(s);
	char	text[INET6_ADDRSTRLEN] = "?";

	if (n == 4 || n == 16)
		inet_ntop(n == 4 ? AF_INET : AF_INET6,
		    ASN1_STRING_get0_data(s), text, sizeof(text));
	buf_printf(b, "IP:%s", text);
	buf_putc(b, '\0');
}

static void
put_name(struct buf *b, const GENERAL_NAME *name)
{
	switch (name->type) {
	case GEN_DNS:
		put_text(b, "DNS:", name->d.dNSName);
		break;
	case GEN_IPADD:
		put_address(b, name->d.iPAddress);
		break;
	case GEN_URI:
		put_text(b, "URI:", name->d.uniformResourceIdentifier);
		break;
	case GEN_EMAIL:
		put_text(b, "email:", name->d.rfc822Name);
		break;
	default:
		buf_puts(b, "other");
		buf_putc(b, '\0');
	}
}

void
tls_cert_names(const char *chain_pem, struct buf *names_r)
{
	BIO		*bio = bio_of(chain_pem, strlen(chain_pem));
	X509		*x = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	GENERAL_NAMES	*all = x == NULL ? NULL :
	    X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int		 i, n = all == NULL ? 0 : sk_GENERAL_NAME_num(all);

	for (i = 0; i < n && i < NAMES_MAX; i++)
		put_name(names_r, sk_GENERAL_NAME_value(all, i));
	GENERAL_NAMES_free(all);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
}

/* ---- whether it is fit ---- */

struct pair {
	X509			*x[TLS_CHAIN_MAX];
	int			 n;
	EVP_PKEY		*key;
	wall_us			 now;
	struct tls_faults	*faults;
};

static void __attribute__((format(printf, 3, 4)))
fault(struct pair *p, bool key, const char *fmt, ...)
{
	struct tls_fault	*f;
	va_list			 ap;

	ERR_clear_error();
	if (p->faults->n == TLS_FAULTS)
		return;
	f = &p->faults->v[p->faults->n++];
	f->key = key;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

static void
chain_add(struct pair *p, const unsigned char *der, long len)
{
	const unsigned char	*at = der;
	X509			*x;

	if (p->n == TLS_CHAIN_MAX) {
		fault(p, false, "holds more than %d certificates",
		    TLS_CHAIN_MAX);
		return;
	}
	x = d2i_X509(NULL, &at, len);
	if (x == NULL || at != der + len) {
		X509_free(x);
		fault(p, false, "certificate %d is not readable", p->n + 1);
		return;
	}
	p->x[p->n++] = x;
}

/* Block by block: what is no certificate, a private key above all, must not
 * be kept as one. */
static void
chain_read(struct pair *p, struct slice text)
{
	BIO		*bio = bio_of(text.p, text.n);
	char		*name, *header;
	unsigned char	*der;
	long		 len;

	while (p->faults->n == 0 &&
	    PEM_read_bio(bio, &name, &header, &der, &len) == 1) {
		if (strcmp(name, PEM_STRING_X509) == 0 ||
		    strcmp(name, PEM_STRING_X509_OLD) == 0)
			chain_add(p, der, len);
		else
			fault(p, false, "holds a %.60s; only certificates "
			    "belong here", name);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(der, (size_t)len);
	}
	if (p->faults->n == 0 && ERR_GET_REASON(ERR_peek_last_error()) !=
	    PEM_R_NO_START_LINE)
		fault(p, false, "the PEM text after certificate %d is "
		    "damaged", p->n);
	if (p->faults->n == 0 && p->n == 0)
		fault(p, false, "holds no certificate in PEM form");
	BIO_free(bio);
	ERR_clear_error();
}

static void
key_read(struct pair *p, struct slice text)
{
	BIO *bio = bio_of(text.p, text.n);

	p->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (p->key != NULL)
		return;
	if (memmem(text.p, text.n, "ENCRYPTED", 9) != NULL)
		fault(p, true, "is locked with a passphrase; take it off "
		    "first");
	else
		fault(p, true, "holds no private key in PEM form");
}

/* NULL, or what is wrong with it. */
static const char *
key_weakness(EVP_PKEY *key)
{
	char group[32] = "";

	if (key == NULL)
		return "has a key of an unknown kind";
	if (EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "RSA-PSS"))
		return EVP_PKEY_get_bits(key) >= 2048 ? NULL :
		    "has an RSA key of less than 2048 bits";
	if (EVP_PKEY_is_a(key, "EC")) {
		EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
		return strcmp(group, "prime256v1") == 0 ||
		    strcmp(group, "secp384r1") == 0 ||
		    strcmp(group, "secp521r1") == 0 ? NULL :
		    "has an EC key that is not on P-256, P-384 or P-521";
	}
	return EVP_PKEY_is_a(key, "ED25519") ? NULL :
	    "has a key that is neither RSA nor EC nor Ed25519";
}

static void
check_dates(struct pair *p, int i)
{
	wall_us	from, to;
	char	text[WALL_TEXT];

	if (asn1_wall(X509_get0_notBefore(p->x[i]), &from) == -1 ||
	    asn1_wall(X509_get0_notAfter(p->x[i]), &to) == -1) {
		fault(p, false, "certificate %d has no valid dates", i + 1);
	} else if (to <= p->now) {
		wall_rfc3339(to, text);
		fault(p, false, "certificate %d has expired at %s", i + 1,
		    text);
	} else if (from > p->now) {
		wall_rfc3339(from, text);
		fault(p, false, "certificate %d is not valid before %s",
		    i + 1, text);
	}
}

static bool
is_root(const struct pair *p, int i)
{
	return X509_NAME_cmp(X509_get_subject_name(p->x[i]),
	    X509_get_issuer_name(p->x[i])) == 0;
}

/* Nobody checks the signature that a root puts on itself. */
static void
check_strength(struct pair *p, int i)
{
	const char	*weak = key_weakness(X509_get0_pubkey(p->x[i]));
	int		 bits = 0;

	if (weak != NULL)
		fault(p, false, "certificate %d %s", i + 1, weak);
	if (i > 0 && is_root(p, i))
		return;
	if (X509_get_signature_info(p->x[i], NULL, NULL, &bits, NULL) != 1 ||
	    bits < SIGNATURE_BITS)
		fault(p, false, "certificate %d is signed with a hash that "
		    "is too weak; SHA-256 or better is needed", i + 1);
}

static void
check_link(struct pair *p, int i)
{
	EVP_PKEY *key = X509_get0_pubkey(p->x[i + 1]);

	if (X509_check_issued(p->x[i + 1], p->x[i]) != X509_V_OK ||
	    X509_check_ca(p->x[i + 1]) == 0 || key == NULL ||
	    X509_verify(p->x[i], key) != 1)
		fault(p, false, "certificate %d did not sign certificate %d; "
		    "the order is leaf first, each signed by the next",
		    i + 2, i + 1);
}

static void
check_leaf(struct pair *p)
{
	GENERAL_NAMES	*all = X509_get_ext_d2i(p->x[0],
	    NID_subject_alt_name, NULL, NULL);
	int		 i, n = all == NULL ? 0 : sk_GENERAL_NAME_num(all);

	for (i = 0; i < n; i++)
		if (sk_GENERAL_NAME_value(all, i)->type == GEN_DNS ||
		    sk_GENERAL_NAME_value(all, i)->type == GEN_IPADD)
			break;
	if (i >= n)
		fault(p, false, "certificate 1 names no host: it needs a DNS "
		    "name or an IP address as subject alternative name");
	GENERAL_NAMES_free(all);
	if (X509_check_purpose(p->x[0], X509_PURPOSE_SSL_SERVER, 0) != 1)
		fault(p, false, "certificate 1 is not for TLS servers");
	/* One that signed itself must have done it with its own key. */
	if (is_root(p, 0) && X509_verify(p->x[0], X509_get0_pubkey(p->x[0]))
	    != 1)
		fault(p, false, "certificate 1 has a wrong signature");
	if (p->key != NULL && X509_check_private_key(p->x[0], p->key) != 1)
		fault(p, true, "does not belong to certificate 1");
	ERR_clear_error();
}

/* Both again in one form: comments, bags and old key forms stay behind. */
static int
write_out(const struct pair *p, struct buf *chain_r, struct buf *key_r)
{
	BIO	*bio = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_mem());
	int	 i, ok = bio != NULL && secret != NULL;
	char	*text;
	long	 n;

	for (i = 0; i < p->n && ok; i++)
		ok = PEM_write_bio_X509(bio, p->x[i]) == 1;
	if (ok && (n = BIO_get_mem_data(bio, &text)) > 0)
		buf_put(chain_r, text, (size_t)n);
	if (ok)
		ok = PEM_write_bio_PKCS8PrivateKey(secret, p->key, NULL, NULL,
		    0, NULL, NULL) == 1;
	if (secret != NULL && (n = BIO_get_mem_data(secret, &text)) > 0) {
		if (ok)
			buf_put(key_r, text, (size_t)n);
		OPENSSL_cleanse(text, (size_t)n);
	}
	BIO_free(bio);
	BIO_free(secret);
	return ok ? 0 : -1;
}

int
tls_pair_check(struct slice chain_pem, struct slice key_pem, wall_us now,
    struct buf *chain_r, struct buf *key_r, struct tls_faults *faults)
{
	struct pair	p = { .now = now, .faults = faults };
	int		i;

	memset(faults, 0, sizeof(*faults));
	ERR_clear_error();
	chain_read(&p, chain_pem);
	key_read(&p, key_pem);
	for (i = 0; i < p.n; i++) {
		check_dates(&p, i);
		check_strength(&p, i);
		if (i + 1 < p.n)
			check_link(&p, i);
	}
	if (p.n > 0)
		check_leaf(&p);
	if (faults->n == 0 && write_out(&p, chain_r, key_r) == -1)
		fault(&p, false, "cannot be written again");
	for (i = 0; i < p.n; i++)
		X509_free(p.x[i]);
	EVP_PKEY_free(p.key);
	ERR_clear_error();
	return faults->n == 0 ? 0 : -1;
}
