#ifndef TESTS_REPORTER_TLS_PEER_H
#define TESTS_REPORTER_TLS_PEER_H

#include <sys/prctl.h>
#include <sys/wait.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "conf/mem.h"
#include "tests/reporter/certs.h"

/*
 * tls_peer.py and its certificates, for a group of tests: host.test is the
 * name in the good one.  To be included after cmocka.h.
 */
#define PEER_HOST	"host.test"
#define PEERS_MAX	100

static struct {
	char dir[64];
	pid_t pid;
	unsigned port;
	X509_STORE *store;
	size_t n;
	struct {
		char name[32], address[32];
	} list[PEERS_MAX];
} peer;

static inline const char *
peer_address(const char *name)
{
	for (size_t i = 0; i < peer.n; i++)
		if (strcmp(peer.list[i].name, name) == 0)
			return peer.list[i].address;
	fail_msg("no peer %s", name);
	return NULL;
}

static inline void
peer_write(const char *name, const struct cert *first,
    const struct cert *second)
{
	const struct cert *list[] = { first, second };
	char *path = xasprintf("%s/%s.pem", peer.dir, name);

	cert_write(path, true, list, second != NULL ? 2 : 1);
	free(path);
}

static inline void
peer_certificates(void)
{
	const char *san = "DNS:" PEER_HOST ",DNS:mta-sts." PEER_HOST;
	struct cert ca = cert_make("Test CA", "CA", NULL, -100, 100);
	struct cert inter = cert_make("Inter", "CA", &ca, -100, 100);
	struct cert good = cert_make(PEER_HOST, san, &inter, -10, 10);
	struct cert self = cert_make(PEER_HOST, san, NULL, -10, 10);
	struct cert expired = cert_make(PEER_HOST, san, &ca, -10, -1);
	struct cert other = cert_make("x", "DNS:other.test", &ca, -10, 10);

	peer_write("good", &good, &inter);
	peer_write("self", &self, NULL);
	peer_write("expired", &expired, NULL);
	peer_write("other", &other, NULL);
	peer.store = X509_STORE_new();
	assert_int_equal(X509_STORE_add_cert(peer.store, ca.x509), 1);
	cert_free(&ca);
	cert_free(&inter);
	cert_free(&good);
	cert_free(&self);
	cert_free(&expired);
	cert_free(&other);
}

static inline int
peer_start(void **state)
{
	int fds[2];
	FILE *f;

	(void)state;
	fmt(peer.dir, sizeof(peer.dir), "/tmp/tls_peer.XXXXXX");
	assert_non_null(mkdtemp(peer.dir));
	peer_certificates();
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	if ((peer.pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fds[1], STDOUT_FILENO);
		execl("/usr/bin/python3", "python3",
		    "tests/reporter/tls_peer.py", peer.dir, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	assert_non_null(f = fdopen(fds[0], "r"));
	assert_int_equal(fscanf(f, "%u", &peer.port), 1);
	while (peer.n < PEERS_MAX && fscanf(f, "%31s %31s",
	    peer.list[peer.n].name, peer.list[peer.n].address) == 2)
		if (strcmp(peer.list[peer.n++].name, "bare-garbage") == 0)
			break;
	fclose(f);
	assert_true(peer.n > 0);
	return 0;
}

static inline int
peer_stop(void **state)
{
	char *command = xasprintf("rm -r %s", peer.dir);

	(void)state;
	kill(peer.pid, SIGKILL);
	waitpid(peer.pid, NULL, 0);
	assert_int_equal(system(command), 0);
	free(command);
	X509_STORE_free(peer.store);
	return 0;
}

/* Rows below n at once, a thread each. */
struct peer_row {
	pthread_t thread;
	void (*work)(void *arg, size_t i);
	void *arg;
	size_t i;
};

static inline void *
peer_row_run(void *arg)
{
	struct peer_row *row = arg;

	row->work(row->arg, row->i);
	return NULL;
}

static inline void
peer_all(size_t n, void (*work)(void *arg, size_t i), void *arg)
{
	struct peer_row *rows = xcalloc(n, sizeof(*rows));

	for (size_t i = 0; i < n; i++) {
		rows[i] = (struct peer_row){ .work = work, .arg = arg,
		    .i = i };
		assert_int_equal(pthread_create(&rows[i].thread, NULL,
		    peer_row_run, &rows[i]), 0);
	}
	for (size_t i = 0; i < n; i++)
		pthread_join(rows[i].thread, NULL);
	free(rows);
}

/* A file that the peer wrote, whole. */
static inline char *
peer_notes(const char *name)
{
	char *path = xasprintf("%s/%s", peer.dir, name), *text = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(getdelim(&text, &size, '\0', f) > 0);
	fclose(f);
	free(path);
	return text;
}

#endif
