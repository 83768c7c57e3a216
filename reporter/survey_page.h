#ifndef REPORTER_SURVEY_PAGE_H
#define REPORTER_SURVEY_PAGE_H

#include <stdint.h>
#include <stdio.h>

#include "reporter/survey.h"

/*
 * A survey as one HTML page.  Every failing domain has a row in the table;
 * each has a section of its own as long as the page stays below
 * SURVEY_PAGE_SOFT bytes with all that is known of it, and below
 * SURVEY_PAGE_MAX in short.
 */
#define SURVEY_PAGE_SOFT	6000000
#define SURVEY_PAGE_MAX		7600000

void	survey_page(FILE *f, const struct survey *s, int64_t now);

#endif
