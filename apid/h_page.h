/* h_page: the page and its files. */
#ifndef APID_H_PAGE_H
#define APID_H_PAGE_H

struct req;

void h_page(struct req *);	/* GET / */
void h_page_asset(struct req *);	/* GET /assets/BUILD/NAME */

#endif
