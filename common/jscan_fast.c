/*
 * jscan_fast: the quick yes of jscan, for compact ASCII texts as nodes send
 * them. 64 bytes at a time (AVX2): each byte gets a class, pairs of classes
 * are checked by table, and sets of positions settle what pairs cannot say.
 * Only brackets are looked at one by one. White space, escapes, exponents
 * and other bytes than ASCII are "don't know". It must never accept what
 * the plain way refuses.
 *
 * Blocks overlap by two bytes, so that no set has to be carried over to
 * look one or two bytes back; three runs are carried on.
 */
#include <string.h>

#include "jscan.h"

#if defined(__SSE2__) && defined(__x86_64__)
#include <immintrin.h>

#define UNLIKELY(x)	__builtin_expect(!!(x), 0)
#define FAST		__attribute__((target("avx2,bmi,bmi2,pclmul")))
#define FAST_INLINE	FAST static inline __attribute__((always_inline))

#define FAST512		__attribute__((target("avx2,bmi,bmi2,pclmul,"	\
	"avx512f,avx512bw,avx512vbmi")))
#define FAST512_INLINE	FAST512 static inline __attribute__((always_inline))

#define STRIDE		62	/* bytes of a block that are new */

enum class {			/* of a byte: one bit or none */
	QUOTE = 0x01, SEP = 0x02, OPEN = 0x04, CLOSE = 0x08,
	DIGIT = 0x10, MINUS = 0x20, DOT = 0x40, LETTER = 0x80
};

/* Both halves of a table, one for each lane. */
#define TABLE(...)	_mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* Positions in a block: bit i is byte i. */
struct marks {
	uint64_t quote, comma, colon, open, close, dot, letter;
	uint64_t curly;		/* which of open and close are { and } */
	uint64_t pair;		/* bytes that may not follow the one before */
	uint64_t foul;		/* what only the plain way judges */
};

struct verdict {
	uint64_t bad;		/* wrong anywhere */
	uint64_t bad_object;	/* wrong where an object is the innermost */
	uint64_t bad_array;
	uint64_t words;		/* first letters of what should be a name */
};

struct nest {
	uint64_t stack;		/* 1, then a bit per level: is an object */
	uint64_t deepest;	/* all stacks there were, or'ed */
	uint64_t unpaired;	/* 1: a '{' met a ']' or the reverse */
	uint64_t done;		/* positions of the block, from 0 on */
};

/* What goes on from one block into the next. */
struct carry {
	uint64_t string;	/* all ones inside a string */
	uint64_t key;		/* 1 inside a string that may be a key */
	uint64_t dot;		/* 1 inside a number, behind its point */
};

FAST_INLINE uint64_t
bits(__m256i a, __m256i b)
{
	return (uint32_t)_mm256_movemask_epi8(a) |
	    (uint64_t)(uint32_t)_mm256_movemask_epi8(b) << 32;
}

/*
 * The class of each byte, as the common bit of two tables over its halves.
 * A colon shares its class with the comma, which no such tables can say.
 * Letters are those of true, false, null, and some more.
 */
FAST_INLINE __m256i
classes(__m256i v, __m256i colon)
{
	const __m256i low = TABLE(DIGIT, DIGIT | (char)LETTER,
	    QUOTE | DIGIT | (char)LETTER, DIGIT | (char)LETTER,
	    DIGIT | (char)LETTER, DIGIT | (char)LETTER,
	    DIGIT | (char)LETTER, DIGIT, DIGIT, DIGIT, 0, OPEN,
	    SEP | (char)LETTER, MINUS | CLOSE, DOT | (char)LETTER, 0);
	const __m256i high = TABLE(0, 0, QUOTE | SEP | MINUS | DOT, DIGIT, 0,
	    OPEN | CLOSE, (char)LETTER, OPEN | CLOSE | (char)LETTER, 0, 0,
	    0, 0, 0, 0, 0, 0);
	__m256i top = _mm256_and_si256(_mm256_srli_epi16(v, 4),
	    _mm256_set1_epi8(0x0f));

	/* an index from 0x80 on gives 0 */
	return _mm256_blendv_epi8(_mm256_and_si256(
	    _mm256_shuffle_epi8(low, v), _mm256_shuffle_epi8(high, top)),
	    _mm256_set1_epi8(SEP), colon);
}

