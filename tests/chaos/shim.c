/*
 * shim: two faults of a machine for the processes of one chaos run, by
 * LD_PRELOAD: its clock is wrong, its disk is full. The machine itself is not
 * touched. What is wrong now stands in a file that $MAST_CHAOS_FAULTS names,
 * mapped at the start, so that the driver changes it while they run and no
 * fence is in the way.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct faults {
	int64_t	 clock_ns;	/* added to CLOCK_REALTIME */
	int64_t	 full;		/* no file grows */
};

static const struct faults none;
static const volatile struct faults *faults = &none;

__attribute__((constructor)) static void
shim_map(void)
{
	const char *path = getenv("MAST_CHAOS_FAULTS");
	void *p;
	int fd;

	if (path == NULL || (fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	p = mmap(NULL, sizeof(*faults), PROT_READ, MAP_SHARED, fd, 0);
	if (p != MAP_FAILED)
		faults = p;
	close(fd);
}

/* The next definition of a name; looked up once, the same for everybody. */
#define NEXT(ret, name, ...)						\
	static ret (*next)(__VA_ARGS__);				\
	if (next == NULL)						\
		next = (ret (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

/* ---- the clock ---- */

static void
shift(struct timespec *ts)
{
	int64_t ns = ts->tv_nsec + faults->clock_ns % 1000000000;

	ts->tv_sec += faults->clock_ns / 1000000000;
	if (ns < 0 || ns >= 1000000000) {
		ts->tv_sec += ns < 0 ? -1 : 1;
		ns += ns < 0 ? 1000000000 : -1000000000;
	}
	ts->tv_nsec = (long)ns;
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int rc;

	NEXT(int, "clock_gettime", clockid_t, struct timespec *);
	rc = next(clock, ts);
	if (rc == 0 && (clock == CLOCK_REALTIME ||
	    clock == CLOCK_REALTIME_COARSE))
		shift(ts);
	return rc;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
	struct timespec ts;

	(void)tz;
	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return -1;
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

time_t
time(time_t *t)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts) == -1)
		return (time_t)-1;
	if (t != NULL)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

/* ---- the disk ---- */

/* Would this write make a regular file longer? A log on descriptor 2 may. */
static int
grows(int fd, off_t at, size_t n)
{
	struct stat st;

	if (!faults->full || fd == STDERR_FILENO || fd == STDOUT_FILENO ||
	    fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return 0;
	if (at == -1 && (at = lseek(fd, 0, SEEK_CUR)) == -1)
		return 0;
	return at + (off_t)n > st.st_size;
}

static size_t
total(const struct iovec *iov, int n)
{
	size_t all = 0;

	while (n-- > 0)
		all += iov[n].iov_len;
	return all;
}

static int
full(void)
{
	errno = ENOSPC;
	return -1;
}

ssize_t
write(int fd, const void *p, size_t n)
{
	NEXT(ssize_t, "write", int, const void *, size_t);
	return grows(fd, -1, n) ? full() : next(fd, p, n);
}

ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	NEXT(ssize_t, "writev", int, const struct iovec *, int);
	return grows(fd, -1, total(iov, n)) ? full() : next(fd, iov, n);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	NEXT(ssize_t, "pwrite", int, const void *, size_t, off_t);
	return grows(fd, at, n) ? full() : next(fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	NEXT(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
	return grows(fd, at, n) ? full() : next(fd, p, n, at);
}

ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	NEXT(ssize_t, "pwritev", int, const struct iovec *, int, off_t);
	return grows(fd, at, total(iov, n)) ? full() : next(fd, iov, n, at);
}

ssize_t
pwritev64(int fd, const struct iovec *iov, int n, off64_t at)
{
	NEXT(ssize_t, "pwritev64", int, const struct iovec *, int, off64_t);
	return grows(fd, at, total(iov, n)) ? full() : next(fd, iov, n, at);
}

int
posix_fallocate(int fd, off_t at, off_t n)
{
	NEXT(int, "posix_fallocate", int, off_t, off_t);
	return grows(fd, at, (size_t)n) ? ENOSPC : next(fd, at, n);
}

int
posix_fallocate64(int fd, off64_t at, off64_t n)
{
	NEXT(int, "posix_fallocate64", int, off64_t, off64_t);
	return grows(fd, at, (size_t)n) ? ENOSPC : next(fd, at, n);
}
