#ifndef REPORTER_SMTP_JUDGE_H
#define REPORTER_SMTP_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* libesmtp has a struct of this name, too; nobody looks into it. */
#define smtp_message esmtp_message
#include <libesmtp.h>
#undef smtp_message

#include "reporter/smtp.h"
#include "reporter/smtp_tls.h"
#include "reporter/smtp_watch.h"

/*
 * What the replies in a session with libesmtp mean for its messages; for
 * smtp.c, which holds the session.
 */

/* A message on its way, as libesmtp's callbacks see it. */
struct smtp_feed {
	struct smtp_watch *watch;
	struct smtp_message *message;
	smtp_message_t esmtp;
	smtp_recipient_t recipient;
	size_t given;
	int64_t started, last;	/* 0: not yet */
	bool whole;
};

struct smtp_talk {
	const struct smtp_config *config;
	enum smtp_tls tls;
	struct smtp_peer peer;
	bool connected, encrypted;
	long certificate;	/* X509_V_… */
	struct smtp_watch watch;
	struct smtp_feed *feeds;
	size_t n, judged;	/* …of them, so many have their results */
};

/*
 * Set the result of this message, and whether it was answered, by the replies
 * so far: the first command that was not accepted decides.
 */
void	smtp_judge(const struct smtp_feed *f, const struct smtp_talk *s);
/* None of them was an answer to it. */
void	smtp_unanswered(const struct smtp_feed *f, const struct smtp_talk *s);

/* The index of the message whose reply came last. */
size_t	smtp_last_begun(const struct smtp_feed *feeds, size_t n);

#endif