/* The classes that may follow each of the given ones, outside strings. */
FAST_INLINE __m256i
followers(__m256i c)
{
	const char value = QUOTE | OPEN | DIGIT | MINUS | (char)LETTER;
	const char end = SEP | CLOSE;
	const __m256i low = TABLE(0, end, value, 0, value | CLOSE, 0, 0, 0,
	    end, 0, 0, 0, 0, 0, 0, 0);
	const __m256i high = TABLE(0, DIGIT | DOT | end, DIGIT, 0, DIGIT, 0,
	    0, 0, (char)LETTER | end, 0, 0, 0, 0, 0, 0, 0);

	return _mm256_or_si256(_mm256_shuffle_epi8(low, c),
	    _mm256_shuffle_epi8(high, _mm256_and_si256(
	    _mm256_srli_epi16(c, 4), _mm256_set1_epi8(0x0f))));
}

/* v moved one byte up; the last byte of before (a whole lane) enters. */
#define MOVED(v, before)	_mm256_alignr_epi8((v),			\
	_mm256_permute2x128_si256((before), (v), 0x21), 15)

/* A 0 that begins a number: no digit may follow. */
FAST_INLINE __m256i
leading(__m256i v, __m256i before)
{
	__m256i begins = _mm256_and_si256(before,
	    _mm256_set1_epi8(SEP | OPEN | MINUS));

	return _mm256_andnot_si256(_mm256_cmpeq_epi8(begins,
	    _mm256_setzero_si256()), _mm256_cmpeq_epi8(v,
	    _mm256_set1_epi8('0')));
}

/* All ones where a byte may not follow the one before it. */
FAST_INLINE __m256i
wrong(__m256i c, __m256i before, __m256i zero_before)
{
	__m256i may = _mm256_andnot_si256(_mm256_and_si256(zero_before,
	    _mm256_set1_epi8(DIGIT)), followers(before));

	return _mm256_cmpeq_epi8(_mm256_and_si256(c, may),
	    _mm256_setzero_si256());
}

FAST_INLINE void
pairs(__m256i a, __m256i b, __m256i colon_a, __m256i colon_b,
    struct marks *m)
{
	const __m256i none = _mm256_setzero_si256();
	__m256i ca = classes(a, colon_a), cb = classes(b, colon_b);
	__m256i pa = MOVED(ca, none), pb = MOVED(cb, ca);
	__m256i za = leading(a, pa), zb = leading(b, pb);

	m->letter = bits(ca, cb);	/* the sign bit */
	m->pair = bits(wrong(ca, pa, MOVED(za, none)),
	    wrong(cb, pb, MOVED(zb, za)));
}

FAST_INLINE uint64_t
equal(__m256i a, __m256i b, char c)
{
	__m256i v = _mm256_set1_epi8(c);

	return bits(_mm256_cmpeq_epi8(a, v), _mm256_cmpeq_epi8(b, v));
}

FAST_INLINE void
look(const char *p, struct marks *m)
{
	const __m256i low = _mm256_set1_epi8(0x20);
	const __m256i slash = _mm256_set1_epi8('\\');
	const __m256i colon = _mm256_set1_epi8(':');
	__m256i a = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i b = _mm256_loadu_si256((const __m256i *)(const void *)
	    (p + 32));
	__m256i la = _mm256_cmpeq_epi8(a, colon);
	__m256i lb = _mm256_cmpeq_epi8(b, colon);
	__m256i fa, fb;

	m->quote = equal(a, b, '"');
	m->comma = equal(a, b, ',');
	m->colon = bits(la, lb);
	m->dot = equal(a, b, '.');
	/* signed: bytes from 0x80 on are below 0x20, too */
	fa = _mm256_or_si256(_mm256_cmpgt_epi8(low, a),
	    _mm256_cmpeq_epi8(a, slash));
	fb = _mm256_or_si256(_mm256_cmpgt_epi8(low, b),
	    _mm256_cmpeq_epi8(b, slash));
	m->foul = 0;
	if (UNLIKELY(_mm256_movemask_epi8(_mm256_or_si256(fa, fb)) != 0))
		m->foul = bits(fa, fb);
	pairs(a, b, la, lb, m);
	/* '[' and ']' are '{' and '}' without bit 5; nothing else is */
	m->curly = bits(_mm256_slli_epi16(a, 2), _mm256_slli_epi16(b, 2));
	a = _mm256_or_si256(a, low);
	b = _mm256_or_si256(b, low);
	m->open = equal(a, b, '{');
	m->close = equal(a, b, '}');
}

