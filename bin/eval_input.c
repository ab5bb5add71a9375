/* SPDX-License-Identifier: MIT
 *
 * How det-eval's set is filled: from streams, COCO's JSON, VOC's folders and text.
 */
#include "bin/eval_job.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "box/map.h"

/* A stream that is being read for its ground truth, its detections, or both. */
struct feed {
	struct tool *t;
	const struct eval_job *job;
	struct det_eval_set *set;
	struct det_eval_stems *stems; /* where images are found by name */
	struct det_eval_misfits *misfits;
	int take_gt, take_det;
	int32_t *label; /* of each class of the stream: the set's */
	size_t n_label;
	int begun;     /* the set has its classes */
	int64_t image; /* of the item; -1: none, or not known */
	int open, have_gt, have_det;
	struct tool_place
	    at;          /* of the item: what it lacks is seen where the next begins */
	int64_t next_id; /* for items whose number is taken */
	size_t items, unknown, bad;
	char *fed; /* of each image: its detections have come */
	size_t fed_cap;
	struct det_boxes list;
};

static void
feed_classes(struct feed *f, struct det_record *r)
{
	struct det_classes c = { 0 };

	tool_load(f->t, r);
	tool_check(f->t, det_classes_parse(&c, r->tensor.data, r->size));
	if (!f->begun && f->take_gt)
		tool_check(f->t, det_eval_set_classes(f->set, &c));
	f->begun = 1;
	free(f->label);
	tool_check(f->t, det_alloc(&f->label, c.n, sizeof *f->label));
	f->n_label = c.n;
	for (size_t i = 0; i < c.n; i++) {
		f->label[i] = det_eval_find_class_name(f->set, c.name[i]);
		if (f->label[i] < 0)
			tool_check(
			    f->t, det_eval_misfit_class(f->misfits, 0, c.name[i]));
	}
	det_classes_release(&c);
}

static void
item_ends(struct feed *f)
{
	if (!f->open)
		return;
	f->open = 0;
	if ((f->take_gt && !f->have_gt) ||
	    (f->take_det && !f->have_det && f->image >= 0))
		f->t->at = f->at;
	if (f->take_gt && !f->have_gt)
		tool_die(f->t,
		    "no box list '%s', which det-gt makes: give the ground truth with "
		    "--gt FILE",
		    f->job->gt_boxes);
	if (f->take_det && !f->have_det && f->image >= 0)
		tool_die(f->t, "no box list '%s', which det-nms makes", f->job->boxes);
}

/* An image of the stream's own. */
static void
add_image(struct feed *f, const struct det_item *it)
{
	const int64_t same = det_eval_find_image(f->set, it->id);
	int64_t id = it->id;
	uint32_t index;

	if (same >= 0 && !strcmp(f->set->image[same].name, it->path ? it->path : ""))
		tool_die(f->t, "it has come before, as number %lld", (long long)id);
	if (same >= 0) { /* streams one after another count anew */
		while (det_eval_find_image(f->set, f->next_id) >= 0)
			f->next_id++;
		id = f->next_id;
	}
	tool_check(f->t, det_eval_set_image(&index, f->set, id, it->path));
	f->image = index;
}

static void
item_begins(struct feed *f, const struct det_item *it)
{
	f->items++;
	f->at = f->t->at;
	f->have_gt = f->have_det = 0;
	f->image = -1;
	f->bad += it->error != NULL;
	f->open = it->error == NULL;
	if (it->error && !f->take_det)
		return;
	if (f->take_gt)
		add_image(f, it);
	else if (f->job->by_id)
		f->image = det_eval_find_image(f->set, it->id);
	else
		tool_check(f->t, det_eval_stems_find(&f->image, f->stems, f->set,
				     it->path ? it->path : ""));
	f->unknown += f->image < 0;
	if (f->image < 0)
		tool_check(
		    f->t, f->job->by_id
			      ? det_eval_misfit_image(f->misfits, it->id, NULL)
			      : det_eval_misfit_image(f->misfits, it->id, it->path));
}

/* The same results given twice would count as false positives. */
static void
feed_once(struct feed *f)
{
	const size_t i = (size_t)f->image, had = f->fed_cap;

	tool_check(f->t, det_grow(&f->fed, &f->fed_cap, i + 1, 1));
	memset(f->fed + had, 0, f->fed_cap - had);
	if (f->fed[i])
		tool_die(f->t,
		    "detections of this picture have come before (to compare "
		    "two results: --versus)");
	f->fed[i] = 1;
}

static void
item_list(struct feed *f, struct det_record *r, const struct det_item *it, int gt)
{
	int *have = gt ? &f->have_gt : &f->have_det;

	if ((*have)++)
		tool_die(f->t, "a second box list '%s'", det_record_name(r));
	if (f->image < 0)
		return;
	if (!gt)
		feed_once(f);
	tool_check(f->t, det_boxes_read(&f->list, r));
	tool_check(f->t, det_boxes_map(&f->list, it, DET_SPACE_IMAGE));
	tool_check(f->t, gt ? det_eval_add_gt_list(f->set, (uint32_t)f->image, &f->list,
				  f->label, f->n_label)
			    : det_eval_add_det_list(f->set, (uint32_t)f->image,
				  &f->list, f->label, f->n_label));
}

