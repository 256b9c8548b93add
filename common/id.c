/* id: UUIDs as 16 bytes in network order. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "id.h"
#include "log.h"
#include "mono.h"

static void
random_bytes(void *p, size_t n)
{
	if (getentropy(p, n) == -1)
		fatal("id: getentropy: %s", strerror(errno));
}

static void
set_version(struct id *id, unsigned version)
{
	id->b[6] = (uint8_t)((id->b[6] & 0x0f) | version << 4);
	id->b[8] = (uint8_t)((id->b[8] & 0x3f) | 0x80);
}

/*
 * RFC 9562 5.7 and 6.2 method 3: milliseconds, then the fraction of the
 * millisecond in 12 bits, so that ids of one process sort as they were made.
 */
void
id_new(struct id *id_r)
{
	wall_us		now = wall_now();
	uint64_t	ms = (uint64_t)(now / 1000);
	unsigned	frac = (unsigned)(now % 1000) * 4096 / 1000;
	int		i;

	random_bytes(id_r->b + 8, 8);
	for (i = 0; i < 6; i++)
		id_r->b[i] = (uint8_t)(ms >> (8 * (5 - i)));
	id_r->b[6] = (uint8_t)(frac >> 8);
	id_r->b[7] = (uint8_t)frac;
	set_version(id_r, 7);
}

void
id_random(struct id *id_r)
{
	random_bytes(id_r->b, sizeof(id_r->b));
	set_version(id_r, 4);
}

int
id_parse(struct id *id_r, struct slice s)
{
	static const uint8_t group[] = { 8, 4, 4, 4, 12 };
	struct id	id;
	struct slice	part;
	size_t		i, at = 0;

	if (s.n != ID_TEXT - 1)
		return -1;
	for (i = 0; i < sizeof(group); i++) {
		if (i != 0) {
			if (s.p[0] != '-')
				return -1;
			s.p++;
		}
		part = (struct slice){ s.p, group[i] };
		if (str_unhex(id.b + at, part, group[i] / 2) == -1)
			return -1;
		at += group[i] / 2;
		s.p += group[i];
	}
	*id_r = id;
	return 0;
}

void
id_text(const struct id *id, char dst[ID_TEXT])
{
	static const uint8_t group[] = { 4, 2, 2, 2, 6 };
	size_t i, at = 0;

	for (i = 0; i < sizeof(group); i++) {
		if (i != 0)
			*dst++ = '-';
		str_hex(dst, id->b + at, group[i]);
		at += group[i];
		dst += 2 * group[i];
	}
}

bool
id_eq(const struct id *a, const struct id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

bool
id_zero(const struct id *id)
{
	static const struct id zero;

	return id_eq(id, &zero);
}

/* Two rounds of the 64-bit finaliser of MurmurHash3, keyed by the seed. */
uint64_t
id_hash(const struct id *id, uint64_t seed)
{
	uint64_t w[2], h = seed ^ 0x9e3779b97f4a7c15;
	int i;

	memcpy(w, id->b, sizeof(w));
	for (i = 0; i < 2; i++) {
		h ^= w[i];
		h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
		h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
		h ^= h >> 33;
	}
	return h;
}