/*
 * The same with AVX-512 and its look-ups of 128 bytes: the class of a byte
 * and what may follow it are one look-up each, and comparisons give masks.
 * Bytes from 0x80 on look up something; they are foul.
 */
FAST512_INLINE __m512i
table512(const uint8_t t[128], __m512i v)
{
	return _mm512_permutex2var_epi8(_mm512_loadu_si512(t), v,
	    _mm512_loadu_si512(t + 64));
}

/* By byte: its class, a colon's being the comma's. */
static const uint8_t class_of[128] = {
	['"'] = QUOTE, [','] = SEP, [':'] = SEP, ['['] = OPEN, ['{'] = OPEN,
	[']'] = CLOSE, ['}'] = CLOSE, ['-'] = MINUS, ['.'] = DOT,
	['0'] = DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT, DIGIT,
	DIGIT, DIGIT,
	['a'] = LETTER, ['e'] = LETTER, LETTER, ['l'] = LETTER,
	['n'] = LETTER, ['r'] = LETTER, LETTER, LETTER, LETTER,
};

#define VALUE	(QUOTE | OPEN | DIGIT | MINUS | LETTER)
#define END	(SEP | CLOSE)

/* By byte: the classes that may follow it, outside strings. */
static const uint8_t follows[128] = {
	['"'] = END, [','] = VALUE, [':'] = VALUE, ['['] = VALUE | CLOSE,
	['{'] = VALUE | CLOSE, [']'] = END, ['}'] = END, ['-'] = DIGIT,
	['.'] = DIGIT,
#define AFTER_DIGIT (DIGIT | DOT | END)
	['0'] = AFTER_DIGIT, AFTER_DIGIT, AFTER_DIGIT, AFTER_DIGIT,
	AFTER_DIGIT, AFTER_DIGIT, AFTER_DIGIT, AFTER_DIGIT, AFTER_DIGIT,
	AFTER_DIGIT,
#define AFTER_LETTER (LETTER | END)
	['a'] = AFTER_LETTER, ['e'] = AFTER_LETTER, AFTER_LETTER,
	['l'] = AFTER_LETTER, ['n'] = AFTER_LETTER, ['r'] = AFTER_LETTER,
	AFTER_LETTER, AFTER_LETTER, AFTER_LETTER,
};

/* v moved one byte up; a 0 enters. */
FAST512_INLINE __m512i
moved512(__m512i v)
{
	__m512i before = _mm512_alignr_epi32(v, _mm512_setzero_si512(), 12);

	/* each lane's bytes behind the last one of the lane before it */
	before = _mm512_shuffle_i64x2(before, before, 0xe4);
	return _mm512_alignr_epi8(v, before, 15);
}

#define EQUAL512(v, c)	_mm512_cmpeq_epi8_mask((v), _mm512_set1_epi8(c))
#define CLASS512(v, c)	_mm512_test_epi8_mask((v), _mm512_set1_epi8((char)(c)))

FAST512_INLINE void
look512(const char *p, struct marks *m)
{
	__m512i v = _mm512_loadu_si512(p);
	__m512i c = table512(class_of, v);
	uint64_t zero;

	m->quote = EQUAL512(v, '"');
	m->comma = EQUAL512(v, ',');
	m->colon = EQUAL512(v, ':');
	m->dot = EQUAL512(v, '.');
	m->foul = _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8(0x20)) |
	    EQUAL512(v, '\\');
	m->letter = _mm512_movepi8_mask(c);
	/* a 0 that begins a number: no digit may follow */
	zero = EQUAL512(v, '0') & CLASS512(c, SEP | OPEN | MINUS) << 1;
	m->pair = _mm512_testn_epi8_mask(c, moved512(table512(follows, v))) |
	    (CLASS512(c, DIGIT) & zero << 1);
	m->open = CLASS512(c, OPEN);
	/* Not by one port of the processor alone: bits moved to the sign. */
	m->close = _mm512_movepi8_mask(_mm512_slli_epi16(c, 4));
	m->curly = _mm512_movepi8_mask(_mm512_slli_epi16(v, 2));
}

/*
 * runs + start + carry: a bit added where a run of ones begins goes through
 * to the position behind it. *carry is what the addition carries into the
 * byte that the next block begins with.
 */
