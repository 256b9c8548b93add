/* h_page: what lies in the binary: the page, its files, the description. */
#ifndef APID_H_PAGE_H
#define APID_H_PAGE_H

struct req;

void h_page(struct req *);	/* GET / */
void h_page_asset(struct req *);	/* GET /assets/BUILD/NAME */
void h_page_openapi(struct req *);	/* GET /api/v1/openapi.json */

#endif
