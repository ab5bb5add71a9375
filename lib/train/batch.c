/* SPDX-License-Identifier: MIT
 *
 * One thread reads the stream and fills a ring of batches, the caller takes them in order.
 * What a batch holds depends on the stream alone; time decides only how far the thread is
 * ahead.
 */
#define _POSIX_C_SOURCE 200809L
#include "train/batch.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "box/map.h"

#define MAX_AHEAD 16
#define TEXT      256
#define LOOK      100 /* ms between looks at `stop` and `quit` */

struct slot {
	struct det_labelled out;
	size_t cap; /* of images, in floats */
	struct det_example *truth;
	size_t *first; /* of each image's boxes */
	char **path;
	struct det_boxes boxes; /* of all images */
	char text[DET_BATCH_FAULTS][TEXT];
};

struct det_batches {
	struct det_batches_params p;
	struct slot slot[MAX_AHEAD + 1];
	size_t n_slots;
	double waited;
	/* the thread's alone */
	struct det_record r, image;
	struct det_item item;
	struct det_boxes gt;
	int open, have_gt, have_image;
	long epoch;
	uint64_t items;
	int32_t *label; /* of the stream's classes; -1: none of the model's */
	size_t n_label;
	int head_read;
	/* shared */
	pthread_t thread;
	int started;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t filled, taken; /* batches, ever */
	int ended, quit;
	enum det_err err;
	char message[1024];
	struct det_attrs head;
};

const char *
det_batch_fault_about(enum det_batch_fault f)
{
	static const char *const about[] = { "boxes without an area",
		"boxes outside their picture",
		"boxes of classes that the model does not have", "bad items" };

	return about[f];
}

/* --- the thread: slots --- */

/* A slot to be filled, NULL where nobody wants more. */
static struct slot *
slot_next(struct det_batches *b)
{
	struct slot *s = NULL;

	(void)pthread_mutex_lock(&b->lock);
	/* the caller still looks at the one it took last */
	while (!b->quit && b->filled + 1 > b->taken + b->n_slots - (b->taken > 0))
		(void)pthread_cond_wait(&b->changed, &b->lock);
	if (!b->quit)
		s = &b->slot[b->filled % b->n_slots];
	(void)pthread_mutex_unlock(&b->lock);
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->out.n; i++)
		free(s->path[i]);
	s->out.n = 0;
	s->out.cut = 0;
	s->boxes.n = 0;
	memset(s->out.faults, 0, sizeof s->out.faults);
	return s;
}

static void
slot_give(struct det_batches *b, struct slot *s)
{
	for (size_t i = 0; i < s->out.n; i++)
		s->truth[i].box = s->truth[i].n ? s->boxes.box + s->first[i] : NULL;
	s->out.image.dims[0] = s->out.n;
	s->out.truth = s->truth;
	s->out.path = s->path;
	for (int f = 0; f < DET_BATCH_FAULTS; f++)
		s->out.fault[f] = s->text[f];
	(void)pthread_mutex_lock(&b->lock);
	b->filled++;
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
}

static enum det_err
slot_make(struct slot *s, size_t size)
{
	enum det_err e;

	if ((e = det_calloc(&s->truth, size, sizeof *s->truth)) ||
	    (e = det_calloc(&s->first, size, sizeof *s->first)))
		return e;
	return det_calloc(&s->path, size, sizeof *s->path);
}

static void
slot_release(struct slot *s)
{
	for (size_t i = 0; i < s->out.n; i++)
		free(s->path[i]);
	free(s->out.image.data);
	free(s->truth);
	free(s->first);
	free(s->path);
	det_boxes_release(&s->boxes);
}

/* --- the thread: items --- */

static void
fault(struct det_batches *b, struct slot *s, enum det_batch_fault f, const char *what)
{
	if (s->out.faults[f]++ == 0)
		(void)snprintf(s->text[f], TEXT, "item %llu '%.100s': %.120s",
		    (unsigned long long)(b->items - 1),
		    b->item.path ? b->item.path : "", what);
}

static enum det_err
item_fail(const struct det_batches *b, enum det_err e)
{
	return det_fail_in(e, "item %llu '%.200s'", (unsigned long long)(b->items - 1),
	    b->item.path ? b->item.path : "");
}

/* The label in the model's classes, -1: none. */
static int32_t
label_of(const struct det_batches *b, int32_t label)
{
	const size_t most = b->p.classes->n;

	if (label < 0)
		return -1;
	if (b->n_label)
		return (size_t)label < b->n_label ? b->label[label] : -1;
	return most == 0 || (size_t)label < most ? label : -1;
}

