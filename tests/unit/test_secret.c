/* secret: keys, hashes, sealing, password hashes, and what they refuse. */
#include <sys/stat.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"
#include "xmalloc.h"

static const uint8_t raw1[SECRET_KEY] = { 1, 2, 3 };
static const uint8_t raw2[SECRET_KEY] = { 1, 2, 4 };

static struct slice
hex(struct buf *b)
{
	return (struct slice){ (const char *)buf_head(b), buf_used(b) };
}

/* A key file of n bytes and that mode: does it load? */
static const struct {
	size_t	n;
	mode_t	mode;
	bool	ok;
} files[] = {
	{ 32, 0400, true }, { 32, 0600, true }, { 32, 0440, true },
	{ 32, 0444, false }, { 32, 0404, false }, { 32, 0460, false },
	{ 32, 0602, false }, { 32, 0666, false },
	{ 31, 0400, false }, { 33, 0400, false }, { 0, 0400, false },
	{ 64, 0400, true }, { 96, 0400, true }, { 128, 0440, true },
	{ 63, 0400, false }, { 65, 0400, false }, { 160, 0400, false },
};

START_TEST(key_file)
{
	char			 dir[] = "/tmp/tk-XXXXXX", path[64];
	uint8_t			 bytes[160] = { 9, 8, 7 };
	struct buf		 err = BUF_INIT;
	struct secret_key	*key;
	int			 fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/k", dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, bytes, files[_i].n), files[_i].n);
	ck_assert_int_eq(fchmod(fd, files[_i].mode), 0);
	close(fd);
	key = secret_key_load(path, &err);
	ck_assert_msg((key != NULL) == files[_i].ok, "%s", buf_cstr(&err));
	if (key == NULL)
		ck_assert_ptr_nonnull(strstr(buf_cstr(&err), path));
	secret_key_free(key);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_ptr_null(secret_key_load(path, &err));
	ck_assert_ptr_null(secret_key_load(dir, &err));
	ck_assert_int_eq(rmdir(dir), 0);
	buf_free(&err);
}
END_TEST

START_TEST(key_create)
{
	char			 dir[] = "/tmp/tk-XXXXXX", path[64];
	struct buf		 err = BUF_INIT;
	struct secret_key	*key;
	struct stat		 st;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/k", dir);
	ck_assert_int_eq(secret_key_create(path), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0400);
	ck_assert_int_eq(st.st_size, 32);
	ck_assert_int_eq(secret_key_create(path), -1);	/* never replaced */
	ck_assert_int_eq(errno, EEXIST);
	key = secret_key_load(path, &err);
	ck_assert_ptr_nonnull(key);
	secret_key_free(key);
	unlink(path);
	rmdir(dir);
	ck_assert_int_eq(secret_key_create(path), -1);
	buf_free(&err);
}
END_TEST

/* ---- a key that changes ---- */

static size_t
file_size(const char *path, uint8_t bytes[4 * SECRET_KEY])
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, bytes, 4 * SECRET_KEY);

	close(fd);
	return n < 0 ? 0 : (size_t)n;
}

/* Opens what the key at that path seals: before is by one key, after by the
 * other, and only the last step takes the first away. */
static const struct {
	enum secret_turn	what;
	size_t			count;
	bool			by_new;	/* seals */
	bool			opens_old;
} turns[] = {
	{ SECRET_USE, 1, false, true },		/* nothing waits */
	{ SECRET_RETIRE, 1, false, true },
	{ SECRET_ACCEPT, 4, false, true },
	{ SECRET_ACCEPT, 4, false, true },	/* once is enough */
	{ SECRET_RETIRE, 4, false, true },
	{ SECRET_USE, 3, true, true },
	{ SECRET_USE, 3, true, true },
	{ SECRET_ACCEPT, 3, true, true },	/* first end this one */
	{ SECRET_RETIRE, 2, true, true },	/* the first hashes, too */
	{ SECRET_ACCEPT, 4, true, true },
	{ SECRET_USE, 3, true, true },
	{ SECRET_RETIRE, 2, true, true },
};

