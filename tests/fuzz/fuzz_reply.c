#include <sys/socket.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/clock.h"
#include "reporter/starttls_session.h"
#include "tests/fuzz/fuzz.h"

#define TIMEOUT	10	/* seconds: never to be reached */

static void
check_text(const char *text, size_t size)
{
	demand(memchr(text, '\0', size) != NULL);
	for (; *text != '\0'; text++)
		demand(*text >= ' ' && *text < 0x7f);
}

static void
read_replies(struct session *x)
{
	int code;

	while ((code = session_reply(x, "EHLO")) != -1) {
		demand(code >= 0 && code <= 999 && code == x->s->code);
		demand(x->s->why == NULL && x->nin <= sizeof(x->in));
		check_text(x->s->reply, sizeof(x->s->reply));
	}
	demand(x->s->why != NULL && !x->s->late);
	check_text(x->s->why, strlen(x->s->why) + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct starttls_config c = { .timeout = TIMEOUT };
	struct starttls s = { .why = NULL };
	struct session x = { .s = &s, .c = &c,
	    .deadline = clock_ms() + TIMEOUT * 1000 };
	int pair[2];

	demand(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
	/* What does not fit is as good as not sent. */
	demand(size == 0 || send(pair[1], data, size, MSG_NOSIGNAL) > 0);
	close(pair[1]);
	x.fd = pair[0];
	read_replies(&x);
	close(pair[0]);
	starttls_release(&s);
	return 0;
}