static double
within(double v, double lo, double hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* The box in the input, cut at the picture; says what is wrong with it. */
static enum det_batch_fault
take_box(const struct det_batches *b, struct det_box *box, const double rect[4])
{
	if (!(box->x2 - box->x1 >= DET_BATCH_LEAST &&
		box->y2 - box->y1 >= DET_BATCH_LEAST))
		return DET_BATCH_NO_AREA;
	box->x1 = within(box->x1, rect[0], rect[2]);
	box->x2 = within(box->x2, rect[0], rect[2]);
	box->y1 = within(box->y1, rect[1], rect[3]);
	box->y2 = within(box->y2, rect[1], rect[3]);
	if (!(box->x2 - box->x1 >= DET_BATCH_LEAST &&
		box->y2 - box->y1 >= DET_BATCH_LEAST))
		return DET_BATCH_OUTSIDE;
	box->label = label_of(b, box->label);
	return box->label < 0 ? DET_BATCH_CLASS : DET_BATCH_FAULTS;
}

static enum det_err
add_boxes(struct det_batches *b, struct slot *s)
{
	struct det_example *t = &s->truth[s->out.n];
	double rect[4];
	char text[TEXT];
	enum det_err e;

	if (b->item.in_w == 0 || b->item.in_h == 0) {
		b->item.in_h = (long)b->image.tensor.dims[2];
		b->item.in_w = (long)b->image.tensor.dims[3];
	}
	if ((e = det_boxes_map(&b->gt, &b->item, DET_SPACE_INPUT)) ||
	    (e = det_item_picture(rect, &b->item)))
		return e;
	*t = (struct det_example){
		.x1 = rect[0], .y1 = rect[1], .x2 = rect[2], .y2 = rect[3]
	};
	s->first[s->out.n] = s->boxes.n;
	for (size_t i = 0; i < b->gt.n; i++) {
		struct det_box box = b->gt.box[i];
		enum det_batch_fault f = take_box(b, &box, rect);

		if (f == DET_BATCH_FAULTS) {
			if ((e = det_boxes_add(&s->boxes, &box)))
				return e;
			t->n++;
			continue;
		}
		box = b->gt.box[i];
		(void)snprintf(text, sizeof text,
		    "box %zu: %.6g,%.6g %.6g,%.6g in the input, label %ld", i, box.x1,
		    box.y1, box.x2, box.y2, (long)box.label);
		fault(b, s, f, text);
	}
	return DET_OK;
}

static enum det_err
add_image(struct det_batches *b, struct slot *s)
{
	const struct det_tensor *t = &b->image.tensor;
	size_t one, all, bytes;
	enum det_err e;

	if ((e = det_tensor_count(&one, t)) || (e = det_mul(&all, one, b->p.size)) ||
	    (e = det_mul(&bytes, one, sizeof(float))) ||
	    (e = det_room(&s->out.image.data, &s->cap, all, sizeof(float))))
		return e;
	if (s->out.n == 0) {
		void *data = s->out.image.data;

		s->out.image = *t;
		s->out.image.data = data;
	}
	memcpy((float *)s->out.image.data + s->out.n * one, t->data, bytes);
	return DET_OK;
}

static int
same_size(const struct det_tensor *a, const struct det_tensor *b)
{
	return a->dims[1] == b->dims[1] && a->dims[2] == b->dims[2] &&
	       a->dims[3] == b->dims[3];
}

static enum det_err
item_whole(struct det_batches *b)
{
	if (!b->have_image)
		return det_fail(DET_INVALID,
		    "a tensor '%s' expected, found none: is det-image missing?",
		    b->p.image);
	if (!b->have_gt)
		return det_fail(DET_INVALID,
		    "a list '%s' of objects expected, found none: is det-gt missing?",
		    b->p.gt);
	return DET_OK;
}

/* The item that was read goes to the slot, or to the next; *s is NULL where nobody wants
 * more. */
static enum det_err
item_end(struct det_batches *b, struct slot **s)
{
	enum det_err e;

	if (!b->open)
		return DET_OK;
	b->open = 0;
	if (b->items <= b->p.skip)
		return DET_OK;
	if (b->item.error) {
		fault(b, *s, DET_BATCH_BAD, b->item.error);
		return DET_OK;
	}
	if ((e = item_whole(b)))
		return item_fail(b, e);
	if ((*s)->out.n > 0 && !same_size(&(*s)->out.image, &b->image.tensor)) {
		(*s)->out.cut = 1;
		slot_give(b, *s);
		if (!(*s = slot_next(b)))
			return DET_OK;
	}
	if ((e = add_image(b, *s)) || (e = add_boxes(b, *s)) ||
	    (e = det_strdup(
		 &(*s)->path[(*s)->out.n], b->item.path ? b->item.path : "")))
		return item_fail(b, e);
	(*s)->out.n++;
	(*s)->out.items = b->items;
	(*s)->out.epoch = (uint64_t)b->epoch;
	if ((*s)->out.n == b->p.size) {
		slot_give(b, *s);
		*s = slot_next(b);
	}
	return DET_OK;
}

/* --- the thread: records --- */

/* The stream's class table in the model's labels. */
static enum det_err
map_classes(struct det_batches *b, const struct det_classes *c)
{
	const struct det_classes *m = b->p.classes;
	size_t met = 0;
	enum det_err e;

	free(b->label);
	b->label = NULL;
	b->n_label = 0;
	if (m->n == 0 || c->n == 0)
		return DET_OK;
	if ((e = det_alloc(&b->label, c->n, sizeof *b->label)))
		return e;
	b->n_label = c->n;
	for (size_t i = 0; i < c->n; i++) {
		b->label[i] = -1;
		for (size_t k = 0; k < m->n && b->label[i] < 0; k++)
			if (!strcmp(c->name[i], m->name[k]))
				b->label[i] = (int32_t)k;
		met += b->label[i] >= 0;
	}
	if (!met)
		return det_fail(DET_INVALID,
		    "classes of the model expected, found none of them: the stream has "
		    "'%s' ..., the model '%s' ...",
		    c->name[0], m->name[0]);
	return DET_OK;
}

static enum det_err
stream_begin(struct det_batches *b)
{
	struct det_classes c = { 0 };
	enum det_err e;

	if ((e = det_record_load(&b->r)) ||
	    (e = det_classes_parse(&c, b->r.tensor.data, b->r.size)))
		return e;
	e = map_classes(b, &c);
	det_classes_release(&c);
	if (e || b->head_read++)
		return e;
	b->head = b->r.attrs;
	b->r.attrs = (struct det_attrs){ 0 };
	return DET_OK;
}

static enum det_err
item_begin(struct det_batches *b)
{
	enum det_err e;

	b->items++;
	b->open = 1;
	b->have_gt = b->have_image = 0;
	b->epoch = 0;
	e = det_attr_long(&b->epoch, &b->r.attrs, "epoch", 0, LONG_MAX);
	return e ? e : det_item_read(&b->item, &b->r);
}

/* Keeps the picture: its record, and another for those that follow. */
static enum det_err
image_read(struct det_batches *b)
{
	struct det_record r = b->r;
	const struct det_tensor *t = &r.tensor;
	char shape[64];
	enum det_err e;

	if (t->dtype != DET_F32 || t->rank != 4 || t->dims[0] != 1)
		return item_fail(
		    b, det_fail(DET_INVALID,
			   "tensor '%s': one image of f32 expected, found %s %s",
			   b->p.image, det_dtype_name(t->dtype),
			   det_shape_text(shape, sizeof shape, t)));
	if ((e = det_record_load(&b->r)))
		return item_fail(b, e);
	r = b->r;
	b->r = b->image;
	b->image = r;
	b->have_image = 1;
	return DET_OK;
}

static enum det_err
record(struct det_batches *b, struct slot **s)
{
	const char *name = det_record_name(&b->r);
	enum det_err e;

	switch (b->r.kind) {
	case DET_STREAM:
	case DET_ITEM:
	case DET_END:
		if ((e = item_end(b, s)) || !*s)
			return e;
		return b->r.kind == DET_STREAM ? stream_begin(b)
		       : b->r.kind == DET_ITEM ? item_begin(b)
					       : DET_OK;
	case DET_TENSOR:
		if (b->items <= b->p.skip || strcmp(name, b->p.image) != 0)
			return DET_OK;
		return image_read(b);
	case DET_BOXES:
		if (b->items <= b->p.skip || strcmp(name, b->p.gt) != 0)
			return DET_OK;
		b->have_gt = 1;
		e = det_boxes_read(&b->gt, &b->r);
		return e ? item_fail(b, e) : DET_OK;
	default: return DET_OK;
	}
}

static int
has_faults(const struct slot *s)
{
	size_t n = 0;

	for (int f = 0; f < DET_BATCH_FAULTS; f++)
		n += s->out.faults[f];
	return n > 0;
}

/* 0 where nobody wants more. */
static int
wait_bytes(struct det_batches *b)
{
	struct pollfd p = { .fd = b->p.fd, .events = POLLIN };
	int quit = 0;

	while (b->p.fd >= 0 && !quit && det_reader_would_block(b->p.in)) {
		(void)poll(&p, 1, LOOK);
		(void)pthread_mutex_lock(&b->lock);
		quit = b->quit;
		(void)pthread_mutex_unlock(&b->lock);
	}
	return !quit;
}

static enum det_err
read_all(struct det_batches *b)
{
	struct slot *s = slot_next(b);
	enum det_err e;
	int more;

	while (s && wait_bytes(b)) {
		if ((e = det_reader_next(b->p.in, &b->r, &more)))
			return e;
		if (!more)
			break;
		if ((e = record(b, &s)))
			return e;
	}
	if (s && (s->out.n > 0 || has_faults(s)))
		slot_give(b, s);
	return DET_OK;
}

static void *
reader(void *arg)
{
	struct det_batches *b = arg;
	enum det_err e = read_all(b);

	(void)pthread_mutex_lock(&b->lock);
	b->ended = 1;
	b->err = e;
	if (e)
		(void)snprintf(b->message, sizeof b->message, "%s", det_errmsg());
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* --- the caller --- */

enum det_err
det_batches_new(struct det_batches **out, const struct det_batches_params *p)
{
	struct det_batches *b;
	enum det_err e;

	*out = NULL;
	if (p->size < 1 || p->size > 65536 || p->ahead < 1 || p->ahead > MAX_AHEAD)
		return det_fail(DET_INVALID,
		    "batches of 1 to 65536 images and 1 to %d ahead expected, found "
		    "%zu "
		    "and %d",
		    MAX_AHEAD, p->size, p->ahead);
	if (p->first > p->skip)
		return det_fail(DET_INVALID,
		    "a stream from item %llu or before expected, found one from %llu",
		    (unsigned long long)p->skip, (unsigned long long)p->first);
	if ((e = det_calloc(&b, 1, sizeof *b)))
		return e;
	b->p = *p;
	b->items = p->first;
	b->p.image = p->image ? p->image : "image";
	b->p.gt = p->gt ? p->gt : "gt";
	b->n_slots = (size_t)p->ahead + 1;
	(void)pthread_mutex_init(&b->lock, NULL);
	(void)pthread_cond_init(&b->changed, NULL);
	for (size_t i = 0; !e && i < b->n_slots; i++)
		e = slot_make(&b->slot[i], p->size);
	if (!e && pthread_create(&b->thread, NULL, reader, b))
		e = det_fail(DET_NOMEM, "no thread to read with");
	b->started = !e;
	if (e) {
		det_batches_free(b);
		return e;
	}
	*out = b;
	return DET_OK;
}

void
det_batches_free(struct det_batches *b)
{
	if (!b)
		return;
	(void)pthread_mutex_lock(&b->lock);
	b->quit = 1;
	(void)pthread_cond_broadcast(&b->changed);
	(void)pthread_mutex_unlock(&b->lock);
	if (b->started)
		(void)pthread_join(b->thread, NULL);
	for (size_t i = 0; i < b->n_slots; i++)
		slot_release(&b->slot[i]);
	(void)pthread_cond_destroy(&b->changed);
	(void)pthread_mutex_destroy(&b->lock);
	det_record_release(&b->r);
	det_record_release(&b->image);
	det_item_release(&b->item);
	det_boxes_release(&b->gt);
	free(b->label);
	free(b->head.text);
	free(b);
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Waits for a batch, under the lock; looks at `stop` in between. */
static void
wait_batch(struct det_batches *b)
{
	const double start = now();

	while (b->filled == b->taken && !b->ended && !(b->p.stop && *b->p.stop)) {
		struct timespec t;

		(void)clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += LOOK * 1000000L;
		if (t.tv_nsec >= 1000000000L) {
			t.tv_nsec -= 1000000000L;
			t.tv_sec++;
		}
		(void)pthread_cond_timedwait(&b->changed, &b->lock, &t);
	}
	b->waited += now() - start;
}

enum det_err
det_batches_next(const struct det_labelled **out, struct det_batches *b)
{
	enum det_err e = DET_OK;

	*out = NULL;
	(void)pthread_mutex_lock(&b->lock);
	wait_batch(b);
	if (b->p.stop && *b->p.stop) {
		(void)pthread_mutex_unlock(&b->lock);
		return DET_OK;
	}
	if (b->filled > b->taken) {
		*out = &b->slot[b->taken++ % b->n_slots].out;
		(void)pthread_cond_broadcast(&b->changed);
	} else {
		e = b->err;
	}
	(void)pthread_mutex_unlock(&b->lock);
	return e ? det_fail(e, "%s", b->message) : DET_OK;
}

double
det_batches_waited(const struct det_batches *b)
{
	return b->waited;
}

const struct det_attrs *
det_batches_head(const struct det_batches *b)
{
	return &b->head;
}
