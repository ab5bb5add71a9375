/* SPDX-License-Identifier: MIT
 *
 * An item is the same in two streams if number and path are. Without allow_missing all
 * streams must have the same items in the same order. With it each must have them in
 * ascending order of their numbers; the lowest number that any stream stands at is the next
 * item, of those streams that have it.
 */
#include "bin/sides.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "bin/progress.h"
#include "box/merge.h"

/* Ends the program with the library's message, about a stream. */
static void
check_side(struct tool *t, const struct side *x, enum det_err e)
{
	if (e)
		tool_check(t, det_fail_in(e, "%s", x->name));
}

void
sides_start(struct tool *t, struct sides *s)
{
	int standard = 0;

	if (t->argc < 2)
		tool_usage(t, "two streams or more expected");
	s->n = (size_t)t->argc;
	tool_check(t, det_calloc(&s->side, s->n, sizeof *s->side));
	for (size_t i = 0; i < s->n; i++) {
		struct side *x = &s->side[i];

		x->name = t->argv[i];
		if (strcmp(x->name, "-") != 0) {
			tool_check(t, det_reader_open(&x->rd, x->name));
			continue;
		}
		x->name = "stdin";
		if (standard++)
			tool_usage(t, "'-' can be one of the streams only");
		if (isatty(0))
			tool_usage(
			    t, "standard input is a terminal: a stream expected");
		check_side(t, x, det_reader_open_fd(&x->rd, 0, x->name));
	}
}

void
sides_finish(struct sides *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct side *x = &s->side[i];

		det_item_release(&x->item);
		det_classes_release(&x->classes);
		free(x->label);
		det_record_release(&x->r);
		det_boxes_release(&x->list);
		det_reader_close(x->rd);
	}
	free(s->side);
}

/* 0 at the end of the input. */
static int
read_record(struct tool *t, struct side *x)
{
	int more;

	if (det_reader_would_block(x->rd))
		tool_check(t, det_writer_flush(t->out));
	if (det_reader_next(x->rd, &x->r, &more)) {
		if (!det_reader_failed(x->rd))
			(void)det_fail_in(DET_IO, "%s", x->name);
		tool_read_failed(t, x->rd);
	}
	return more;
}

static int
item_or_end(const struct side *x)
{
	return x->r.kind == DET_ITEM || x->r.kind == DET_END;
}

static const char *
path(const struct side *x)
{
	return x->item.path ? x->item.path : "";
}

static int
is_list(const struct sides *s, const struct side *x)
{
	return x->r.kind == DET_BOXES && !strcmp(det_record_name(&x->r), s->boxes);
}

/* Moves on to the next ITEM or END. */
static void
advance(struct tool *t, struct sides *s, struct side *x)
{
	long last = x->item.id;
	int first = !x->begun;

	for (;;) {
		(void)read_record(t, x);
		if (item_or_end(x))
			break;
		if (is_list(s, x) && x->used && x->have)
			tool_die(t, "%s: a second box list '%s'", x->name, s->boxes);
		if (x == s->lead && !is_list(s, x))
			tool_write(t, &x->r);
	}
	if (x->r.kind == DET_ITEM) {
		check_side(t, x, det_item_read(&x->item, &x->r));
		x->begun = 1;
		if (s->allow_missing && !first && x->item.id <= last)
			tool_die(t,
			    "%s: item %ld comes after item %ld: ascending numbers "
			    "expected where items may be missing",
			    x->name, x->item.id, last);
	}
	x->have = x->here = x->used = 0;
}

static void
join_classes(struct tool *t, struct sides *s, struct det_classes *sum, int *grew)
{
	const struct det_classes *first = &s->side[0].classes;

	*grew = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct side *x = &s->side[i];
		int changed, same = det_classes_same(&x->classes, first);

		if (!same && !s->by_name)
			tool_die(t,
			    "%s has other classes than %s: to go by their names, say "
			    "so "
			    "(--by-name)",
			    x->name, s->side[0].name);
		tool_check(t, det_calloc(&x->label, x->classes.n, sizeof *x->label));
		tool_check(t, det_classes_join(sum, x->label, &changed, &x->classes));
		*grew |= i > 0 && changed;
		/* a table may name two classes alike */
		for (size_t k = 0; same && k < x->classes.n; k++)
			x->label[k] = (long)k;
	}
}

/* Lines of the other streams say which stream they are of. */
static void
join_history(struct tool *t, struct sides *s, struct det_attrs *a)
{
	for (size_t i = 1; i < s->n; i++) {
		char *key, *value;
		size_t at = 0;

		for (;;) {
			struct det_buf b = { 0 };

			tool_check(
			    t, det_attr_next(&s->side[i].r.attrs, &at, &key, &value));
			if (!key)
				break;
			if (!strcmp(key, "history")) {
				tool_check(
				    t, det_buf_printf(&b, "%zu: %s", i + 1, value));
				tool_check(t, det_attr_add(a, "history", b.text));
			}
			det_buf_free(&b);
			free(key);
			free(value);
		}
	}
	tool_history(t, a);
}

static void
write_begin(struct tool *t, struct sides *s)
{
	struct det_record *r = &s->side[0].r;
	struct det_classes sum = { 0 };
	struct det_buf b = { 0 };
	int grew;

	join_classes(t, s, &sum, &grew);
	join_history(t, s, &r->attrs);
	if (grew) {
		tool_check(t, det_classes_text(&b, &sum));
		tool_check(
		    t, det_writer_make(t->out, DET_STREAM, &r->attrs, b.text, b.len));
	} else {
		tool_write(t, r);
	}
	det_buf_free(&b);
	det_classes_release(&sum);
}