FAST_INLINE uint64_t
run(uint64_t runs, uint64_t start, uint64_t *carry)
{
	uint64_t sum = runs + start + *carry;

	*carry = (sum ^ runs ^ start) >> STRIDE & 1;
	return sum;
}

/*
 * The rules, each violation at the later of the bytes concerned. Leaves in
 * m what is outside strings.
 */
FAST_INLINE void
judge(struct marks *m, struct verdict *v, struct carry *c)
{
	uint64_t string, opening, start, marks, bad, keys, begin;

	/* each byte's parity of the quotes up to it */
	string = (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(
	    _mm_cvtsi64_si128((long long)m->quote), _mm_set1_epi8(-1), 0)) ^
	    c->string;
	c->string = (uint64_t)((int64_t)(string << (64 - STRIDE)) >> 63);
	opening = m->quote & string;
	/* the text of strings and the quotes that end them may be any */
	bad = m->pair & ~(string ^ m->quote);
	m->comma &= ~string;
	m->colon &= ~string;
	m->open &= ~string;
	m->close &= ~string;
	m->dot &= ~string;
	m->letter &= ~string;
	start = m->comma | m->open;
	marks = start | m->colon | m->close;
	v->words = m->letter & ~(m->letter << 1);
	/* two points and no mark between them */
	bad |= m->dot & run(~marks, m->dot, &c->dot);
	/* a colon follows a string that follows a comma or bracket */
	begin = opening & start << 1;
	keys = (run(string, begin, &c->key) & ~string) << 1;
	/* the next block does not see what its first byte follows */
	c->key |= begin >> STRIDE & 1;
	bad |= m->colon & ~keys;
	/* behind a '{': a key or '}' */
	bad |= (m->open & m->curly) << 1 & ~(opening | m->close);
	v->bad = bad;
	/* in an object each comma has its key and each such string a colon */
	v->bad_object = (m->comma << 1 & ~opening) | (keys & ~m->colon);
	v->bad_array = m->colon;
}

/* Where the commas of the outermost level are wanted. */
struct seen {
	struct jscan_spots	*spots;
	const char		*block;
};

FAST_INLINE void
note(struct seen *s, uint64_t commas)
{
	struct jscan_spots *spots = s->spots;

	for (; commas != 0; commas &= commas - 1) {
		if (spots->n < spots->max)
			spots->at[spots->n] = s->block +
			    __builtin_ctzll(commas);
		spots->n++;
	}
}

/* One bracket, the lowest of left; what lies up to it belongs to the level
 * before it. */
FAST_INLINE uint64_t
step(const struct marks *m, struct verdict *v, uint64_t left,
    struct nest *n, struct seen *s)
{
	uint64_t upto = left ^ (left - 1);
	unsigned i = (unsigned)_tzcnt_u64(left);
	uint64_t opens = m->open >> i & 1, closes = m->close >> i & 1;
	uint64_t curly = m->curly >> i & 1;

	v->bad |= (n->stack & 1 ? v->bad_object : v->bad_array) & upto &
	    ~n->done;
	if (s != NULL && n->stack < 4)
		note(s, m->comma & upto & ~n->done);
	n->unpaired |= closes & (curly ^ n->stack);
	n->stack = (n->stack << opens | (curly & opens)) >> closes;
	n->deepest |= n->stack;
	n->done = upto;
	return left & (left - 1);
}

/*
 * Brackets among the positions of mask, in order. Gives the bits up to the
 * bracket that closes the whole, or 0; what is wrong is added to v->bad.
 */
FAST_INLINE uint64_t
brackets(struct marks *m, struct verdict *v, uint64_t mask, struct nest *n,
    struct seen *s)
{
	uint64_t left;

	m->open &= mask;
	m->close &= mask;
	left = m->open | m->close;
	n->done = ~mask;
	while (left != 0) {
		left = step(m, v, left, n, s);
		if (UNLIKELY(n->stack == 1))
			return n->done;
	}
	v->bad |= (n->stack & 1 ? v->bad_object : v->bad_array) & ~n->done;
	if (s != NULL && n->stack < 4)
		note(s, m->comma & ~n->done);
	return 0;
}

