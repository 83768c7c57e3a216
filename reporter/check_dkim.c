#include "reporter/check_dkim.h"

#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/dkim.h"
#include "reporter/ownkey.h"

static const enum finding_id kinds[] = {
	[OWNKEY_GOOD] = F_DKIM_FOUND,
	[OWNKEY_NO_ANSWER] = F_DKIM_NO_ANSWER,
	[OWNKEY_WRONG] = F_DKIM_WRONG,
};

/* One key at a time, so that each has a verdict of its own. */
static enum ownkey
judge_key(struct findings *f, const struct conf *c, const struct dkim *d)
{
	char *text, *line, *next;
	size_t len;
	FILE *out = xmemstream(&text, &len);
	enum ownkey verdict = ownkey_check(c, d, out);

	xmemclose(out);
	for (line = text; (next = strchr(line, '\n')) != NULL;
	    line = next + 1) {
		*next = '\0';
		findings_add(f, kinds[verdict], NULL, "%s", line);
	}
	free(text);
	return verdict;
}

static enum ownkey
look_at(struct findings *f, const struct conf *c,
    const struct dkim_config *config)
{
	enum ownkey verdict = OWNKEY_WRONG;
	struct dkim *d;
	char *why;

	if ((d = dkim_new(config, &why)) == NULL) {
		findings_add(f, F_DKIM_NO_KEY, NULL,
		    "the key cannot be used: %s", why);
		free(why);
	} else {
		verdict = judge_key(f, c, d);
	}
	dkim_free(d);
	return verdict;
}

void
check_dkim(struct findings *f, const struct conf *c)
{
	static const char *const verdicts[] = {
		[OWNKEY_GOOD] = "reports are signed with what is published",
		[OWNKEY_NO_ANSWER] = "not known",
		[OWNKEY_WRONG] = "receivers must ignore our mails",
	};
	const struct dkim_config keys[] = {
		{ .domain = c->dkim.domain, .selector = c->dkim.selector,
		    .key_file = c->dkim.key_file },
		{ .domain = c->dkim.domain,
		    .ed25519_selector = c->dkim.ed25519_selector,
		    .ed25519_key_file = c->dkim.ed25519_key_file },
	};
	enum ownkey worst = OWNKEY_GOOD, verdict;
	bool any = false;

	if (c->dkim.signer == SIGNER_SMARTHOST)
		return;
	for (size_t i = 0; i < 2; i++) {
		if (keys[i].key_file == NULL &&
		    keys[i].ed25519_key_file == NULL)
			continue;
		any = true;
		verdict = look_at(f, c, &keys[i]);
		worst = verdict > worst ? verdict : worst;
	}
	if (any)
		findings_verdict(f, AREA_DKIM, "%s", verdicts[worst]);
}
