/* SPDX-License-Identifier: MIT
 *
 * What a tool waits for in each item: bin/hold.c over streams made here, with a tool of
 * which only what hold.c calls is there. It writes down what goes on, and what it dies of.
 */
#define _GNU_SOURCE
#include "bin/hold.c"

#include <setjmp.h>
#include <stdio.h>

#include "tests/unit/stream_feed.h"

static struct {
	jmp_buf die;
	char why[300];
	char written
	    [500]; /* "name " of what is passed on, "name+ " of what is loaded too */
} seen;

static void
note(const struct det_record *r, const char *mark)
{
	size_t n = strlen(seen.written);
	const char *name = det_record_name(r);

	(void)snprintf(seen.written + n, sizeof seen.written - n, "%s%s ",
	    *name ? name : det_kind_name(r->kind), mark);
}

void
tool_die(struct tool *t, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(seen.why, sizeof seen.why, "item %ld: ", t->at.item);

	va_start(ap, fmt);
	(void)vsnprintf(seen.why + n, sizeof seen.why - (size_t)n, fmt, ap);
	va_end(ap);
	longjmp(seen.die, 1);
}

void
tool_check(struct tool *t, enum det_err e)
{
	if (e)
		tool_die(t, "%s", det_errmsg());
}

void
tool_load(struct tool *t, struct det_record *r)
{
	tool_check(t, det_record_load(r));
}

void
tool_write(struct tool *t, struct det_record *r)
{
	(void)t;
	note(r,
	    r->tensor.data ? "!" : ""); /* loaded before: not as cheap as it could be */
}

void
tool_write_load(struct tool *t, struct det_record *r)
{
	note(r, "+");
	tool_load(t, r);
}

/* What a tool does that holds "a", "b", the optional "a.anchors" and the list "boxes", of
 * which "b" and "boxes" pass on. Each complete item is noted as "[a b a.anchors boxes]" with
 * the first byte of each, or - for what did not come. */
static void
each_item(struct tool *t, struct det_reader *rd, struct hold *h, struct det_record *r)
{
	int more;

	for (;;) {
		size_t n;

		tool_check(t, det_reader_next(rd, r, &more));
		if (!more)
			return;
		t->at.item += r->kind == DET_ITEM;
		t->cur.error = r->kind == DET_ITEM && r->attrs.len > 5 ? "bad" : NULL;
		if (!hold_record(t, h, r))
			continue;
		for (size_t i = 0; i < h->n; i++) {
			const unsigned char *p = h->tensor[i].data;

			n = strlen(seen.written);
			(void)snprintf(seen.written + n, sizeof seen.written - n,
			    p ? "%s%u" : "%s-", i ? " " : "[", p ? *p : 0u);
		}
		n = strlen(seen.written);
		(void)snprintf(seen.written + n, sizeof seen.written - n, "] ");
	}
}

/* Returns what went on; what the tool died of is in seen.why. */
static const char *
run(const char *recipe, int keep)
{
	static struct tool t;
	static struct hold h;
	static struct det_record r;
	static struct det_reader *rd;
	struct bytes b = build(recipe);
	struct feed f;

	t = (struct tool){ .keep = keep, .at.item = -1 };
	t.out = (struct det_writer *)&t; /* there is one */
	r = (struct det_record){ 0 };
	memset(&seen, 0, sizeof seen);
	hold_start(&t, &h, DET_TENSOR, 4, "det-maker");
	h.name[0] = "a";
	h.name[1] = "b";
	h.name[2] = "a.anchors";
	h.name[3] = "boxes";
	h.optional[2] = 1;
	h.kind[3] = DET_BOXES;
	h.pass[1] = h.pass[3] = 1;
	if (det_reader_open_fd(&rd, source(&f, b, 1), "in"))
		exit(1);
	if (!setjmp(seen.die))
		each_item(&t, rd, &h, &r);
	hold_finish(&h);
	det_record_release(&r);
	det_reader_close(rd);
	free(b.p);
	return seen.written;
}

