/*
 * tls: owns OpenSSL. A connection is an SSL over a BIO of our own, which
 * remembers that a read came back short: the socket is empty then, and the
 * read that OpenSSL would make only to hear EAGAIN is answered without a
 * system call. Certificates are at the end of the file.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "log.h"
#include "str.h"
#include "tls.h"
#include "xmalloc.h"

#define CIPHERS12 "ECDHE+AESGCM:ECDHE+CHACHA20"
#define GROUPS	"X25519:P-256"
#define DAYS	825	/* the longest life browsers accept */

struct tls_ctx {
	SSL_CTX		*ssl;
	BIO_METHOD	*method;
	unsigned	 refs;
	bool		 verify;
};

struct tls {
	SSL		*ssl;
	struct tls_ctx	*ctx;
	char		*error;		/* of the last failure */
	int		 fd;
	bool		 empty;		/* the socket had no more to read */
	bool		 shut;
};

/* ---- the BIO ---- */

static int
bio_read(BIO *bio, char *p, size_t n, size_t *n_r)
{
	struct tls	*t = BIO_get_data(bio);
	ssize_t		 r;

	BIO_clear_retry_flags(bio);
	*n_r = 0;
	if (t->empty) {
		BIO_set_retry_read(bio);
		errno = EAGAIN;
		return 0;
	}
	do
		r = recv(t->fd, p, n, 0);
	while (r == -1 && errno == EINTR);
	if (r > 0) {
		*n_r = (size_t)r;
		t->empty = (size_t)r < n;
		return 1;
	}
	if (r == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	else if (errno == EAGAIN)
		BIO_set_retry_read(bio);
	return 0;
}

static int
bio_write(BIO *bio, const char *p, size_t n, size_t *n_r)
{
	struct tls	*t = BIO_get_data(bio);
	ssize_t		 r;

	BIO_clear_retry_flags(bio);
	*n_r = 0;
	do
		r = send(t->fd, p, n, MSG_NOSIGNAL);
	while (r == -1 && errno == EINTR);
	if (r > 0) {
		*n_r = (size_t)r;
		return 1;
	}
	if (r == -1 && errno == EAGAIN)
		BIO_set_retry_write(bio);
	return 0;
}

static long
bio_ctrl(BIO *bio, int cmd, long larg, void *parg)
{
	switch (cmd) {
	case BIO_CTRL_FLUSH:
		return 1;
	case BIO_CTRL_EOF:
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	default:
		return 0;
	}
}

/* ---- contexts ---- */

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

/* Browsers offer "h2" as well; nodes offer nothing at all. */
static int
alpn_select(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned inlen, void *arg)
{
	static const unsigned char	 http11[] = "\x08http/1.1";
	unsigned char			*sel;

	if (SSL_select_next_proto(&sel, outlen, http11, sizeof(http11) - 1,
	    in, inlen) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*out = sel;
	return SSL_TLSEXT_ERR_OK;
}

static int
ctx_tune(SSL_CTX *ssl)
{
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS |
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION |
	    SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	    SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_read_ahead(ssl, 1);
	if (SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(ssl, CIPHERS12) != 1 ||
	    SSL_CTX_set1_groups_list(ssl, GROUPS) != 1)
		return -1;
	return 0;
}

static struct tls_ctx *
ctx_new(const SSL_METHOD *method, struct buf *err_r)
{
	struct tls_ctx *ctx = xcalloc(1, sizeof(*ctx));

	ERR_clear_error();
	ctx->refs = 1;
	ctx->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
	ctx->ssl = SSL_CTX_new(method);
	if (ctx->ssl == NULL || ctx->method == NULL ||
	    ctx_tune(ctx->ssl) == -1) {
		say(err_r, "cannot make a TLS context");
		tls_ctx_free(ctx);
		return NULL;
	}
	BIO_meth_set_read_ex(ctx->method, bio_read);
	BIO_meth_set_write_ex(ctx->method, bio_write);
	BIO_meth_set_ctrl(ctx->method, bio_ctrl);
	return ctx;
}

/* An encrypted key must not stop a daemon at a prompt. */
static int
no_password(char *buf, int size, int rwflag, void *arg)
{
	return -1;
}

static BIO *
pem_bio(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));

	if (bio == NULL)
		fatal("tls: out of memory");
	return bio;
}

