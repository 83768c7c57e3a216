#include "reporter/stop.h"

#include <signal.h>

static volatile sig_atomic_t stopped;

void
stop_request(void)
{
	stopped = 1;
}

bool
stop_requested(void)
{
	return stopped != 0;
}
