/* h_session: open sessions, one's own and those of others. */
#ifndef APID_H_SESSION_H
#define APID_H_SESSION_H

struct req;

void h_session_list(struct req *);	/* GET    /auth/sessions */
void h_session_end(struct req *);	/* DELETE /auth/sessions/:id */
void h_session_end_others(struct req *); /* DELETE /auth/sessions */
void h_session_user_list(struct req *);	/* GET    /users/:id/sessions */
void h_session_user_end(struct req *);	/* DELETE /users/:id/sessions/:s */
void h_session_user_end_all(struct req *); /* DELETE /users/:id/sessions */

#endif