#define ITEM  "ITEM id=0\n"
#define A     "TENS u8 1 name=a\n  1\n"
#define B     "TENS u8 1 name=b\n  2\n"
#define OPT   "TENS u8 1 name=a.anchors\n  3\n"
#define BOXES "BOXS name=boxes space=input\n  0 0 1 1 0.5 0\n"
#define OTHER "TENS u8 1 name=other\n  9\n"

static void
goes(const char *what, const char *records, int keep, const char *want)
{
	char recipe[2000];
	const char *got;

	(void)snprintf(recipe, sizeof recipe, "STRM\n%sEND.\n", records);
	got = run(recipe, keep);
	ok(!*seen.why && !strcmp(got, want), "%s: %s%s", what, got, seen.why);
}

static void
dies(const char *what, const char *records, const char *why)
{
	char recipe[2000];

	(void)snprintf(recipe, sizeof recipe, "STRM\n%sEND.\n", records);
	(void)run(recipe, 0);
	ok(!strcmp(seen.why, why), "%s: %s", what, seen.why);
}

int
main(void)
{
	goes("all come", ITEM OPT A B BOXES, 0, "STRM ITEM b+ boxes+ [1 2 3 0] END. ");
	goes("one that is optional does not", ITEM A B BOXES, 0,
	    "STRM ITEM b+ boxes+ [1 2 - 0] END. ");
	goes("or in one of two items", ITEM OPT A B BOXES ITEM A B BOXES, 0,
	    "STRM ITEM b+ boxes+ [1 2 3 0] ITEM b+ boxes+ [1 2 - 0] END. ");
	goes("any order", ITEM BOXES B OPT A, 0, "STRM ITEM boxes+ b+ [1 2 3 0] END. ");
	goes("what comes after the last passes", ITEM A B BOXES OTHER, 0,
	    "STRM ITEM b+ boxes+ [1 2 - 0] other END. ");
	goes("others pass, in their places", ITEM OTHER A OTHER B BOXES, 0,
	    "STRM ITEM other other b+ boxes+ [1 2 - 0] END. ");
	goes("under --keep all do", ITEM OPT A B BOXES, 1,
	    "STRM ITEM a.anchors+ a+ b+ boxes+ [1 2 3 0] END. ");
	goes("a list and a tensor of one name are two things",
	    ITEM "TENS u8 1 name=boxes\n  7\n" A B BOXES, 0,
	    "STRM ITEM boxes b+ boxes+ [1 2 - 0] END. ");
	goes("records before the first item pass", A OTHER ITEM A B BOXES, 0,
	    "STRM a other ITEM b+ boxes+ [1 2 - 0] END. ");
	goes("a bad item owes nothing, and keeps what it has",
	    "ITEM id=0 error=bad\n" A ITEM A B BOXES, 0,
	    "STRM ITEM a ITEM b+ boxes+ [1 2 - 0] END. ");
	goes("no items", "", 0, "STRM END. ");

	dies("none came", ITEM, "item 0: no tensor 'a': does det-maker come before?");
	dies("the list did not", ITEM A B OPT,
	    "item 0: no box list 'boxes': this item has 'a' 'b' 'a.anchors'");
	dies("others came", ITEM OTHER, "item 0: no tensor 'a': this item has 'other'");
	dies("the item before the last lacks one", ITEM A BOXES ITEM A B BOXES,
	    "item 0: no tensor 'b': this item has 'a' 'boxes'");
	dies("one comes twice", ITEM A A B BOXES, "item 0: a second tensor 'a'");
	dies("also after the last", ITEM A B BOXES BOXES,
	    "item 0: a second box list 'boxes'");
	dies("an optional one twice", ITEM OPT OPT A B BOXES,
	    "item 0: a second tensor 'a.anchors'");
	dies("and one too late", ITEM A B BOXES OPT,
	    "item 0: tensor 'a.anchors' comes too late: before what it belongs to "
	    "expected");
	return done();
}