static int
use_chain(SSL_CTX *ssl, const char *pem, struct buf *err_r)
{
	BIO	*bio = pem_bio(pem);
	X509	*x;
	int	 ok, n = 0;

	while ((x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		if (n++ == 0) {
			ok = SSL_CTX_use_certificate(ssl, x) == 1;
			X509_free(x);
		} else {	/* add0 takes it over */
			ok = SSL_CTX_add0_chain_cert(ssl, x) == 1;
			if (!ok)
				X509_free(x);
		}
		if (!ok) {
			BIO_free(bio);
			return say(err_r, "the certificate is not usable");
		}
	}
	BIO_free(bio);
	if (n == 0)
		return say(err_r, "the certificate file has no certificate");
	ERR_clear_error();	/* the end of the file */
	return 0;
}

static int
use_key(SSL_CTX *ssl, const char *pem, struct buf *err_r)
{
	BIO		*bio = pem_bio(pem);
	EVP_PKEY	*key;
	int		 ok;

	key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (key == NULL)
		return say(err_r, "the private key is not readable");
	ok = SSL_CTX_use_PrivateKey(ssl, key) == 1 &&
	    SSL_CTX_check_private_key(ssl) == 1;
	EVP_PKEY_free(key);
	if (!ok)
		return say(err_r,
		    "the private key does not belong to the certificate");
	return 0;
}

struct tls_ctx *
tls_ctx_server(const char *chain_pem, const char *key_pem, int tickets,
    struct buf *err_r)
{
	struct tls_ctx *ctx = ctx_new(TLS_server_method(), err_r);

	if (ctx == NULL)
		return NULL;
	if (use_chain(ctx->ssl, chain_pem, err_r) == -1 ||
	    use_key(ctx->ssl, key_pem, err_r) == -1) {
		tls_ctx_free(ctx);
		return NULL;
	}
	if (tickets <= 0)
		SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(ctx->ssl, tickets > 0 ? (size_t)tickets : 0);
	SSL_CTX_set_session_id_context(ctx->ssl,
	    (const unsigned char *)"mastkeeper", 10);
	SSL_CTX_set_alpn_select_cb(ctx->ssl, alpn_select, NULL);
	return ctx;
}

struct tls_ctx *
tls_ctx_client(const char *ca_pem, struct buf *err_r)
{
	struct tls_ctx	*ctx = ctx_new(TLS_client_method(), err_r);
	BIO		*bio;
	X509		*x;
	int		 n = 0;

	if (ctx == NULL || ca_pem == NULL)
		return ctx;
	bio = pem_bio(ca_pem);
	while ((x = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		n += X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx->ssl), x);
		X509_free(x);
	}
	BIO_free(bio);
	if (n == 0) {
		say(err_r, "the authority file has no certificate");
		tls_ctx_free(ctx);
		return NULL;
	}
	ERR_clear_error();
	ctx->verify = true;
	SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, NULL);
	return ctx;
}

void
tls_ctx_free(struct tls_ctx *ctx)
{
	if (ctx == NULL || --ctx->refs > 0)
		return;
	SSL_CTX_free(ctx->ssl);
	BIO_meth_free(ctx->method);
	free(ctx);
}

/* ---- connections ---- */

static struct tls *
tls_new(struct tls_ctx *ctx, int fd)
{
	struct tls	*t = xcalloc(1, sizeof(*t));
	BIO		*bio;

	t->ctx = ctx;
	t->fd = fd;
	t->ssl = SSL_new(ctx->ssl);
	bio = BIO_new(ctx->method);
	if (t->ssl == NULL || bio == NULL)
		fatal("tls: out of memory");
	ctx->refs++;
	BIO_set_data(bio, t);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	return t;
}

