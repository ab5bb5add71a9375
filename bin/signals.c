/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "bin/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Signals that end the program take its temporaries with it, then do what they always do. */
static void
on_end(int sig)
{
	det_file_drop_all();
	(void)raise(sig); /* SA_RESETHAND, SA_NODEFER */
}

static char cut_short[128];

/* A page of a mapped file that is there no more; threads may find that at the same time. */
static void
on_bus_error(int sig, siginfo_t *info, void *context)
{
	static atomic_flag said = ATOMIC_FLAG_INIT;

	(void)context;
	if (atomic_flag_test_and_set(&said))
		for (;;)
			(void)pause();
	det_file_drop_all();
	if (info->si_code != BUS_ADRERR) {
		(void)signal(sig, SIG_DFL);
		(void)raise(sig);
	}
	if (write(2, cut_short, strlen(cut_short)) < 0)
		_exit(2); /* nobody can be told */
	_exit(2);
}

void
signals_catch(const char *name)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE };
	struct sigaction now, a = { .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	a.sa_handler = on_end;
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler == SIG_DFL)
			(void)sigaction(ends[i], &a, NULL);
	(void)snprintf(cut_short, sizeof cut_short,
	    "%.40s: a file was cut short while it was being read\n", name);
	a.sa_flags = SA_SIGINFO | SA_NODEFER;
	a.sa_sigaction = on_bus_error;
	(void)sigaction(SIGBUS, &a, NULL);
	/* a limit on the size of files is a failed write, with its line */
	(void)signal(SIGXFSZ, SIG_IGN);
}

static volatile sig_atomic_t held;

static void
on_hold(int sig)
{
	static const int all[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction a = { .sa_flags = (int)(SA_RESETHAND | SA_NODEFER) };

	held = sig;
	a.sa_handler = on_end;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		(void)sigaction(all[i], &a, NULL);
}

/* A handler, for one that is ignored would stay so in programs that are started. */
static void
on_pipe(int sig)
{
	(void)sig;
}

const volatile sig_atomic_t *
signals_hold(void)
{
	static const int all[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction now, a = { .sa_flags = SA_RESTART };

	a.sa_handler = on_hold;
	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		/* one that is ignored (nohup) stays so */
		if (sigaction(all[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			(void)sigaction(all[i], &a, NULL);
	a.sa_handler = on_pipe;
	(void)sigaction(SIGPIPE, &a, NULL);
	return &held;
}
