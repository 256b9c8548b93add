/* out: prints query results as tables or JSON. */
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "json.h"
#include "out.h"

#define COLS_MAX 16

void
out_json(struct buf *b)
{
	puts(buf_cstr(b));
	buf_free(b);
}

static void
write_value(struct json_w *w, const struct db_result *res, int row, int col,
    enum out_type type)
{
	if (db_isnull(res, row, col)) {
		json_w_null(w);
		return;
	}
	switch (type) {
	case OUT__UNSET:
	case OUT_TEXT:
		json_w_slice(w, db_get(res, row, col));
		break;
	case OUT_INT:
		json_w_i64(w, db_i64(res, row, col));
		break;
	case OUT_BOOL:
		json_w_bool(w, db_bool(res, row, col));
		break;
	case OUT_JSON:
		json_w_raw(w, db_get(res, row, col));
		break;
	}
}

static void
write_object(struct json_w *w, const struct db_result *res, int row,
    const struct out_col *cols, size_t ncols)
{
	size_t c;

	json_w_object(w);
	for (c = 0; c < ncols; c++) {
		json_w_key(w, cols[c].name);
		write_value(w, res, row, (int)c, cols[c].type);
	}
	json_w_end_object(w);
}

/* How a person reads it. */
static const char *
shown(const struct db_result *res, int row, int col, enum out_type type)
{
	if (db_isnull(res, row, col))
		return "-";
	if (type == OUT_BOOL)
		return db_bool(res, row, col) ? "yes" : "no";
	return db_cstr(res, row, col);
}

static void
table(const struct db_result *res, const struct out_col *cols, size_t ncols)
{
	size_t width[COLS_MAX] = { 0 }, c, n;
	int row, rows = db_rows(res);

	for (c = 0; c < ncols; c++) {
		if (cols[c].head == NULL)
			continue;
		width[c] = strlen(cols[c].head);
		for (row = 0; row < rows; row++) {
			n = strlen(shown(res, row, (int)c, cols[c].type));
			if (n > width[c])
				width[c] = n;
		}
	}
	for (row = -1; row < rows; row++) {
		for (c = 0; c < ncols; c++)
			if (cols[c].head != NULL)
				printf("%-*s  ", (int)width[c], row == -1 ?
				    cols[c].head :
				    shown(res, row, (int)c, cols[c].type));
		putchar('\n');
	}
}

void
out_rows(const struct ctl *ctl, const struct db_result *res,
    const struct out_col *cols, size_t ncols)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	int row;

	if (ncols > COLS_MAX)
		ncols = COLS_MAX;
	if (!ctl->json) {
		table(res, cols, ncols);
		return;
	}
	json_w_init(&w, &b);
	json_w_array(&w);
	for (row = 0; row < db_rows(res); row++)
		write_object(&w, res, row, cols, ncols);
	json_w_end_array(&w);
	out_json(&b);
}

void
out_record(const struct ctl *ctl, const struct db_result *res,
    const struct out_col *cols, size_t ncols)
{
	struct buf b = BUF_INIT;
	struct json_w w;
	size_t c;

	if (ctl->json) {
		json_w_init(&w, &b);
		write_object(&w, res, 0, cols, ncols);
		out_json(&b);
		return;
	}
	for (c = 0; c < ncols; c++)
		printf("%-18s %s\n", cols[c].name,
		    shown(res, 0, (int)c, cols[c].type));
}