struct tls *
tls_accept(struct tls_ctx *ctx, int fd)
{
	struct tls *t = tls_new(ctx, fd);

	SSL_set_accept_state(t->ssl);
	return t;
}

struct tls *
tls_connect(struct tls_ctx *ctx, int fd, const char *name)
{
	struct tls	*t = tls_new(ctx, fd);
	uint8_t		 addr[16];
	bool		 ip;

	ip = inet_pton(AF_INET, name, addr) == 1 ||
	    inet_pton(AF_INET6, name, addr) == 1;
	if (!ip)
		SSL_set_tlsext_host_name(t->ssl, name);
	if (ctx->verify && ip)
		X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name);
	else if (ctx->verify)
		SSL_set1_host(t->ssl, name);
	SSL_set_connect_state(t->ssl);
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	tls_ctx_free(t->ctx);
	free(t->error);
	free(t);
}

static enum tls_io
fail(struct tls *t, int err, int why)
{
	const char	*text = NULL;
	unsigned long	 e = ERR_peek_last_error();

	if (why == SSL_ERROR_SYSCALL && err != 0) {
		text = strerror(err);
	} else if (e == 0 || why == SSL_ERROR_SYSCALL ||
	    ERR_GET_REASON(e) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		text = "connection cut without close_notify";
		err = ECONNRESET;
	} else {
		text = ERR_reason_error_string(e);
		err = EPROTO;
	}
	free(t->error);
	t->error = xstrdup(text != NULL ? text : "protocol error");
	ERR_clear_error();
	errno = err;
	return TLS_FAIL;
}

/* Turns the outcome of an SSL call into ours; ok is its return value. */
static enum tls_io
outcome(struct tls *t, int ok)
{
	int err = errno, why;

	if (ok == 1)
		return TLS_OK;
	why = SSL_get_error(t->ssl, ok);
	switch (why) {
	case SSL_ERROR_WANT_READ:
		t->empty = false;	/* the next turn asks the socket */
		return TLS_WANT_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANT_WRITE;
	case SSL_ERROR_ZERO_RETURN:
		return TLS_EOF;
	default:
		return fail(t, err, why);
	}
}

enum tls_io
tls_handshake(struct tls *t)
{
	ERR_clear_error();
	errno = 0;
	return outcome(t, SSL_do_handshake(t->ssl));
}

enum tls_io
tls_read(struct tls *t, void *p, size_t n, size_t *n_r)
{
	ERR_clear_error();
	errno = 0;
	return outcome(t, SSL_read_ex(t->ssl, p, n, n_r));
}

enum tls_io
tls_write(struct tls *t, const void *p, size_t n, size_t *n_r)
{
	ERR_clear_error();
	errno = 0;
	return outcome(t, SSL_write_ex(t->ssl, p, n, n_r));
}

void
tls_shutdown(struct tls *t)
{
	if (t->shut || !SSL_is_init_finished(t->ssl))
		return;
	t->shut = true;
	SSL_shutdown(t->ssl);
	ERR_clear_error();
}

bool
tls_pending(const struct tls *t)
{
	return SSL_has_pending(t->ssl) == 1;
}

const char *
tls_error(const struct tls *t)
{
	return t->error != NULL ? t->error : "";
}

void
tls_sha1(const void *p, size_t n, uint8_t out[20])
{
	if (EVP_Digest(p, n, out, NULL, EVP_sha1(), NULL) != 1)
		fatal("tls: no SHA-1");
}

/* ---- certificates ---- */

/* "DNS:a,IP:b" from "a,b"; the first name also goes to cn. */
static int
san_text(const char *names, struct buf *san, char *cn, size_t size,
    struct buf *err_r)
{
	struct slice	rest = slice_of(names), part;
	char		name[254];
	uint8_t		addr[16];
	bool		ip;
	size_t		i;

