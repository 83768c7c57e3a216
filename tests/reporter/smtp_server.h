#ifndef TESTS_REPORTER_SMTP_SERVER_H
#define TESTS_REPORTER_SMTP_SERVER_H

/* smtp_server.py for a test.  Goes behind cmocka.h. */
#include <sys/types.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct smtp_server {
	pid_t pid;			/* 0: there is none */
	int input;			/* it ends with it */
	char smarthost[32];
};

/* It reads this script in dir, and writes what comes in there. */
static inline void
smtp_server_start(struct smtp_server *s, const char *dir, const char *script)
{
	char path[64];
	int in[2], out[2], port;
	FILE *f;

	snprintf(path, sizeof(path), "%s/script", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(script, f);
	fclose(f);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	if ((s->pid = fork()) == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl("tests/reporter/smtp_server.py", "smtp_server.py", dir,
		    (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	s->input = in[1];
	f = fdopen(out[0], "r");
	assert_int_equal(fscanf(f, "%d", &port), 1);
	fclose(f);
	snprintf(s->smarthost, sizeof(s->smarthost), "127.0.0.1:%d", port);
}

static inline void
smtp_server_stop(struct smtp_server *s)
{
	close(s->input);
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
}

#endif
