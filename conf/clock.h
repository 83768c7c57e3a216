#ifndef CONF_CLOCK_H
#define CONF_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Milliseconds of a clock that nobody sets, for how long something takes. */
int64_t	clock_ms(void);

/*
 * For what is said, or tried, once in so many ms however often it happens: true
 * when *last, 0 for never, is as long ago as that, and *last is now then.
 */
bool	clock_is_due(int64_t *last, int64_t every);

#endif
