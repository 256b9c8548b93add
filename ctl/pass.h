/* pass: passwords of people, read without echo or made. */
#ifndef MAST_CTL_PASS_H
#define MAST_CTL_PASS_H

#include "ctl.h"

#define PASS_SIZE 160

/*
 * One line of standard input; from a terminal asked twice, without echo.
 * CTL_OK, or the exit code after saying why: the policy of valid.h holds.
 * The caller wipes out.
 */
int pass_read(const struct ctl *, char out[PASS_SIZE]);
/* 20 characters of 57, about 116 bits, that satisfy the policy. */
void pass_make(char out[PASS_SIZE]);

#endif
