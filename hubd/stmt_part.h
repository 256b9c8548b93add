/* stmt_part: the tables of hubd's families. For hubd/stmt*.c only. */
#ifndef MAST_STMT_PART_H
#define MAST_STMT_PART_H

#include "db.h"

extern const struct db_stmt stmt_queue[], stmt_record[];

#endif
