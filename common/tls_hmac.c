/* tls: keyed hashes of OpenSSL that a protocol prescribes. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "log.h"
#include "tls.h"

void
tls_hmac_sha1(const void *key, size_t nkey, const void *p, size_t n,
    uint8_t out[20])
{
	unsigned len = 20;

	if (HMAC(EVP_sha1(), key, (int)nkey, p, n, out, &len) == NULL ||
	    len != 20)
		fatal("tls: no HMAC-SHA-1");
}
