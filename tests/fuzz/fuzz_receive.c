/*
 * What comes from the socket, and what a ring may hold that somebody left.
 * The first byte says what the rest is: `d` datagrams, each behind two bytes
 * of length (and `+` in the place of `d`: each 4 times as long, of its bytes
 * over and over); `r` a patch of the ring's file, behind four bytes that say
 * where; anything else a ring's whole file.
 */
#include <sys/eventfd.h>
#include <sys/types.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/file.h"
#include "spool/receive.h"
#include "spool/record.h"
#include "spool/ring.h"
#include "tests/fuzz/fuzz.h"

static struct counters counters;
static struct socket_batch batch;
static struct ring ring;
static int dirfd;

static int64_t
some_time(void)
{
	return 42;
}

static struct receiver receiver = { .counters = &counters, .ring = &ring,
	.now = some_time };

/* A folder that is gone when we are. */
static void
start(void)
{
	char path[] = "/dev/shm/tlsrpt-fuzz.XXXXXX";
	char other[] = "/tmp/tlsrpt-fuzz.XXXXXX";
	const char *made = mkdtemp(path);

	if (made == NULL && (made = mkdtemp(other)) == NULL)
		err(1, "mkdtemp");
	dirfd = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	socket_batch_init(&batch);
	receiver.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ring_create(&ring, dirfd, 0) == -1 ||
	    ring_publish(&ring, dirfd) == -1)
		err(1, "ring");
	/* The descriptor leads to it without its name. */
	unlinkat(dirfd, RING_FILE, 0);
	rmdir(made);
}

static void
check_entry(const struct ring_entry *e, const char *text, size_t len)
{
	const char *why = record_refuse(text, len);

	demand(e->len == len && e->arrival == 42);
	demand(memcmp(ring_payload(e), text, len) == 0);
	demand(ring_payload(e)[len] == '\n');
	demand(e->kind == (why == NULL ? RING_RECORD : RING_REFUSED));
	if (why == NULL)
		demand(len >= 2 && text[0] == '{' && text[len - 1] == '}' &&
		    memchr(text, '\n', len) == NULL);
}

/* A batch goes in; what comes out? */
static void
pass(int n)
{
	uint64_t pos = ring.commit.tail;
	const struct ring_entry *e;

	receive_batch(&receiver, &batch, n);
	for (int i = 0; i < n; i++) {
		size_t len;
		bool cut;
		const char *text = socket_datagram(&batch, i, &len, &cut);

		demand(ring_get(&ring, &pos, &e) == 1);
		check_entry(e, text, len);
	}
	demand(ring_get(&ring, &pos, &e) == 0);
	ring_commit(&ring, &(struct ring_commit){ .tail = pos });
	demand(ring_used(&ring) == 0);
}

static void
fill(int i, const uint8_t *data, size_t size, size_t len)
{
	char *to = batch.iov[i].iov_base;

	for (size_t at = 0; at < len && size > 0; at += size)
		memcpy(to + at, data, len - at < size ? len - at : size);
	batch.msg[i].msg_len = size > 0 ? (unsigned)len : 0;
}

static void
datagrams(const uint8_t *data, size_t size, size_t times)
{
	/* What fits into the ring at once. */
	size_t held = 0;
	int n = 0;

	while (size >= 2) {
		size_t len = (size_t)data[0] << 8 | data[1];
		size_t has;

		data += 2;
		size -= 2;
		has = len < size ? len : size;
		len = times == 1 ? has : len * times;
		if (n == SOCKET_BATCH || (held += len + 64) > RECORD_MAX) {
			pass(n);
			n = 0;
			held = len;
		}
		fill(n++, data, has, len);
		data += has;
		size -= has;
	}
	pass(n);
}

/* Whatever is in the file: it is read without harm, or it is refused. */
static void
open_file(const uint8_t *data, size_t size, off_t at, const char *from)
{
	char path[] = "/dev/shm/tlsrpt-ring.XXXXXX";
	char other[] = "/tmp/tlsrpt-ring.XXXXXX";
	const char *made = mkdtemp(path);
	const struct ring_entry *e;
	struct ring_found found;
	struct ring r;
	uint64_t pos;
	int fd, folder;

	if (made == NULL && (made = mkdtemp(other)) == NULL)
		err(1, "mkdtemp");
	folder = open(made, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = openat(folder, RING_FILE, O_RDWR | O_CREAT, 0600);
	if (from != NULL)
		demand(file_write(fd, from, ring.size + 4096) == 0);
	demand(pwrite(fd, data, size, at) == (ssize_t)size);
	close(fd);
	demand(ring_open(&r, folder, 0, 7, &found) == 0);
	for (pos = r.commit.tail; ring_get(&r, &pos, &e) == 1; )
		demand(e->len <= RECORD_MAX);
	demand(pos == r.next);
	ring_close(&r);
	ring_remove(folder);
	if (found.kept[0] != '\0')
		unlinkat(folder, found.kept, 0);
	close(folder);
	demand(rmdir(made) == 0);
}

static void
patched(const uint8_t *data, size_t size)
{
	uint32_t at;

	if (size < sizeof(at))
		return;
	memcpy(&at, data, sizeof(at));
	/* Near the begin, where it matters, and not beyond the end. */
	open_file(data + sizeof(at), size - sizeof(at), at % 65536,
	    (const char *)ring.header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (ring.header == NULL)
		start();
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'd':
		datagrams(data + 1, size - 1, 1);
		break;
	case '+':
		datagrams(data + 1, size - 1, 4);
		break;
	case 'r':
		patched(data + 1, size - 1);
		break;
	default:
		open_file(data, size, 0, NULL);
	}
	return 0;
}