int
sides_begin(struct tool *t, struct sides *s)
{
	size_t ended = 0;

	t->at.item = -1;
	for (size_t i = 0; i < s->n; i++) {
		struct side *x = &s->side[i];

		if (!read_record(t, x)) {
			ended++;
			continue;
		}
		if (ended)
			tool_die(
			    t, "%s goes on where %s ends", x->name, s->side[0].name);
		det_classes_release(&x->classes);
		free(x->label);
		x->label = NULL;
		check_side(t, x, det_record_load(&x->r));
		check_side(
		    t, x, det_classes_parse(&x->classes, x->r.tensor.data, x->r.size));
	}
	if (ended && ended < s->n)
		tool_die(t, "%s goes on where other streams end", s->side[0].name);
	if (ended)
		return 0;
	write_begin(t, s);
	s->lead = &s->side[0];
	for (size_t i = 0; i < s->n; i++) {
		det_item_release(&s->side[i].item);
		s->side[i].item = (struct det_item){ 0 };
		s->side[i].begun = s->side[i].used = 0;
		advance(t, s, &s->side[i]);
	}
	return 1;
}

/* The streams stand at items, or ends, that differ. */
static _Noreturn void
differ(struct tool *t, const struct side *a, const struct side *b)
{
	t->at.item = -1;
	if (b->r.kind == DET_END)
		tool_die(t, "%s has item %ld '%s' where %s ends", a->name, a->item.id,
		    path(a), b->name);
	if (a->r.kind == DET_END)
		tool_die(t, "%s ends where %s has item %ld '%s'", a->name, b->name,
		    b->item.id, path(b));
	tool_die(t, "%s has item %ld '%s' where %s has item %ld '%s'", a->name,
	    a->item.id, path(a), b->name, b->item.id, path(b));
}

static int
same_item(const struct side *a, const struct side *b)
{
	if (a->r.kind == DET_END || b->r.kind == DET_END)
		return a->r.kind == b->r.kind;
	return a->item.id == b->item.id && !strcmp(path(a), path(b));
}

/* The first side that stands at the next item; NULL where all stand at their ends. */
static struct side *
next_leader(const struct sides *s)
{
	struct side *lead = NULL;

	for (size_t i = 0; i < s->n; i++) {
		struct side *x = &s->side[i];

		if (x->r.kind == DET_ITEM && (!lead || x->item.id < lead->item.id))
			lead = x;
	}
	return lead;
}

/* Who has the leader's item; pictures of two sizes are not the same picture. */
static void
gather(struct tool *t, struct sides *s)
{
	const struct side *lead = s->lead;

	for (size_t i = 0; i < s->n; i++) {
		struct side *x = &s->side[i];

		x->here = same_item(lead, x);
		if (!x->here && (!s->allow_missing || (x->r.kind == DET_ITEM &&
							  x->item.id == lead->item.id)))
			differ(t, lead, x);
		x->used = x->here && !x->item.error;
		if (x->used && !lead->item.error && lead->item.width && x->item.width &&
		    (x->item.width != lead->item.width ||
			x->item.height != lead->item.height))
			tool_die(t, "the picture is %ldx%ld in %s and %ldx%ld in %s",
			    lead->item.width, lead->item.height, lead->name,
			    x->item.width, x->item.height, x->name);
	}
}

/* A bad item is bad in the output unless it may be missing and is good elsewhere. */
static void
judge(struct tool *t, struct sides *s)
{
	struct side *good = NULL, *bad = NULL;

	for (size_t i = s->n; i-- > 0;) {
		struct side *x = &s->side[i];

		if (x->used)
			good = x;
		else if (x->here)
			bad = x;
	}
	s->bad = bad && (!s->allow_missing || !good);
	if (!s->bad) {
		s->lead = good;
		return;
	}
	if (!s->lead->item.error)
		tool_check(
		    t, det_attr_set(&s->lead->r.attrs, "error", bad->item.error));
	for (size_t i = 0; i < s->n; i++)
		s->side[i].used = 0;
}

int
sides_item(struct tool *t, struct sides *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->side[i].here)
			advance(t, s, &s->side[i]);
	s->lead = s->allow_missing ? next_leader(s) : &s->side[0];
	if (!s->lead || s->lead->r.kind == DET_END) {
		for (size_t i = 1; i < s->n; i++)
			if (!same_item(&s->side[0], &s->side[i]))
				differ(t, &s->side[0], &s->side[i]);
		tool_stream_end(t);
		return 0;
	}
	t->at.item++;
	(void)snprintf(t->at.path, sizeof t->at.path, "%s", path(s->lead));
	gather(t, s);
	judge(t, s);
	tool_write(t, &s->lead->r);
	progress_item();
	return 1;
}

void
sides_list(struct tool *t, struct sides *s, struct side *x)
{
	for (;;) {
		(void)read_record(t, x);
		if (item_or_end(x))
			tool_die(t, "%s: no box list '%s'", x->name, s->boxes);
		if (is_list(s, x))
			break;
		if (x == s->lead)
			tool_write(t, &x->r);
	}
	x->have = 1;
	check_side(t, x, det_boxes_read(&x->list, &x->r));
	for (size_t i = 0; s->by_name && i < x->list.n; i++) {
		struct det_box *b = &x->list.box[i];

		if (b->label >= 0 && (size_t)b->label >= x->classes.n)
			tool_die(t, "%s: box %zu has label %d, of %zu classes", x->name,
			    i, (int)b->label, x->classes.n);
		if (b->label >= 0)
			b->label = (int32_t)x->label[b->label];
	}
}
