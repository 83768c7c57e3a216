#include "spool/collector.h"

#include <sys/eventfd.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "spool/claim.h"
#include "spool/counters.h"
#include "spool/notify.h"
#include "spool/receive.h"
#include "spool/ring.h"
#include "spool/sealer.h"
#include "spool/writer.h"

#define EX_TEMPFAIL	75	/* another instance runs */
#define INTERRUPT	SIGUSR2	/* ends a system call of the receiver */
#define TELL_SECONDS	60	/* between two words about losses */
#define STUCK_MS	60000	/* a disk call takes so long: say so */

/* What has been told of a counter. */
struct told {
	enum counted which;
	const char *what;
	uint64_t value;
	time_t when;
};

struct collector {
	const struct conf *conf;
	const struct collector_options *options;
	struct notify notify;
	struct claim claim;
	struct ring ring;
	struct counters counters;
	struct receiver receiver;
	struct writer writer;
	struct sealer sealer;
	pthread_t receive_thread, write_thread, seal_thread;
	struct told told[3];
	int64_t told_stuck;
	uint64_t seen_receiver, seen_writer;
};

static int64_t
wall_clock(void)
{
	return time(NULL);
}

/*
 * Starting: all of it either works or ends the program with a word about why.
 */

static void
get_ring(struct collector *c)
{
	const char *path = c->conf->spool.runtime_directory;
	struct ring_found found;

	if (ring_open(&c->ring, c->claim.runtime,
	    (uint64_t)c->conf->spool.ring_size, time(NULL), &found) == -1)
		fatal("%s/" RING_FILE ": cannot be made: %m", path);
	if (found.bad != NULL)
		log_warn("%s/" RING_FILE " is not to be trusted: %s; it is "
		    "kept as %s, what was in it from there on is not used",
		    path, found.bad, found.kept);
	if (found.other_size)
		log_warn("%s/" RING_FILE " stays at %" PRIu64 " bytes until "
		    "it is empty and there is memory", path, c->ring.size);
	if (found.entries > 0)
		log_info("%" PRIu64 " records were left in %s/" RING_FILE,
		    found.entries, path);
	counter_set(&c->counters, RECOVERED, found.entries);
	counter_set(&c->counters, RING_SIZE, c->ring.size);
}

static void
set_up(struct collector *c)
{
	const struct conf *conf = c->conf;
	int wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (wake == -1)
		fatal("eventfd: %m");
	sealer_init(&c->sealer, conf->spool.directory, conf->spool.source,
	    &c->counters);
	sealer_metrics(&c->sealer, conf->spool.metrics_file);
	c->receiver.wake = c->writer.wake = wake;
	c->receiver.ring = c->writer.ring = &c->ring;
	c->receiver.counters = c->writer.counters = &c->counters;
	c->receiver.now = c->writer.now = wall_clock;
	c->receiver.fd = c->claim.socket;
	c->receiver.drain = c->claim.own.path != NULL;
	c->writer.sealer = &c->sealer;
	c->writer.path = conf->spool.directory;
	c->writer.source = conf->spool.source;
	c->writer.origin = conf->spool.socket;
	c->writer.sync_interval = conf->spool.sync_interval;
	c->writer.segment_size = conf->spool.segment_size;
	c->told[0] = (struct told){ .which = LOST, .what = "datagrams were "
		"lost since the start, the ring is full: the disk is too slow "
		"or does not work, or ring_size is too small" };
	c->told[1] = (struct told){ .which = TRUNCATED, .what = "datagrams "
		"since the start were longer than a record may be" };
	c->told[2] = (struct told){ .which = RECEIVE_ERRORS, .what = "times "
		"since the start the socket could not be read" };
}

static void
start_thread(pthread_t *t, void *(*run)(void *), void *arg)
{
	int error = pthread_create(t, NULL, run, arg);

	if (error != 0)
		fatal("no thread: %s", strerrordesc_np(error));
}

/* A signal that does nothing but interrupt. */
static void
on_interrupt(int signal)
{
	(void)signal;
}

