/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L
#include "bin/progress.h"

#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WAIT  2.0 /* seconds before the first line */
#define EVERY 0.5

static struct {
	const char *name; /* NULL: no progress is shown */
	double start, last;
	long items;
	int shown;
} progress;

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void
progress_start(const char *name, int to_file)
{
	struct stat st;

	if (!isatty(2))
		return;
	if (!to_file && (isatty(1) || fstat(1, &st) < 0 || S_ISFIFO(st.st_mode)))
		return;
	progress.name = name;
	progress.start = progress.last = now();
}

/* Whether it is time for a line. */
static int
is_due(double t)
{
	if (t - progress.start < WAIT || t - progress.last < EVERY)
		return 0;
	progress.last = t;
	progress.shown = 1;
	return 1;
}

void
progress_item(void)
{
	double t;

	if (!progress.name)
		return;
	progress.items++;
	t = now();
	if (!is_due(t))
		return;
	(void)fprintf(stderr, "\r%s: %ld items, %.1f a second\033[K", progress.name,
	    progress.items, (double)progress.items / (t - progress.start));
	(void)fflush(stderr);
}

void
progress_text(const char *text)
{
	if (!progress.name || !is_due(now()))
		return;
	(void)fprintf(stderr, "\r%s: %s\033[K", progress.name, text);
	(void)fflush(stderr);
}

void
progress_clear(void)
{
	if (!progress.shown)
		return;
	progress.shown = 0;
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
}