START_TEST(key_turn)
{
	char dir[] = "/tmp/tk-XXXXXX", path[64];
	uint8_t first[4 * SECRET_KEY], now[4 * SECRET_KEY], h0[32], h1[32];
	struct buf err = BUF_INIT, old = BUF_INIT, out = BUF_INIT;
	struct secret_key *key;
	struct stat st;
	size_t i;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/k", dir);
	ck_assert_int_eq(secret_key_create(path), 0);
	ck_assert_int_eq(chmod(path, 0440), 0);
	ck_assert_uint_eq(file_size(path, first), SECRET_KEY);
	key = secret_key_load(path, &err);
	secret_hash(key, "node", "x", 1, h0);
	secret_seal(key, "config", "text", 4, SLICE("ad"), &old);
	secret_key_free(key);
	for (i = 0; i < nitems(turns); i++) {
		ck_assert_int_eq(secret_key_turn(path, turns[i].what, &err),
		    0);
		key = secret_key_load(path, &err);
		ck_assert_ptr_nonnull(key);
		ck_assert_uint_eq(secret_key_count(key), turns[i].count);
		ck_assert_uint_eq(file_size(path, now),
		    turns[i].count * SECRET_KEY);
		ck_assert((memcmp(now, first, SECRET_KEY) != 0) ==
		    turns[i].by_new);
		secret_hash(key, "node", "x", 1, h1);
		ck_assert_mem_eq(h0, h1, sizeof(h0));
		buf_clear(&out);
		ck_assert((secret_open(key, "config", buf_head(&old),
		    buf_used(&old), SLICE("ad"), &out) == 0) ==
		    turns[i].opens_old);
		buf_clear(&out);
		ck_assert_int_eq(secret_reseal(key, "config", buf_head(&old),
		    buf_used(&old), SLICE("ad"), &out), turns[i].by_new);
		ck_assert((buf_used(&out) > 0) == turns[i].by_new);
		secret_key_free(key);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 07777, 0440);
	}
	unlink(path);
	ck_assert_int_eq(secret_key_turn(path, SECRET_ACCEPT, &err), -1);
	rmdir(dir);
	buf_free(&err);
	buf_free(&old);
	buf_free(&out);
}
END_TEST

/* The key of before opens nothing that was sealed since; what was between
 * the newest and the first opens nothing once it is retired. */
START_TEST(key_retired)
{
	char dir[] = "/tmp/tk-XXXXXX", path[64];
	struct buf err = BUF_INIT, second = BUF_INIT, out = BUF_INIT;
	uint8_t first[4 * SECRET_KEY];
	struct secret_key *key;
	int i;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/k", dir);
	ck_assert_int_eq(secret_key_create(path), 0);
	ck_assert_uint_eq(file_size(path, first), SECRET_KEY);
	for (i = 0; i < 2; i++) {
		secret_key_turn(path, SECRET_ACCEPT, &err);
		secret_key_turn(path, SECRET_USE, &err);
		key = secret_key_load(path, &err);
		if (i == 0)
			secret_seal(key, "config", "text", 4, SLICE("ad"),
			    &second);
		secret_key_free(key);
		secret_key_turn(path, SECRET_RETIRE, &err);
	}
	ck_assert_uint_eq(buf_used(&err), 0);
	key = secret_key_load(path, &err);
	ck_assert_int_eq(secret_open(key, "config", buf_head(&second),
	    buf_used(&second), SLICE("ad"), &out), -1);
	ck_assert_int_eq(secret_reseal(key, "config", buf_head(&second),
	    buf_used(&second), SLICE("ad"), &out), -1);
	secret_key_free(key);
	key = secret_key_from(first);
	ck_assert_int_eq(secret_open(key, "config", buf_head(&second),
	    buf_used(&second), SLICE("ad"), &out), -1);
	secret_key_free(key);
	unlink(path);
	rmdir(dir);
	buf_free(&err);
	buf_free(&second);
	buf_free(&out);
}
END_TEST

