/*
 * The connections of a check: all of them at once, as far as PARALLEL goes,
 * so that one silent host costs its timeout only once.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/check.h"

#define PARALLEL	48	/* connections at a time */

enum kind { PROBE_POLICY, PROBE_PLACE, PROBE_SMTP };

struct probe {
	enum kind kind;
	struct check *check;
	struct check_place *place;
	struct check_host *host;
	size_t address;
};

struct probes {
	const struct check_config *config;
	size_t n, room;
	struct probe *list;
	atomic_size_t next;
	sem_t done;		/* posted for each */
};

static void
add(struct probes *p, struct probe probe)
{
	if (p->n == p->room) {
		p->room = p->room == 0 ? 64 : 2 * p->room;
		p->list = xreallocarray(p->list, p->room, sizeof(*p->list));
	}
	p->list[p->n++] = probe;
}

/* A datagram socket's connect sends nothing, but wants a route. */
static bool
has_route(const char *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 9 };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = 9 };
	bool is6 = strchr(address, ':') != NULL;
	int rc, fd = socket(is6 ? AF_INET6 : AF_INET,
	    SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return false;
	if (is6) {
		inet_pton(AF_INET6, address, &in6.sin6_addr);
		rc = connect(fd, (struct sockaddr *)&in6, sizeof(in6));
	} else {
		inet_pton(AF_INET, address, &in.sin_addr);
		rc = connect(fd, (struct sockaddr *)&in, sizeof(in));
	}
	close(fd);
	return rc == 0;
}

static void
add_domain(struct probes *p, struct check *c)
{
	if (c->has_sts && c->policy_host.naddresses > 0)
		add(p, (struct probe){ .kind = PROBE_POLICY, .check = c });
	for (size_t i = 0; i < c->nplaces; i++)
		if (c->places[i].rua->scheme == RUA_HTTPS &&
		    c->places[i].host.naddresses > 0)
			add(p, (struct probe){ .kind = PROBE_PLACE,
			    .check = c, .place = &c->places[i] });
	for (size_t i = 0; i < c->nhosts; i++)
		for (size_t k = 0; k < c->hosts[i].naddresses; k++)
			if (has_route(c->hosts[i].addresses[k]))
				add(p, (struct probe){ .kind = PROBE_SMTP,
				    .check = c, .host = &c->hosts[i],
				    .address = k });
}

static void
run(const struct probe *p, const struct check_config *config)
{
	struct check *c = p->check;

	switch (p->kind) {
	case PROBE_POLICY:
		fetch_policy(&c->fetch, &config->https, c->domain,
		    c->policy_host.addresses, c->policy_host.naddresses);
		c->fetched = true;
		break;
	case PROBE_PLACE:
		fetch_hello(&p->place->hello, &config->https,
		    p->place->host.name, (unsigned)rua_port(p->place->rua),
		    p->place->host.addresses, p->place->host.naddresses);
		p->place->probed = true;
		break;
	case PROBE_SMTP:
		starttls_probe(&p->host->probes[p->address], &config->smtp,
		    p->host->name, p->host->addresses[p->address]);
		p->host->probed[p->address] = true;
		break;
	}
}

static void *
worker(void *arg)
{
	struct probes *p = arg;
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->n) {
		run(&p->list[i], p->config);
		sem_post(&p->done);
	}
	return NULL;
}

/* As many threads as there is work for, or as the system gives us. */
static void
run_all(struct probes *p, const char *what)
{
	pthread_t threads[PARALLEL];
	size_t n = 0, done = 0;

	while (n < PARALLEL && n < p->n &&
	    pthread_create(&threads[n], NULL, worker, p) == 0)
		n++;
	if (n == 0)
		worker(p);
	while (done < p->n) {
		log_progress("%s: %zu of %zu connections", what, done, p->n);
		done += sem_wait(&p->done) == 0;
	}
	while (n-- > 0)
		pthread_join(threads[n], NULL);
}

void
check_probe(struct check *list, size_t n, const struct check_config *config,
    const char *what)
{
	struct probes p = { .config = config };

	for (size_t i = 0; i < n; i++)
		add_domain(&p, &list[i]);
	if (sem_init(&p.done, 0, 0) == -1)
		fatal("sem_init: %m");
	run_all(&p, what);
	sem_destroy(&p.done);
	free(p.list);
}