static void
feed_record(struct feed *f, struct det_record *r, const struct det_item *it)
{
	if (r->kind == DET_STREAM || r->kind == DET_ITEM || r->kind == DET_END)
		item_ends(f);
	if (r->kind == DET_STREAM)
		feed_classes(f, r);
	else if (r->kind == DET_ITEM)
		item_begins(f, it);
	else if (r->kind == DET_BOXES && f->open && f->take_gt &&
		 !strcmp(det_record_name(r), f->job->gt_boxes))
		item_list(f, r, it, 1);
	else if (r->kind == DET_BOXES && f->open && f->take_det &&
		 !strcmp(det_record_name(r), f->job->boxes))
		item_list(f, r, it, 0);
}

static void
feed_end(struct feed *f)
{
	if (f->bad && f->take_det)
		tool_warn(f->t,
		    "%zu of %zu items are marked as bad: they count as "
		    "pictures in which nothing was found",
		    f->bad, f->items);
	if (!f->take_gt && f->unknown == f->items && f->items > 0)
		tool_die(f->t,
		    "none of %zu items is a picture of the ground truth, as '%s' is: "
		    "is --by-id meant?",
		    f->items, f->set->n_image ? f->set->image[0].name : "");
	free(f->label);
	free(f->fed);
	det_boxes_release(&f->list);
}

/* A stream beside the tool's own. */
static void
read_side(struct feed *f, const char *path)
{
	struct tool_place at = f->t->at;
	struct det_reader *rd;
	struct det_record r = { 0 };
	struct det_item it = { 0 };
	int more;

	tool_check(f->t, det_reader_open(&rd, path));
	f->t->at.item = -1;
	for (;;) {
		if (det_reader_next(rd, &r, &more)) {
			if (f->t->at.item < 0 && !det_reader_failed(rd))
				tool_die(f->t, "%s: %s", path, det_errmsg());
			tool_read_failed(f->t, rd);
		}
		if (!more)
			break;
		if (r.kind == DET_ITEM) {
			tool_check(f->t, det_item_read(&it, &r));
			f->t->at.item++;
			(void)snprintf(f->t->at.path, sizeof f->t->at.path, "%s: %s",
			    path, it.path ? it.path : "");
		} else if (r.kind == DET_STREAM || r.kind == DET_END) {
			f->t->at.item = -1;
		}
		feed_record(f, &r, &it);
	}
	f->t->at = at;
	det_item_release(&it);
	det_record_release(&r);
	det_reader_close(rd);
}

static void
read_stdin_or_operands(struct feed *f)
{
	struct det_record r = { 0 };

	while (tool_read(f->t, &r))
		feed_record(f, &r, &f->t->cur);
	f->t->at.item = -1;
	det_record_release(&r);
}

static void
warn_misfits(struct tool *t, const struct det_eval_misfits *m, const char *of)
{
	if (m->images > 0)
		tool_warn(t, "%s: %zu %s the ground truth does not know, left out: %s",
		    of, m->images,
		    m->images > 1 ? "boxes of pictures" : "box of a picture",
		    m->image_ids.text);
	if (m->classes > 0)
		tool_warn(t, "%s: %zu %s the ground truth does not know, left out: %s",
		    of, m->classes,
		    m->classes > 1 ? "boxes of classes" : "box of a class",
		    m->class_ids.text);
}

/* Of streams whole items and classes are counted, not boxes. */
static void
warn_strangers(struct tool *t, const struct det_eval_misfits *m, const char *of)
{
	if (m->images > 0)
		tool_warn(t,
		    "%s: %zu of the pictures are not in the ground truth, left "
		    "out: %s",
		    of, m->images, m->image_ids.text);
	if (m->classes > 0)
		tool_warn(t,
		    "%s: %zu of the classes are not in the ground truth, left "
		    "out: %s",
		    of, m->classes, m->class_ids.text);
}

static void
read_streams(struct tool *t, struct eval_job *job)
{
	struct det_eval_misfits misfits = { 0 }, other = { 0 };
	struct det_eval_stems stems = { 0 };
	struct feed f = { .t = t,
		.job = job,
		.set = &job->set,
		.stems = &stems,
		.misfits = &misfits,
		.take_gt = 1,
		.take_det = !job->gt };

	if (job->gt)
		read_side(&f, job->gt);
	else
		read_stdin_or_operands(&f);
	feed_end(&f);
	tool_check(t, det_eval_stems_make(&stems, &job->set));
	if (job->gt) {
		f = (struct feed){ .t = t,
			.job = job,
			.set = &job->set,
			.stems = &stems,
			.misfits = &misfits,
			.take_det = 1 };
		read_stdin_or_operands(&f);
		feed_end(&f);
	}
	warn_strangers(t, &misfits, "detections");
	if (job->versus) {
		f = (struct feed){ .t = t,
			.job = job,
			.set = &job->other,
			.stems = &stems,
			.misfits = &other,
			.take_det = 1 };
		tool_check(t, det_eval_set_copy_truth(&job->other, &job->set));
		read_side(&f, job->versus);
		feed_end(&f);
		warn_strangers(t, &other, job->versus);
	}
	det_eval_misfits_release(&misfits);
	det_eval_misfits_release(&other);
	det_eval_stems_release(&stems);
}

