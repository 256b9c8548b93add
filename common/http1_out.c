/* http1: the heads of responses. Pure but for the clock of Date. */
#include <string.h>
#include <time.h>

#include "http1.h"
#include "log.h"
#include "mono.h"
#include "xmalloc.h"

const char *
http1_reason(int status)
{
	static const struct {
		int		 status;
		const char	*reason;
	} reasons[] = {
		{ 100, "Continue" }, { 101, "Switching Protocols" },
		{ 200, "OK" }, { 201, "Created" }, { 202, "Accepted" },
		{ 204, "No Content" }, { 206, "Partial Content" },
		{ 301, "Moved Permanently" }, { 302, "Found" },
		{ 303, "See Other" }, { 304, "Not Modified" },
		{ 307, "Temporary Redirect" }, { 308, "Permanent Redirect" },
		{ 400, "Bad Request" }, { 401, "Unauthorized" },
		{ 403, "Forbidden" }, { 404, "Not Found" },
		{ 405, "Method Not Allowed" }, { 406, "Not Acceptable" },
		{ 408, "Request Timeout" }, { 409, "Conflict" },
		{ 410, "Gone" }, { 411, "Length Required" },
		{ 412, "Precondition Failed" }, { 413, "Content Too Large" },
		{ 414, "URI Too Long" }, { 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 426, "Upgrade Required" }, { 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" }, { 501, "Not Implemented" },
		{ 502, "Bad Gateway" }, { 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
	};
	size_t i;

	for (i = 0; i < nitems(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

/* RFC 9110 5.6.7, in no locale. */
static void
put_date(struct buf *b)
{
	static const char	days[] = "SunMonTueWedThuFriSat";
	static const char	months[] =
	    "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t			secs = (time_t)(wall_now() / 1000000);
	struct tm		tm;

	gmtime_r(&secs, &tm);
	buf_printf(b, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n",
	    days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
	    tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void
http1_put_status(struct buf *b, int status)
{
	buf_printf(b, "HTTP/1.1 %03d %s\r\n", status, http1_reason(status));
	put_date(b);
}

void
http1_put_field(struct buf *b, const char *name, const char *value)
{
	if (name[0] == '\0' || name[strcspn(name, " \t\r\n:")] != '\0' ||
	    value[strcspn(value, "\r\n")] != '\0')
		fatal("http1: response field %s is malformed", name);
	buf_puts(b, name);
	buf_puts(b, ": ");
	buf_puts(b, value);
	buf_puts(b, "\r\n");
}

void
http1_put_end(struct buf *b, int64_t length, bool keep_alive)
{
	if (length >= 0)
		buf_printf(b, "Content-Length: %lld\r\n", (long long)length);
	else if (length == -1)
		buf_puts(b, "Transfer-Encoding: chunked\r\n");
	if (!keep_alive)
		buf_puts(b, "Connection: close\r\n");
	buf_puts(b, "\r\n");
}
