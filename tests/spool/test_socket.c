#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>

#include "conf/mem.h"
#include "spool/receive.h"
#include "spool/record.h"
#include "spool/socket.h"
#include "tests/spool/scratch.h"

/* Where the socket goes: a folder that is not there yet. */
static const char *
socket_name(const struct scratch *s)
{
	static char name[80];

	fmt(name, sizeof(name), "%s/in/t.sock", s->path);
	return name;
}

static struct socket_place
place_of(const struct scratch *s)
{
	return (struct socket_place){ .path = socket_name(s), .uid = (uid_t)-1,
		.gid = (gid_t)-1, .mode = 0620 };
}

static int
bind_here(const struct scratch *s, struct socket_own *own, const char **why)
{
	const struct socket_place place = place_of(s);

	return socket_bind(&place, own, why);
}

static int
connected(const struct scratch *s)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	fmt(to.sun_path, sizeof(to.sun_path), "%s", socket_name(s));
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

/* How many names there are in the socket's folder. */
static int
names_in(const struct scratch *s)
{
	char *command = xasprintf("ls -A %s/in | wc -l", s->path);
	FILE *f = popen(command, "r");
	int n = -1;

	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	free(command);
	return n;
}

static void
a_socket_has_its_mode_and_is_alone(void **state)
{
	const struct scratch *s = *state;
	struct socket_own own;
	struct stat st;
	const char *why;
	int fd;

	umask(022);
	fd = bind_here(s, &own, &why);
	assert_int_not_equal(fd, -1);
	assert_int_equal(lstat(socket_name(s), &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0620);
	assert_int_equal(names_in(s), 1);
	assert_int_equal(umask(022), 022);
	socket_unlink(&own);
	assert_int_equal(names_in(s), 0);
	close(fd);
}

static void
a_live_socket_stays_a_dead_one_goes(void **state)
{
	const struct scratch *s = *state;
	struct socket_own first, second;
	const char *why;
	int fd, other;

	fd = bind_here(s, &first, &why);
	assert_int_not_equal(fd, -1);
	other = bind_here(s, &second, &why);
	assert_int_equal(other, -1);
	assert_int_equal(errno, EADDRINUSE);
	assert_string_equal(why, "another program listens to it");
	assert_int_equal(names_in(s), 1);
	close(fd);
	other = bind_here(s, &second, &why);
	assert_int_not_equal(other, -1);
	/* The name is the second's now. */
	socket_unlink(&first);
	assert_int_equal(names_in(s), 1);
	socket_unlink(&second);
	assert_int_equal(names_in(s), 0);
	socket_unlink(&second);
	close(other);
}

static void
what_is_no_socket_stays(void **state)
{
	const struct scratch *s = *state;
	char *folder = xasprintf("%s/in", s->path);
	struct socket_own own;
	const char *why;

	assert_int_equal(mkdir(folder, 0755), 0);
	free(folder);
	close(open(socket_name(s), O_CREAT | O_WRONLY, 0600));
	assert_int_equal(bind_here(s, &own, &why), -1);
	assert_int_equal(errno, EEXIST);
	unlink(socket_name(s));
	assert_int_equal(symlink("/etc/passwd", socket_name(s)), 0);
	assert_int_equal(bind_here(s, &own, &why), -1);
	assert_string_equal(why, "there is a file of this name that is no "
	    "socket");
	assert_int_equal(names_in(s), 1);
}

static void
a_path_that_is_too_long_is_said(void **state)
{
	struct socket_place place = place_of(*state);
	struct socket_own own;
	char path[200];
	const char *why;

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	place.path = path;
	assert_int_equal(socket_bind(&place, &own, &why), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	assert_string_equal(why, "its path is longer than a socket's may be");
}

static void
only_datagram_sockets_are_inherited(void **state)
{
	static const struct {
		int domain, type;
		bool ok;
	} rows[] = {
		{ AF_UNIX, SOCK_DGRAM, true },
		{ AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, true },
		{ AF_UNIX, SOCK_STREAM, false },
		{ AF_INET, SOCK_DGRAM, false },
	};
	const char *why;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fd = socket(rows[i].domain, rows[i].type, 0);
		assert_int_equal(socket_inherit(fd, &why), rows[i].ok ? 0 : -1);
		if (rows[i].ok) {
			assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		} else
			assert_string_equal(why,
			    "it is not a unix datagram socket");
		close(fd);
	}
	fd = open("/dev/null", O_RDONLY);
	assert_int_equal(socket_inherit(fd, &why), -1);
	close(fd);
}

static void
datagrams_come_whole_and_several_at_a_time(void **state)
{
	const struct scratch *s = *state;
	struct socket_batch b;
	struct socket_own own;
	const char *why, *text;
	size_t len;
	bool is_cut;
	int fd, to;

	fd = bind_here(s, &own, &why);
	to = connected(s);
	socket_batch_init(&b);
	assert_int_equal(socket_receive(fd, &b, false), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(send(to, "{1}", 3, 0), 3);
	assert_int_equal(send(to, "", 0, 0), 0);
	assert_int_equal(send(to, "{\0three}", 8, 0), 8);
	assert_int_equal(socket_receive(fd, &b, true), 3);
	text = socket_datagram(&b, 0, &len, &is_cut);
	assert_true(len == 3 && memcmp(text, "{1}", 3) == 0 && !is_cut);
	socket_datagram(&b, 1, &len, &is_cut);
	assert_true(len == 0 && !is_cut);
	text = socket_datagram(&b, 2, &len, &is_cut);
	assert_true(len == 8 && memcmp(text, "{\0three}", 8) == 0 && !is_cut);
	/* It does not wait for ever: it has to see when it is to stop. */
	assert_int_equal(socket_receive(fd, &b, true), -1);
	assert_int_equal(errno, EAGAIN);
	socket_batch_release(&b);
	socket_unlink(&own);
	close(to);
	close(fd);
}

static int64_t
some_time(void)
{
	return 42;
}

struct side {
	struct receiver r;
	struct ring ring;
	struct counters counters;
	struct socket_batch b;
	int dirfd;
};

static void
side_init(struct side *d, const struct scratch *s)
{
	memset(d, 0, sizeof(*d));
	d->dirfd = open(s->path, O_RDONLY | O_DIRECTORY);
	assert_int_equal(ring_create(&d->ring, d->dirfd, 0), 0);
	d->r.ring = &d->ring;
	d->r.counters = &d->counters;
	d->r.now = some_time;
	d->r.wake = eventfd(0, EFD_NONBLOCK);
	socket_batch_init(&d->b);
}

static void
side_release(struct side *d)
{
	socket_batch_release(&d->b);
	ring_abort(&d->ring, d->dirfd);
	close(d->r.wake);
	close(d->dirfd);
}

static void
fill(struct side *d, int i, const char *text, size_t len)
{
	memcpy(d->b.iov[i].iov_base, text, len < RECORD_MAX ? len : RECORD_MAX);
	d->b.msg[i].msg_len = (unsigned)(len < RECORD_MAX ? len : RECORD_MAX);
	d->b.msg[i].msg_hdr.msg_flags = len > RECORD_MAX ? MSG_TRUNC : 0;
}

static void
each_datagram_is_judged_at_the_door(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int kind;		/* 0: not kept */
		enum counted counter;
	} rows[] = {
		{ "{\"d\":1}", 7, RING_RECORD, RECEIVED },
		{ "{}", 2, RING_RECORD, RECEIVED },
		{ "", 0, RING_REFUSED, REFUSED },
		{ "junk", 4, RING_REFUSED, REFUSED },
		{ "{}\n", 3, RING_REFUSED, REFUSED },
		{ "{\n}", 3, RING_REFUSED, REFUSED },
		{ "{\0}", 3, RING_REFUSED, REFUSED },
		{ NULL, RECORD_MAX, RING_RECORD, RECEIVED },
		{ NULL, RECORD_MAX + 1, 0, TRUNCATED },
	};
	char *big = xmalloc(RECORD_MAX + 1);
	const struct ring_entry *e;
	uint64_t pos = 0;
	struct side d;

	memset(big, 'x', RECORD_MAX + 1);
	big[0] = '{';
	big[RECORD_MAX - 1] = '}';
	side_init(&d, *state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t before = counter_get(&d.counters, rows[i].counter);

		fill(&d, 0, rows[i].text ? rows[i].text : big, rows[i].len);
		receive_batch(&d.r, &d.b, 1);
		assert_int_equal(counter_get(&d.counters, rows[i].counter),
		    before + 1);
		assert_int_equal(counter_get(&d.counters, RECEIVED), i + 1);
		if (rows[i].kind == 0)
			continue;
		assert_int_equal(ring_get(&d.ring, &pos, &e), 1);
		assert_int_equal(e->kind, rows[i].kind);
		assert_int_equal(e->len, rows[i].len);
		assert_int_equal(e->arrival, 42);
	}
	assert_int_equal(ring_get(&d.ring, &pos, &e), 0);
	side_release(&d);
	free(big);
}

static void
a_full_ring_loses_and_counts(void **state)
{
	struct side d;
	uint64_t n, kept = 0, woken = 0, pos = 0;
	const struct ring_entry *e;

	side_init(&d, *state);
	for (int i = 0; i < SOCKET_BATCH; i++)
		fill(&d, i, "{\"d\":\"example.com\"}", 19);
	for (int i = 0; i < 1000; i++)
		receive_batch(&d.r, &d.b, SOCKET_BATCH);
	n = counter_get(&d.counters, LOST);
	assert_in_range(n, 1, 1000 * SOCKET_BATCH - 1);
	while (ring_get(&d.ring, &pos, &e) == 1)
		kept++;
	assert_int_equal(kept + n, 1000 * SOCKET_BATCH);
	assert_true(counter_get(&d.counters, RING_HIGH_WATER) <= d.ring.size);
	assert_true(counter_get(&d.counters, RING_HIGH_WATER) >
	    d.ring.size - 64);
	/* Once, when it was a quarter full. */
	assert_int_equal(read(d.r.wake, &woken, sizeof(woken)), 8);
	assert_int_equal(woken, 1);
	side_release(&d);
}

/* At the end: what waits in our own socket; a passed one has a successor. */
static void
only_its_own_socket_is_drained(void **state)
{
	struct socket_own own;
	struct side d;
	const char *why;
	int to;

	for (int drain = 0; drain < 2; drain++) {
		side_init(&d, *state);
		d.r.fd = bind_here(*state, &own, &why);
		to = connected(*state);
		d.r.drain = drain;
		d.r.stop = true;
		for (int i = 0; i < 5; i++)
			assert_int_equal(send(to, "{}", 2, 0), 2);
		receive(&d.r);
		assert_int_equal(counter_get(&d.counters, RECEIVED),
		    drain ? 5 : 0);
		assert_int_equal(socket_receive(d.r.fd, &d.b, false),
		    drain ? -1 : 5);
		socket_unlink(&own);
		close(to);
		close(d.r.fd);
		side_release(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_socket_has_its_mode_and_is_alone),
		CASE(a_live_socket_stays_a_dead_one_goes),
		CASE(what_is_no_socket_stays),
		CASE(a_path_that_is_too_long_is_said),
		CASE(only_datagram_sockets_are_inherited),
		CASE(datagrams_come_whole_and_several_at_a_time),
		CASE(each_datagram_is_judged_at_the_door),
		CASE(a_full_ring_loses_and_counts),
		CASE(only_its_own_socket_is_drained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
