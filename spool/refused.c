#include "spool/refused.h"

#include "conf/clock.h"
#include "conf/log.h"
#include "spool/record.h"

#define TELL_MS		60000	/* between two words about it */

void
refused_add(struct refused *r, const struct spool *s, int day,
    const char *origin, const struct ring_entry *e)
{
	const char *line = ring_payload(e);

	if (e->position < r->done)
		return;
	r->done = e->position + 1;
	if (r->open && r->rejects.day != day)
		refused_end(r);
	if (!r->open)
		rejects_init(&r->rejects, s, day);
	r->open = true;
	rejects_add(&r->rejects, e->arrival, origin, line, e->len, 1,
	    record_refuse(line, e->len));
}

void
refused_end(struct refused *r)
{
	if (!r->open)
		return;
	if (rejects_sync(&r->rejects) == -1 && clock_is_due(&r->told, TELL_MS))
		log_warn("%s/rejected: %m; what was rejected is not kept",
		    r->rejects.spool->path);
	rejects_release(&r->rejects);
	r->open = false;
}
