/* reload: the configuration and the certificate files again. */
#include <string.h>

#include "apid.h"
#include "buf.h"
#include "certs.h"
#include "http.h"
#include "log.h"
#include "proc.h"
#include "reload.h"

/* Phase one: 0, or -1 with a sentence. */
static int
reload_read(struct apid *a, struct apid_conf *fresh, struct buf *why)
{
	const char *fault;

	if (conf_read_file(apid_conf_table(), fresh, a->start.file, why) ==
	    -1)
		return -1;
	if ((fault = apid_conf_fault(fresh)) != NULL)
		buf_puts(why, fault);
	else if (a->certs == NULL || certs_read_files(a->certs,
	    fresh->suite.tls_cert, fresh->suite.tls_key, why) == 0)
		return 0;
	conf_free(apid_conf_table(), fresh);
	return -1;
}

void
reload(struct apid *a)
{
	struct buf why = BUF_INIT;
	struct apid_conf fresh;

	memset(&fresh, 0, sizeof(fresh));
	if (reload_read(a, &fresh, &why) == -1) {
		log_event(LOG_RELOAD_REFUSED, "reload: refused, all stays as it was: %s",
		    buf_cstr(&why));
	} else {
		proc_reload(&a->start, apid_conf_table(), &a->conf, &fresh);
		http_settings(a->http);
		if (a->certs != NULL && certs_source(a->certs) ==
		    CERTS_UPLOADED)
			log_info("reload: the uploaded certificate stays in "
			    "use; the files are ready");
	}
	buf_free(&why);
}