static void
block_signals(sigset_t *wanted)
{
	struct sigaction interrupt = { .sa_handler = on_interrupt };

	sigemptyset(wanted);
	sigaddset(wanted, SIGTERM);
	sigaddset(wanted, SIGINT);
	sigaddset(wanted, SIGHUP);
	sigaddset(wanted, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, wanted, NULL);
	sigaction(INTERRUPT, &interrupt, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/*
 * Running.
 */

/* A loss is said at once, and then once a minute while it goes on. */
static void
tell(struct collector *c, time_t now)
{
	for (size_t i = 0; i < sizeof(c->told) / sizeof(c->told[0]); i++) {
		struct told *t = &c->told[i];
		uint64_t value = counter_get(&c->counters, t->which);

		if (value == t->value ||
		    (t->value != 0 && now - t->when < TELL_SECONDS))
			continue;
		log_warn("%" PRIu64 " %s", value, t->what);
		t->value = value;
		t->when = now;
	}
}

/* How long the writing side has been waiting for the disk, in ms. */
static int64_t
stuck_for(const struct collector *c, int64_t now)
{
	int64_t since = atomic_load(&c->writer.busy_since);

	return since == 0 ? 0 : now - since;
}

/*
 * We are alive when both threads get on.  A disk that does not answer is not
 * our death: to kill the one who fills the ring meanwhile would lose what
 * comes.
 */
static void
watch(struct collector *c)
{
	uint64_t receiver = atomic_load(&c->receiver.rounds);
	uint64_t writer = atomic_load(&c->writer.rounds);
	int64_t stuck = stuck_for(c, clock_ms());

	if (stuck >= STUCK_MS && clock_is_due(&c->told_stuck, STUCK_MS))
		log_warn("%s: the disk has not answered for %" PRId64
		    " seconds", c->conf->spool.directory, stuck / 1000);
	if (c->notify.watchdog == 0 || receiver == c->seen_receiver ||
	    (writer == c->seen_writer && stuck == 0))
		return;
	c->seen_receiver = receiver;
	c->seen_writer = writer;
	notify_tell(&c->notify, "WATCHDOG=1");
}

static bool
differ(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a != b : strcmp(a, b) != 0;
}

static void
warn_unchangeable(const struct conf *now, const struct conf *new)
{
	const struct {
		const char *key;
		bool changed;
	} keys[] = {
#define TEXT(k)	{ #k, differ(now->spool.k, new->spool.k) }
#define NUMBER(k) { #k, now->spool.k != new->spool.k }
		TEXT(directory), TEXT(runtime_directory), NUMBER(ring_size),
		TEXT(source), TEXT(socket), TEXT(socket_owner),
		TEXT(socket_group), NUMBER(socket_mode), TEXT(user),
#undef TEXT
#undef NUMBER
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i].changed)
			log_warn("[spool] %s has changed: that needs a restart",
			    keys[i].key);
}

static void
reload(struct collector *c)
{
	struct conf new;

	notify_reloading(&c->notify);
	if (conf_load(&new, c->options->config, CONF_NEED_NOTHING, stderr) ==
	    0) {
		warn_unchangeable(c->conf, &new);
		conf_log(&new, "tlsrpt-spoold", c->options->verbose);
		atomic_store(&c->writer.sync_interval, new.spool.sync_interval);
		atomic_store(&c->writer.segment_size, new.spool.segment_size);
		sealer_metrics(&c->sealer, new.spool.metrics_file);
		log_info("the configuration has been read again");
	} else
		log_warn("the configuration is wrong; going on with the old "
		    "one");
	conf_release(&new);
	notify_tell(&c->notify, "READY=1");
}

/* Often enough for the watchdog, at least once a second. */
static struct timespec
tick(const struct collector *c)
{
	uint64_t us = c->notify.watchdog / 4;

	if (us == 0 || us >= 1000000)
		return (struct timespec){ .tv_sec = 1 };
	return (struct timespec){ .tv_nsec = (long)us * 1000 };
}

static void
run(struct collector *c, const sigset_t *wanted)
{
	const struct timespec wait = tick(c);

	for (;;) {
		switch (sigtimedwait(wanted, NULL, &wait)) {
		case SIGTERM:
		case SIGINT:
			return;
		case SIGHUP:
			reload(c);
			break;
		case SIGUSR1:
			counters_log(&c->counters);
			break;
		default:
			break;
		}
		counter_set(&c->counters, RING_USED, ring_used(&c->ring));
		tell(c, clock_ms() / 1000);
		watch(c);
	}
}

/*
 * Stopping.
 */

static void
stop_receiver(struct collector *c)
{
	struct timespec until;

	/* Nobody finds it any more; what is in it is taken. */
	socket_unlink(&c->claim.own);
	atomic_store(&c->receiver.stop, true);
	do {
		/* It may be just about to wait. */
		pthread_kill(c->receive_thread, INTERRUPT);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 10000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000;
		}
	} while (pthread_timedjoin_np(c->receive_thread, NULL, &until) != 0);
}

/* Returns the exit status. */
static int
stop(struct collector *c)
{
	void *left;

	notify_tell(&c->notify, "STOPPING=1");
	log_info("stopping");
	stop_receiver(c);
	atomic_store(&c->writer.stop, true);
	(void)!write(c->writer.wake, &(uint64_t){ 1 }, sizeof(uint64_t));
	pthread_join(c->write_thread, &left);
	counter_set(&c->counters, RING_USED, ring_used(&c->ring));
	sealer_stop(&c->sealer);
	pthread_join(c->seal_thread, NULL);
	tell(c, clock_ms() / 1000 + TELL_SECONDS);
	counters_log(&c->counters);
	if (left == NULL) {
		ring_remove(c->claim.runtime);
		return 0;
	}
	log_warn("%" PRIu64 " bytes stay in %s/" RING_FILE " for the next "
	    "start", ring_used(&c->ring), c->conf->spool.runtime_directory);
	return 1;
}

static void
release(struct collector *c)
{
	writer_release(&c->writer);
	sealer_release(&c->sealer);
	ring_close(&c->ring);
	close(c->writer.wake);
}

static int
start(struct collector *c)
{
	const char *socket;

	if (claim_take(&c->claim, c->conf, c->notify.listen_fds) == -1)
		return -1;
	get_ring(c);
	set_up(c);
	start_thread(&c->receive_thread, receive, &c->receiver);
	start_thread(&c->write_thread, writer_run, &c->writer);
	start_thread(&c->seal_thread, sealer_run, &c->sealer);
	socket = c->claim.own.path;
	log_info("version " VERSION " listens to %s, writes to %s",
	    socket != NULL ? socket : "the socket passed to it",
	    c->conf->spool.directory);
	notify_tell(&c->notify, "READY=1");
	return 0;
}

int
collector_run(const struct conf *conf, const struct collector_options *o)
{
	/* Too large for a stack: a thread or two may be still in it. */
	struct collector *c = xcalloc(1, sizeof(*c));
	sigset_t wanted;
	int status = EX_TEMPFAIL;

	c->conf = conf;
	c->options = o;
	writer_init(&c->writer);
	notify_init(&c->notify);
	block_signals(&wanted);
	if (start(c) == 0) {
		run(c, &wanted);
		status = stop(c);
		release(c);
	}
	claim_release(&c->claim);
	notify_release(&c->notify);
	free(c);
	return status;
}