/* A hash depends on key, purpose and bytes, and on nothing else. */
static const struct {
	const uint8_t	*key;
	const char	*purpose, *text;
	bool		 same;	/* as the first */
} hashes[] = {
	{ raw1, "session", "abc", true }, { raw1, "session", "abc", true },
	{ raw2, "session", "abc", false }, { raw1, "node", "abc", false },
	{ raw1, "sessio", "nabc", false }, { raw1, "session", "abd", false },
	{ raw1, "session", "", false }, { raw1, "", "abc", false },
};

START_TEST(hash)
{
	struct secret_key	*key;
	uint8_t			 first[SECRET_HASH], got[SECRET_HASH];

	key = secret_key_from(raw1);
	secret_hash(key, "session", "abc", 3, first);
	secret_key_free(key);
	key = secret_key_from(hashes[_i].key);
	secret_hash(key, hashes[_i].purpose, hashes[_i].text,
	    strlen(hashes[_i].text), got);
	secret_key_free(key);
	ck_assert(secret_equal(first, got, sizeof(got)) == hashes[_i].same);
}
END_TEST

START_TEST(digest)
{
	uint8_t	d[SECRET_HASH];
	char	text[2 * SECRET_HASH + 1];

	secret_digest("abc", 3, d);	/* b2sum -l 256 */
	str_hex(text, d, sizeof(d));
	ck_assert_str_eq(text, "bddd813c634239723171ef3fee98579b"
	    "94964e3bb1cb3e427262c8c068d52319");
	secret_digest(NULL, 0, d);
	str_hex(text, d, sizeof(d));
	ck_assert_str_eq(text, "0e5751c026e543b2e8ab2eb06099daa1"
	    "d1e5df47778f7787faab45cdf12fe3a8");
}
END_TEST

static const char *const texts[] = { "", "x", "secret action" };

START_TEST(seal)
{
	struct secret_key	*key = secret_key_from(raw1);
	struct secret_key	*other = secret_key_from(raw2);
	struct slice		 text = slice_of(texts[_i]), ad = SLICE("id");
	struct buf		 a = BUF_INIT, b = BUF_INIT, out = BUF_INIT;
	size_t			 i;

	secret_seal(key, "command", text.p, text.n, ad, &a);
	secret_seal(key, "command", text.p, text.n, ad, &b);
	ck_assert_uint_eq(buf_used(&a), text.n + 41);
	ck_assert(!slice_same(hex(&a), hex(&b)));	/* fresh nonce */
	buf_puts(&out, "kept");
	ck_assert_int_eq(secret_open(key, "command", buf_head(&a),
	    buf_used(&a), ad, &out), 0);
	ck_assert(slice_same((struct slice){ (char *)buf_head(&out) + 4,
	    buf_used(&out) - 4 }, text));
	buf_clear(&out);
	ck_assert_int_eq(secret_open(other, "command", buf_head(&a),
	    buf_used(&a), ad, &out), -1);
	ck_assert_int_eq(secret_open(key, "config", buf_head(&a),
	    buf_used(&a), ad, &out), -1);
	ck_assert_int_eq(secret_open(key, "command", buf_head(&a),
	    buf_used(&a), SLICE("ie"), &out), -1);
	ck_assert_int_eq(secret_open(key, "command", buf_head(&a),
	    buf_used(&a), SLICE(""), &out), -1);
	for (i = 0; i < buf_used(&a); i++) {	/* cut or changed anywhere */
		ck_assert_int_eq(secret_open(key, "command", buf_head(&a), i,
		    ad, &out), -1);
		buf_head(&a)[i] ^= 0x10;
		ck_assert_int_eq(secret_open(key, "command", buf_head(&a),
		    buf_used(&a), ad, &out), -1);
		buf_head(&a)[i] ^= 0x10;
	}
	ck_assert_uint_eq(buf_used(&out), 0);
	buf_free(&a);
	buf_free(&b);
	buf_free(&out);
	secret_key_free(key);
	secret_key_free(other);
}
END_TEST

