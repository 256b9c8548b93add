/* h_page: what lies in the binary: the page, its files, the description. */
#ifndef APID_H_PAGE_H
#define APID_H_PAGE_H

struct req;

void h_page(struct req *);	/* GET / and /login */
void h_page_setup(struct req *);	/* GET /setup: a file of its own */
void h_page_guarded(struct req *);	/* 307 to /login without a session */
void h_page_node(struct req *);		/* GET /nodes/ID/TAB */
void h_page_admin(struct req *);	/* GET /admin/PAGE */
void h_page_ai(struct req *);		/* GET /ai/PAGE */
void h_page_asset(struct req *);	/* GET /assets/BUILD/NAME */
void h_page_openapi(struct req *);	/* GET /api/v1/openapi.json */

#endif
