#ifndef CONF_CLOCK_H
#define CONF_CLOCK_H

#include <stdint.h>

/* Milliseconds of a clock that nobody sets, for how long something takes. */
int64_t	clock_ms(void);

#endif
