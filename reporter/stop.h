#ifndef REPORTER_STOP_H
#define REPORTER_STOP_H

#include <stdbool.h>

/*
 * The wish that this process ends: begin nothing that takes long any more.
 * What may take long asks for it at least twice a second (STOP_POLL_MS).
 */
#define STOP_POLL_MS	500

void	stop_request(void);	/* from a signal handler, too */
bool	stop_requested(void);

#endif
