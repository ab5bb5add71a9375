/* SPDX-License-Identifier: MIT
 *
 * Streams from pipe to pipe: payloads spliced, loaded and written, or duplicated with tee
 * while they are loaded; with slow and non-blocking ends, signals, ends that are no pipes,
 * every kind of cut, and damage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/mem.h"
#include "stream/reader.h"
#include "tests/unit/stream_feed.h"

/* Payloads of more than a pipe of 1 MiB holds, of no whole pages, of no bytes. */
static const char huge[] =
    "STRM\nITEM id=0\nTENS u8 3000001 name=a\n  random 4\n"
    "TENS f32 0x3 name=none\nTENS u8 1048576 name=b\n  random 5\n"
    "TENS u8 70000 name=unchecked\n  random 6\n!head flags 0\n!head crc 0\n"
    "BOXS name=boxes space=input\n  0 0 1 1 0.5 0\nEND.\n";

#define SINK ((size_t)8 << 20)

/* The end of the pipe: gathers all bytes, as far as they fit. */
struct sink {
	pthread_t thread;
	int fd, slow;
	struct bytes b;
};

static void *
drain(void *arg)
{
	struct sink *s = arg;
	size_t cap = SINK;
	ssize_t n;

	s->b = (struct bytes){ malloc(cap), 0 };
	if (s->slow)
		(void)usleep(20000);
	while (s->b.p && (n = read(s->fd, s->b.p + s->b.n, cap - s->b.n)) != 0) {
		if (n > 0)
			s->b.n += (size_t)n;
		if (s->slow && s->b.n < 200000)
			(void)usleep(200);
	}
	(void)close(s->fd);
	return NULL;
}