	cn[0] = '\0';
	while (slice_cut(&rest, ',', &part)) {
		part = slice_trim(part);
		if (part.n == 0)
			continue;
		for (i = 0; i < part.n && part.n < sizeof(name); i++)
			if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO"
			    "PQRSTUVWXYZ0123456789.:-_*", part.p[i]) == NULL)
				break;
		if (i != part.n) {
			buf_puts(err_r,
			    "a name must be a DNS name or an IP address");
			return -1;
		}
		memcpy(name, part.p, part.n);
		name[part.n] = '\0';
		ip = inet_pton(AF_INET, name, addr) == 1 ||
		    inet_pton(AF_INET6, name, addr) == 1;
		buf_printf(san, "%s%s:%s", buf_used(san) > 0 ? "," : "",
		    ip ? "IP" : "DNS", name);
		if (cn[0] == '\0')	/* X.520: a common name has 64 */
			str_copy(cn, size, name);
	}
	if (cn[0] == '\0') {
		buf_puts(err_r, "at least one name is needed");
		return -1;
	}
	return 0;
}

static bool
add_ext(X509 *x, int nid, const char *value)
{
	X509V3_CTX	 v3;
	X509_EXTENSION	*ext;
	bool		 ok;

	X509V3_set_ctx_nodb(&v3);
	X509V3_set_ctx(&v3, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &v3, nid, value);
	if (ext == NULL)
		return false;
	ok = X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

static bool
set_serial(X509 *x)
{
	uint64_t serial;

	if (RAND_bytes((unsigned char *)&serial, sizeof(serial)) != 1)
		return false;
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x),
	    (serial >> 1) | 1) == 1;
}

static bool
fill_cert(X509 *x, EVP_PKEY *key, const char *cn, const char *san)
{
	X509_NAME *name = X509_get_subject_name(x);

	return X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(x), DAYS, -3600, NULL) !=
	    NULL && X509_set_pubkey(x, key) == 1 &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)cn, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, name) == 1 &&
	    add_ext(x, NID_subject_key_identifier, "hash") &&
	    add_ext(x, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_ext(x, NID_key_usage, "critical,digitalSignature") &&
	    add_ext(x, NID_ext_key_usage, "serverAuth") &&
	    add_ext(x, NID_subject_alt_name, san) &&
	    X509_sign(x, key, EVP_sha256()) > 0;
}

static int
pem_out(BIO *bio, int ok, struct buf *out)
{
	char	*p;
	long	 n = BIO_get_mem_data(bio, &p);

	if (ok == 1 && n > 0)
		buf_put(out, p, (size_t)n);
	if (n > 0)
		OPENSSL_cleanse(p, (size_t)n);
	BIO_free(bio);
	return ok == 1 && n > 0 ? 0 : -1;
}

int
tls_selfsigned(const char *names, struct buf *cert_pem_r,
    struct buf *key_pem_r, struct buf *err_r)
{
	struct buf	 san = BUF_INIT;
	char		 cn[64];
	EVP_PKEY	*key;
	X509		*x;
	BIO		*bio;
	int		 r = -1;

	ERR_clear_error();
	if (san_text(names, &san, cn, sizeof(cn), err_r) == -1) {
		buf_free(&san);
		return -1;
	}
	key = EVP_EC_gen("P-256");
	x = X509_new();
	if (key == NULL || x == NULL ||
	    !fill_cert(x, key, cn, buf_cstr(&san))) {
		say(err_r, "cannot make a certificate");
		goto out;
	}
	bio = BIO_new(BIO_s_mem());
	if (pem_out(bio, PEM_write_bio_X509(bio, x), cert_pem_r) == -1) {
		say(err_r, "cannot write the certificate");
		goto out;
	}
	bio = BIO_new(BIO_s_mem());
	r = pem_out(bio, PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL,
	    0, NULL, NULL), key_pem_r);
	if (r == -1)
		say(err_r, "cannot write the key");
out:
	buf_free(&san);
	X509_free(x);
	EVP_PKEY_free(key);
	return r;
}