START_TEST(box)
{
	struct secret_key	*key = secret_key_from(raw1);
	struct secret_key	*other = secret_key_from(raw2);
	struct slice		 text = slice_of(texts[_i]);
	struct buf		 a = BUF_INIT, out = BUF_INIT;
	uint8_t			 pub[SECRET_KEY];
	size_t			 i;

	secret_box_public(key, pub);
	secret_box_seal(pub, text.p, text.n, &a);
	ck_assert_int_eq(secret_box_open(key, buf_head(&a), buf_used(&a),
	    &out), 0);
	ck_assert(slice_same(hex(&out), text));
	buf_clear(&out);
	ck_assert_int_eq(secret_box_open(other, buf_head(&a), buf_used(&a),
	    &out), -1);
	for (i = 0; i < buf_used(&a); i++)
		ck_assert_int_eq(secret_box_open(key, buf_head(&a), i, &out),
		    -1);
	buf_head(&a)[buf_used(&a) - 1] ^= 1;
	ck_assert_int_eq(secret_box_open(key, buf_head(&a), buf_used(&a),
	    &out), -1);
	ck_assert_uint_eq(buf_used(&out), 0);
	buf_free(&a);
	buf_free(&out);
	secret_key_free(key);
	secret_key_free(other);
}
END_TEST

START_TEST(password)
{
	char		 phc[SECRET_PWHASH], again[SECRET_PWHASH];
	struct slice	 good = SLICE("Correct1horse");

	ck_assert_int_eq(secret_pwhash(phc, good), 0);
	ck_assert_int_eq(secret_pwhash(again, good), 0);
	ck_assert_str_ne(phc, again);	/* salted */
	ck_assert_int_eq(strncmp(phc, "$argon2id$v=19$m=19456,t=2,p=1$", 31),
	    0);
	ck_assert_int_eq(strncmp(secret_pwdummy(), phc, 31), 0);
	ck_assert_uint_eq(strlen(secret_pwdummy()), strlen(phc));
	ck_assert(secret_pwverify(phc, good));
	ck_assert(secret_pwverify(again, good));
	ck_assert(!secret_pwverify(phc, SLICE("Correct1hors")));
	ck_assert(!secret_pwverify(phc, SLICE("")));
	ck_assert(!secret_pwverify(secret_pwdummy(), good));
	ck_assert(!secret_pwverify("", good));
	ck_assert(!secret_pwverify("$argon2id$v=19$m=19456,t=2,p=1$x", good));
}
END_TEST

START_TEST(small)
{
	uint8_t a[64] = { 0 }, b[64] = { 0 };

	secret_random(a, sizeof(a));
	secret_random(b, sizeof(b));
	ck_assert(!secret_equal(a, b, sizeof(a)));
	memcpy(b, a, sizeof(a));
	ck_assert(secret_equal(a, b, sizeof(a)));
	b[63] ^= 1;
	ck_assert(!secret_equal(a, b, sizeof(a)));
	ck_assert(secret_equal(a, b, 63));
	secret_wipe(a, sizeof(a));
	memset(b, 0, sizeof(b));
	ck_assert(secret_equal(a, b, sizeof(a)));
}
END_TEST

int
main(void)
{
	Suite	*s = suite_create("secret");
	TCase	*t = tcase_create("secret");
	SRunner	*sr;
	int	 failed;

	if (secret_init() == -1 || secret_init() == -1)
		return 1;
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, key_file, 0, nitems(files));
	tcase_add_test(t, key_create);
	tcase_add_test(t, key_turn);
	tcase_add_test(t, key_retired);
	tcase_add_loop_test(t, hash, 0, nitems(hashes));
	tcase_add_test(t, digest);
	tcase_add_loop_test(t, seal, 0, nitems(texts));
	tcase_add_loop_test(t, box, 0, nitems(texts));
	tcase_add_test(t, password);
	tcase_add_test(t, small);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, getenv("CK_TAP_LOG_FILE_NAME") != NULL ?
	    CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
