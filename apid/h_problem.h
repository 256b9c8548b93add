/* h_problem: /problems/<slug>, where the type of a problem leads. */
#ifndef APID_H_PROBLEM_H
#define APID_H_PROBLEM_H

struct req;

void h_problem_list(struct req *);
void h_problem(struct req *);

#endif
