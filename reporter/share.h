#ifndef REPORTER_SHARE_H
#define REPORTER_SHARE_H

#include <stdint.h>

/*
 * n of total in tenths of a per cent, rounded down, but "all" (1000) and
 * "none" (0) only when it is all or none.
 */
unsigned share_tenths(uint64_t n, uint64_t total);

/* As text for people, "95.6 %"; "-" when there is nothing to share. */
#define SHARE_TEXT	sizeof("100.0 %")
char	*share_text(uint64_t n, uint64_t total, char buf[SHARE_TEXT]);

#endif