/* Signals are for the stage between the two. */
static void
start_threads(struct feed *f, struct sink *s)
{
	sigset_t alarm;

	(void)sigemptyset(&alarm);
	(void)sigaddset(&alarm, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	(void)pthread_create(&f->thread, NULL, feeder, f);
	(void)pthread_create(&s->thread, NULL, drain, s);
	(void)pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
}

struct setup {
	enum way way;
	int sockets;     /* not pipes, which can't be spliced to or duplicated */
	int nonblocking; /* left so by another program */
	int slow;        /* a small pipe and a slow reader behind */
	int tell;        /* a failure is told downstream */
};

static void
ends(int p[2], int sockets)
{
	if (sockets ? socketpair(AF_UNIX, SOCK_STREAM, 0, p) : pipe2(p, O_CLOEXEC))
		exit(1);
}

/* The bytes that name's payload had when it was loaded are those of its record in b. */
static int
loaded_right(const struct det_record *r, struct bytes b)
{
	size_t at = (size_t)r->offset + DET_HEAD_SIZE + det_pad(r->attrs.len);

	return r->tensor.data && !memcmp(r->tensor.data, b.p + at, r->size);
}

static enum det_err
copy(struct det_reader *rd, struct det_writer *w, struct bytes b, enum way way,
    int *right)
{
	struct det_record r = { 0 };
	int more = 1;
	enum det_err e = DET_OK;

	while (!e && !(e = det_reader_next(rd, &r, &more)) && more) {
		e = write_again(w, &r, way);
		if (!e && way != PASSED && r.kind != DET_END)
			*right &= loaded_right(&r, b);
	}
	det_record_release(&r);
	return e ? e : det_writer_flush(w);
}

/* Sends b through a stage; *out is what came out behind it. */
static enum det_err
through(struct bytes *out, struct bytes b, const struct setup *s, int *right)
{
	struct feed f = { .b = b };
	struct sink sink = { .slow = s->slow };
	struct det_reader *rd;
	struct det_writer *w;
	int in[2], p[2];
	enum det_err e;

	ends(in, s->sockets);
	ends(p, s->sockets);
	f.fd = in[1];
	sink.fd = p[0];
	if (s->nonblocking) {
		(void)fcntl(in[0], F_SETFL, O_NONBLOCK);
		(void)fcntl(p[1], F_SETFL, O_NONBLOCK);
	}
	if (det_reader_open_fd(&rd, in[0], "in") || det_writer_open_fd(&w, p[1], "out"))
		exit(1);
	if (s->slow)
		(void)fcntl(p[1], F_SETPIPE_SZ, 4096);
	start_threads(&f, &sink);
	e = copy(rd, w, b, s->way, right);
	det_reader_close(rd); /* a feeder that is still writing sees that */
	if (e && s->tell && det_writer_fail(w, "the reason"))
		exit(1);
	det_writer_free(w);
	(void)close(p[1]);
	(void)pthread_join(f.thread, NULL);
	(void)pthread_join(sink.thread, NULL);
	*out = sink.b;
	return e;
}

static void
test_same(const char *what, const char *recipe, struct setup s)
{
	struct bytes b = build(recipe), out;

	for (s.way = 0; s.way < WAYS; s.way++) {
		int right = 1, same;
		enum det_err e = through(&out, b, &s, &right);

		/* who loads a record and then writes it gives it a check */
		same = out.n == b.n && (!memcmp(out.p, b.p, b.n) ||
					   (s.way == LOADED && recipe == huge));
		ok(!e && right && same, "%s, %s: %s", what, way_names[s.way],
		    e ? det_errmsg() : "all arrives");
		free(out.p);
	}
	free(b.p);
}

static void
nothing(int sig)
{
	(void)sig;
}

/* Calls that a signal interrupts go on. */
static void
test_signals(void)
{
	struct sigaction a = { .sa_handler = nothing };
	struct itimerval every = { { 0, 300 }, { 0, 300 } },
			 never = { { 0, 0 }, { 0, 0 } };

	(void)sigaction(SIGALRM, &a, NULL);
	(void)setitimer(ITIMER_REAL, &every, NULL);
	test_same("signals", large, (struct setup){ .slow = 1 });
	(void)setitimer(ITIMER_REAL, &never, NULL);
}

/* What comes of reading a stream to its end, payloads and all or heads alone. */
static enum det_err
read_all(struct bytes b, int load, int *failed)
{
	struct feed f = { .b = b };
	struct det_reader *rd;
	struct det_record r = { 0 };
	int p[2], more = 1;
	enum det_err e;

	ends(p, 0);
	f.fd = p[1];
	e = det_reader_open_fd(&rd, p[0], "in");
	(void)pthread_create(&f.thread, NULL, feeder, &f);
	while (!e && !(e = det_reader_next(rd, &r, &more)) && more)
		if (load)
			e = det_record_load(&r);
	*failed = det_reader_failed(rd);
	det_record_release(&r);
	det_reader_close(rd);
	(void)pthread_join(f.thread, NULL);
	return e;
}

static void
test_cuts(void)
{
	struct bytes b = build(large), out;

	for (struct setup s = { .tell = 1 }; s.way < WAYS; s.way++) {
		int other = 0, whole = 0, cuts = 0, right = 1, failed;

		for (size_t n = 0; n < b.n; n += n % 7 ? 12347 : 61) {
			struct bytes cut = { b.p, n };
			enum det_err e = through(&out, cut, &s, &right);

			cuts++;
			other += e != DET_TRUNCATED;
			whole += !read_all(out, 0, &failed);
			free(out.p);
		}
		ok(!other, "each of %d cuts is noticed, %s", cuts, way_names[s.way]);
		ok(!whole, "and none leaves a whole stream downstream");
	}
	free(b.p);
}

static void
test_damage(void)
{
	struct bytes b = build(large), out;
	struct setup s = { .way = BOTH, .tell = 1 };
	int accepted = 0, whole = 0, flips = 0, right = 1, failed;

	for (size_t i = 0; i < 8 * b.n; i += 60013) {
		b.p[i / 8] ^= (unsigned char)(1u << i % 8);
		flips++;
		accepted += !through(&out, b, &s, &right);
		whole += !read_all(out, 0, &failed);
		free(out.p);
		b.p[i / 8] ^= (unsigned char)(1u << i % 8);
	}
	ok(!accepted, "each of %d flipped bits is noticed, %s", flips, way_names[BOTH]);
	ok(!whole, "and none leaves a whole stream downstream");

	/* in the payload of 'big', which begins at 448 */
	b.p[1000] ^= 1;
	ok(through(&out, b, &s, &right) == DET_CORRUPT &&
		strstr(det_errmsg(), "TENS 'big'"),
	    "a payload that was passed on before its check was known: %s",
	    det_errmsg());
	ok(read_all(out, 0, &failed) == DET_TRUNCATED && failed &&
		strstr(det_errmsg(), "the reason"),
	    "the stream is broken off behind it");
	ok(read_all(out, 1, &failed) == DET_CORRUPT,
	    "who uses the payload finds it as well");
	free(out.p);
	free(b.p);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	test_same("from pipe to pipe", large, (struct setup){ .slow = 0 });
	test_same("larger than the pipe", huge, (struct setup){ .slow = 0 });
	test_same("a slow reader", large, (struct setup){ .slow = 1 });
	test_same("descriptors that do not block", huge,
	    (struct setup){ .nonblocking = 1, .slow = 1 });
	test_same("sockets", huge, (struct setup){ .sockets = 1 });
	test_signals();
	test_cuts();
	test_damage();
	return done();
}
