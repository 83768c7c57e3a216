#ifndef REPORTER_CHECK_DKIM_H
#define REPORTER_CHECK_DKIM_H

#include "conf/conf.h"
#include "reporter/findings.h"

/*
 * Does DNS publish the DKIM keys that this configuration signs reports with?
 * Says nothing where there are none, as where the smarthost signs.
 */
void	check_dkim(struct findings *f, const struct conf *c);

#endif