/* Is each word a literal name with a separator behind it? */
static bool
names(const char *p, const char *end, uint64_t words)
{
	const char *q;
	size_t n;

	for (; words != 0; words &= words - 1) {
		q = p + __builtin_ctzll(words);
		n = *q == 'f' ? 5 : 4;
		if ((size_t)(end - q) <= n)
			return false;
		if (memcmp(q, "true", 4) != 0 && memcmp(q, "null", 4) != 0 &&
		    (n == 4 || memcmp(q, "false", 5) != 0))
			return false;
		if (q[n] != ',' && q[n] != '}' && q[n] != ']')
			return false;
	}
	return true;
}

typedef void (*look_fn)(const char *, struct marks *);

FAST_INLINE const char *
walk(const char *p, const char *end, unsigned room, look_fn look_at,
    struct seen *s)
{
	struct nest n = { .stack = 2 | (*p == '{') };
	struct carry c = { 0 };
	struct verdict v;
	struct marks m;
	uint64_t mask = ~UINT64_C(1), last;
	char tail[64];
	const char *at;

	for (; p < end; p += STRIDE) {
		at = p;
		if (UNLIKELY(end - p < 64)) {
			memset(tail, ' ', sizeof(tail));
			memcpy(tail, p, (size_t)(end - p));
			at = tail;
		}
		look_at(at, &m);
		judge(&m, &v, &c);
		if (s != NULL)
			s->block = p;
		last = brackets(&m, &v, mask, &n, s);
		if (last != 0)
			mask &= last;
		if (UNLIKELY((((v.bad | m.foul) & mask) | n.unpaired) != 0))
			return NULL;
		if ((v.words & mask) != 0 && !names(p, end, v.words & mask))
			return NULL;
		if (UNLIKELY(n.deepest >> (room + 1) != 0))
			return NULL;
		if (last != 0)
			return p + 64 - __builtin_clzll(last);
		mask = ~UINT64_C(3);
	}
	return NULL;
}

FAST static const char *
walk256(const char *p, const char *end, unsigned room)
{
	return walk(p, end, room, look, NULL);
}

FAST512 static const char *
walk512(const char *p, const char *end, unsigned room)
{
	return walk(p, end, room, look512, NULL);
}

FAST static const char *
spots256(const char *p, const char *end, unsigned room,
    struct jscan_spots *spots)
{
	struct seen s = { .spots = spots };

	return walk(p, end, room, look, &s);
}

FAST512 static const char *
spots512(const char *p, const char *end, unsigned room,
    struct jscan_spots *spots)
{
	struct seen s = { .spots = spots };

	return walk(p, end, room, look512, &s);
}

static int
best_way(void)
{
	if (!__builtin_cpu_supports("avx2") ||
	    !__builtin_cpu_supports("bmi2") ||
	    !__builtin_cpu_supports("pclmul"))
		return 0;
	return __builtin_cpu_supports("avx512vbmi") &&
	    __builtin_cpu_supports("avx512bw") ? JSCAN_AVX512 : JSCAN_AVX2;
}

/* The stack has room for a sentinel and 62 levels. */
#define ROOM(room)	((room) < 62 ? (room) : 62)

static inline const char *
fast_by(int way, const char *p, const char *end, unsigned room,
    struct jscan_spots *spots)
{
	if (room == 0 || way == 0)
		return NULL;
	if (spots == NULL)
		return way == JSCAN_AVX512 ? walk512(p, end, ROOM(room)) :
		    walk256(p, end, ROOM(room));
	p = way == JSCAN_AVX512 ? spots512(p, end, ROOM(room), spots) :
	    spots256(p, end, ROOM(room), spots);
	/* one place is kept for the end */
	return spots->n < spots->max ? p : NULL;
}

const char *
jscan_fast(const char *p, const char *end, unsigned room)
{
	return fast_by(best_way(), p, end, room, NULL);
}

const char *
jscan_fast_spots(const char *p, const char *end, unsigned room,
    struct jscan_spots *spots)
{
	return fast_by(best_way(), p, end, room, spots);
}

const char *
jscan_fast_by(int way, const char *p, const char *end, unsigned room,
    struct jscan_spots *spots)
{
	return way > best_way() ? NULL : fast_by(way, p, end, room, spots);
}
#else
const char *
jscan_fast(const char *p, const char *end, unsigned room)
{
	return NULL;
}

const char *
jscan_fast_spots(const char *p, const char *end, unsigned room,
    struct jscan_spots *spots)
{
	return NULL;
}

const char *
jscan_fast_by(int way, const char *p, const char *end, unsigned room,
    struct jscan_spots *spots)
{
	return NULL;
}
#endif
