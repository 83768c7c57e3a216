#ifndef REPORTER_SHOW_QUEUE_H
#define REPORTER_SHOW_QUEUE_H

#include "reporter/queue.h"
#include "reporter/show.h"

/* The queue for reading; that it cannot be opened ends the program. */
struct queue *show_queue_open(const struct show *s);

#endif
