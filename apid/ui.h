/*
 * ui: files that apid/ui/embed.sh put into the binary: those of the page,
 * and the API's description as JSON.
 */
#ifndef APID_UI_H
#define APID_UI_H

#include <stddef.h>

struct ui_asset {
	const char		*name, *type;
	const unsigned char	*plain;
	size_t			 n;
	const unsigned char	*gz;	/* the same, compressed by gzip */
	size_t			 ngz;
	const unsigned char	*br;	/* and so, by Brotli */
	size_t			 nbr;
};

extern const struct ui_asset ui_assets[];
extern const size_t ui_nassets;
extern const char ui_build[];	/* changes with any of the files */

extern const struct ui_asset api_assets[];
extern const size_t api_nassets;
extern const char api_build[];

#endif