static void
read_results(struct tool *t, struct det_eval_set *s, const char *path)
{
	struct det_eval_misfits misfits = { 0 };
	const size_t before = s->n_det;

	tool_check(t, det_eval_load_results(s, path, &misfits));
	if (misfits.images > 0 && s->n_det == before && !misfits.classes)
		tool_die(t,
		    "%s: none of the pictures is one of the ground truth: found %s, "
		    "expected such as %lld",
		    path, misfits.image_ids.text,
		    s->n_image ? (long long)s->image[0].id : 0);
	warn_misfits(t, &misfits, path);
	det_eval_misfits_release(&misfits);
}

static void
read_coco(struct tool *t, struct eval_job *job)
{
	struct det_eval_misfits misfits = { 0 };

	if (t->argc < 1)
		tool_usage(t, "--coco INSTANCES takes files of results as well");
	tool_check(t, det_eval_load_coco(&job->set, job->coco, &misfits));
	warn_misfits(t, &misfits, job->coco);
	det_eval_misfits_release(&misfits);
	if (job->versus) {
		tool_check(t, det_eval_set_copy_truth(&job->other, &job->set));
		read_results(t, &job->other, job->versus);
	}
	for (int i = 0; i < t->argc; i++) {
		for (int k = 0; k < i; k++)
			if (!strcmp(t->argv[i], t->argv[k]))
				tool_usage(t, "%s is given twice", t->argv[i]);
		read_results(t, &job->set, t->argv[i]);
	}
	if (t->argc > 1)
		tool_warn(t,
		    "%d files of results are read as one (to compare two: --versus)",
		    t->argc);
}

static void
read_voc(struct tool *t, struct eval_job *job)
{
	const struct det_truth_params p = {
		.format = DET_TRUTH_VOC, .path = job->voc, .split = job->split
	};
	struct det_eval_misfits misfits = { 0 };
	struct det_eval_stems stems = { 0 };
	struct det_truth truth;

	if (t->argc < 1)
		tool_usage(t, "--voc DIR takes files of results as well, one a class");
	if (job->versus)
		tool_usage(t, "--versus is for streams and COCO results");
	tool_check(t, det_truth_read(&truth, &p));
	tool_check(t, det_eval_load_truth(&job->set, &truth));
	det_truth_release(&truth);
	tool_check(t, det_eval_stems_make(&stems, &job->set));
	for (int i = 0; i < t->argc; i++)
		tool_check(
		    t, det_eval_load_voc(&job->set, &stems, t->argv[i], &misfits));
	warn_misfits(t, &misfits, "results");
	det_eval_misfits_release(&misfits);
	det_eval_stems_release(&stems);
}

/* Curves end where detections were cut off, and AP with them. */
static void
warn_scores(struct tool *t, const struct det_eval_set *s)
{
	double least = 1e300;

	for (size_t i = 0; i < s->n_det; i++)
		least = s->det[i].score < least ? s->det[i].score : least;
	if (s->n_det == 0)
		tool_warn(t, "there are no detections: AP is 0");
	else if (least > .05)
		tool_warn(t,
		    "no detection scores below %.3g: if a threshold cut them off, AP "
		    "is "
		    "lower than it could be (keep all above .001 or so)",
		    least);
}

/* Names that mean the same must be written the same. */
static void
warn_classes(struct tool *t, const struct det_eval_set *s)
{
	unsigned char *has;
	int both = 0;

	tool_check(t, det_calloc(&has, s->classes.n + 1, 1));
	for (size_t i = 0; i < s->n_gt; i++)
		if (s->gt[i].label >= 0)
			has[s->gt[i].label] = 1;
	for (size_t i = 0; i < s->n_det && !both; i++)
		both = s->det[i].label >= 0 && has[s->det[i].label];
	if (!both && s->n_gt > 0 && s->n_det > 0)
		tool_warn(t,
		    "no class has both objects and detections: are the classes' "
		    "names the same?");
	free(has);
}

void
eval_read(struct tool *t, struct eval_job *job)
{
	if ((job->coco != NULL) + (job->voc != NULL) + (job->gt != NULL) > 1)
		tool_usage(t, "one of --coco, --voc and --gt at a time");
	if (!job->coco && !job->voc && !job->gt && !strcmp(job->boxes, job->gt_boxes))
		tool_usage(t,
		    "--boxes and --gt-boxes: two lists expected, both are '%s'",
		    job->boxes);
	if (job->split && !job->voc)
		tool_usage(t, "--split is of --voc");
	if (job->coco)
		read_coco(t, job);
	else if (job->voc)
		read_voc(t, job);
	else
		read_streams(t, job);
	warn_scores(t, &job->set);
	warn_classes(t, &job->set);
}
