#ifndef REPORTER_RETRY_H
#define REPORTER_RETRY_H

#include <stdint.h>

/*
 * When to try: pure arithmetic, no clock, no state.  All in seconds.
 */
struct retry_config {
	long spread, retry_min, retry_max, give_up_after;
};

/*
 * First try of a delivery made at `made`: spread over the window by a hash of
 * (report id, destination), so that the world's reports do not all arrive at
 * midnight and a repeat comes out the same.  made <= result < made + spread
 * (or made, when spread is 0).
 */
int64_t	retry_first(const struct retry_config *c, int64_t made,
	    const char *report_id, const char *uri);

/*
 * Next try after a failure at `now` of a delivery first tried at `first`, or
 * INT64_MAX when it is to be given up: the wait grows with the age (RFC 8460
 * section 5.5: exponential back-off), between retry_min and retry_max, with a
 * jitter of up to an eighth taken from (report id, destination, tries).
 * retry_after (-1: none) lengthens the wait, to at most retry_max.  tries
 * counts the one that failed.  The last try is at first + give_up_after and
 * never later.  Where the clock reads earlier than first, tries stands in for
 * the age, so that a clock that was set back does not keep a delivery for
 * ever.  0 < retry_min <= retry_max.
 */
int64_t	retry_next(const struct retry_config *c, int64_t first, int64_t now,
	    unsigned tries, long retry_after, const char *report_id,
	    const char *uri);

#endif
