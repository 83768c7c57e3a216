#ifndef REPORTER_PAGE_H
#define REPORTER_PAGE_H

#include <stdio.h>

/*
 * An HTML page that stands for itself: its style and its script are in it,
 * its policy (Content-Security-Policy) names them by their hash and allows
 * nothing else, so that even text that slipped through unescaped could load
 * and run nothing.
 */
void	page_begin(FILE *f, const char *title);
void	page_end(FILE *f);

/*
 * A stranger's text as HTML, for elements and attributes in quotes: what
 * means something to HTML is escaped; controls and what changes the direction
 * of writing come out as U+FFFD.  NULL is "-".
 */
void	page_text(FILE *f, const char *text);

#endif
