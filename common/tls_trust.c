/* tls_trust: see tls_trust.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls_trust.h"
#include "xmalloc.h"

struct tls_trust {
	X509_STORE	*store;
	size_t		 n;
};

/* Where distributions keep them. */
static const char *const places[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/ssl/ca-bundle.pem",
	"/etc/ssl/cert.pem",
};

static void
read_all(struct tls_trust *t, BIO *bio)
{
	X509 *x;

	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		if (X509_STORE_add_cert(t->store, x) == 1)
			t->n++;
		X509_free(x);
	}
	ERR_clear_error();	/* the end of the file is one */
}

struct tls_trust *
tls_trust_load(const char *file, struct buf *err_r)
{
	struct tls_trust *t = xcalloc(1, sizeof(*t));
	BIO *bio = NULL;
	size_t i;

	if ((t->store = X509_STORE_new()) == NULL)
		abort();
	for (i = 0; file == NULL && i < nitems(places); i++)
		if (access(places[i], R_OK) == 0)
			file = places[i];
	if (file == NULL)
		buf_puts(err_r, "no root certificates are installed: "
		    "install ca-certificates, or set ca_file");
	else if ((bio = BIO_new_file(file, "r")) == NULL)
		buf_printf(err_r, "cannot read the certificates in %s", file);
	else
		read_all(t, bio);
	BIO_free(bio);
	ERR_clear_error();
	if (t->n > 0)
		return t;
	if (bio != NULL)
		buf_printf(err_r, "%s holds no certificate", file);
	tls_trust_free(t);
	return NULL;
}

void
tls_trust_free(struct tls_trust *t)
{
	if (t == NULL)
		return;
	X509_STORE_free(t->store);
	free(t);
}

size_t
tls_trust_count(const struct tls_trust *t)
{
	return t->n;
}

void
tls_trust_use(const struct tls_trust *t, void *ssl_ctx)
{
	SSL_CTX_set1_cert_store(ssl_ctx, t->store);
#ifdef SSL_OP_CLEANSE_PLAINTEXT
	/* What was read does not stay in a buffer until the next record. */
	SSL_CTX_set_options(ssl_ctx, SSL_OP_CLEANSE_PLAINTEXT);
#endif
}
