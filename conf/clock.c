#include "conf/clock.h"

#include <time.h>

int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool
clock_is_due(int64_t *last, int64_t every)
{
	int64_t now = clock_ms();

	if (*last != 0 && now - *last < every)
		return false;
	*last = now;
	return true;
}
