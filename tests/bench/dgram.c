/*
 * Both ends of a datagram socket, with nothing behind them.
 *
 *	dgram sink SOCKET
 *		Take everything and throw it away; on SIGTERM say how many.
 *	dgram blast SOCKET SECONDS FILE
 *		Send FILE's lines over and over from one socket, waiting where
 *		the queue is full; say how many, and how many a second.
 *	dgram paced SOCKET SECONDS FILE RATE
 *		Send so many a second, each from a socket of its own and
 *		without waiting, as libtlsrpt does; say how many went through
 *		and how many did not.
 *	dgram count SOCKET RECORDS FILE
 *		As blast, but so many.
 *	dgram send SOCKET FILE
 *		Send each line of FILE once, waiting where the queue is full.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH	32
#define LINES	4096
#define LINE	262144
#define LATE	0.002		/* what we were kept from is not made up for:
				   that would be another rate */

static struct {
	size_t n, len[LINES];
	char *text[LINES];
} lines;

static struct sockaddr_un peer = { .sun_family = AF_UNIX };
static volatile sig_atomic_t stopped;

static void
on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
read_lines(const char *name)
{
	FILE *f = fopen(name, "r");
	size_t room = 0;
	char *line = NULL;
	ssize_t n;

	if (f == NULL)
		err(1, "%s", name);
	while (lines.n < LINES && (n = getline(&line, &room, f)) > 1) {
		lines.len[lines.n] = (size_t)n - 1;
		lines.text[lines.n++] = line;
		line = NULL;
		room = 0;
	}
	free(line);
	fclose(f);
	if (lines.n == 0)
		errx(1, "%s: empty", name);
}

static int
new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		err(1, "socket");
	return fd;
}

static ssize_t
send_line(int fd, size_t i, int flags)
{
	return sendto(fd, lines.text[i % lines.n], lines.len[i % lines.n],
	    flags, (struct sockaddr *)&peer, sizeof(peer));
}

static int
sink(void)
{
	struct sigaction stop = { .sa_handler = on_signal };
	static struct mmsghdr msg[BATCH];
	static struct iovec iov[BATCH];
	unsigned long long received = 0;
	int fd = new_socket(), n;

	if (bind(fd, (struct sockaddr *)&peer, sizeof(peer)) == -1)
		err(1, "%s", peer.sun_path);
	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ malloc(LINE), LINE };
		msg[i].msg_hdr.msg_iov = &iov[i];
		msg[i].msg_hdr.msg_iovlen = 1;
	}
	sigaction(SIGTERM, &stop, NULL);
	while (!stopped)
		if ((n = recvmmsg(fd, msg, BATCH, MSG_WAITFORONE, NULL)) > 0)
			received += (unsigned)n;
	while ((n = recvmmsg(fd, msg, BATCH, MSG_DONTWAIT, NULL)) > 0)
		received += (unsigned)n;
	printf("%llu\n", received);
	unlink(peer.sun_path);
	return 0;
}

/* Until so many records or so many seconds, whatever is not 0. */
static int
blast(double seconds, size_t records)
{
	double start = now(), end = start + seconds;
	int fd = new_socket();
	size_t sent = 0;

	while (records != 0 ? sent < records : sent % 64 != 0 || now() < end) {
		if (send_line(fd, sent, 0) == -1)
			err(1, "sendto");
		sent++;
	}
	printf("%zu %.0f\n", sent, (double)sent / (now() - start));
	return 0;
}

static int
send_file(const char *name)
{
	FILE *f = fopen(name, "r");
	int fd = new_socket();
	size_t room = 0;
	char *line = NULL;
	ssize_t n;

	if (f == NULL)
		err(1, "%s", name);
	while ((n = getline(&line, &room, f)) > 1)
		if (sendto(fd, line, (size_t)n - 1, 0,
		    (struct sockaddr *)&peer, sizeof(peer)) == -1)
			err(1, "sendto");
	free(line);
	fclose(f);
	return 0;
}

static int
paced(double seconds, double rate)
{
	size_t total = (size_t)(seconds * rate), lost = 0;
	double start = now(), due = start, ahead;

	for (size_t i = 0; i < total; i++) {
		int fd = new_socket();

		if (send_line(fd, i, MSG_DONTWAIT) == -1) {
			if (errno != EAGAIN && errno != ENOBUFS)
				err(1, "sendto");
			lost++;
		}
		close(fd);
		due += 1 / rate;
		ahead = due - now();
		if (ahead > 0.0002)
			nanosleep(&(struct timespec){
			    .tv_nsec = (long)(ahead * 1e9) }, NULL);
		else if (ahead < -LATE)
			due -= ahead;
	}
	printf("%zu %zu %.0f\n", total - lost, lost,
	    (double)total / (now() - start));
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc < 3 || strlen(argv[2]) >= sizeof(peer.sun_path))
		errx(2, "usage: see the top of tests/bench/dgram.c");
	memcpy(peer.sun_path, argv[2], strlen(argv[2]));
	if (strcmp(argv[1], "sink") == 0)
		return sink();
	if (strcmp(argv[1], "send") == 0 && argc == 4)
		return send_file(argv[3]);
	if (argc < 5)
		errx(2, "usage: see the top of tests/bench/dgram.c");
	read_lines(argv[4]);
	if (strcmp(argv[1], "blast") == 0)
		return blast(strtod(argv[3], NULL), 0);
	if (strcmp(argv[1], "count") == 0)
		return blast(0, strtoul(argv[3], NULL, 10));
	if (strcmp(argv[1], "paced") == 0 && argc == 6)
		return paced(strtod(argv[3], NULL), strtod(argv[5], NULL));
	errx(2, "usage: see the top of tests/bench/dgram.c");
}
