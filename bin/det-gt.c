/* SPDX-License-Identifier: MIT
 *
 * det-gt: ground truth of a data set in, items with their box list "gt" out.
 */
#include "bin/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/audit.h"
#include "data/pick.h"
#include "data/results.h"
#include "data/truth.h"

static const char *const corners[] = { "usual", "inclusive", "inclusive0", "continuous",
	NULL };

struct settings {
	const char *voc, *coco, *yolo, *csv, *shard, *results;
	struct det_truth_params p;
	struct det_pick pick;
	int check, heads, number;
};

static void
set_source(struct tool *t, struct settings *s)
{
	const char *path[] = { s->voc, s->coco, s->yolo, s->csv };
	int given = 0;

	for (int i = 0; i < 4; i++)
		if (path[i]) {
			s->p.format = (enum det_truth_format)i;
			s->p.path = path[i];
			given++;
		}
	if (given != 1)
		tool_usage(t,
		    "one of --voc DIR, --coco FILE, --yolo DIR and --csv FILE "
		    "expected");
	if (s->p.split && (s->coco || s->csv))
		tool_usage(t, "--split: --voc or --yolo expected with it");
	if ((s->p.names || s->p.snap) && !s->yolo)
		tool_usage(t, "--names and --snap: --yolo expected with them");
	if (s->p.corners && !s->voc && !s->csv)
		tool_usage(t, "--corners: --voc or --csv expected with it");
	if (s->shard && det_pick_shard(&s->pick, s->shard))
		tool_usage(t, "--shard: %s", det_errmsg());
}

static void
write_image(struct tool *t, const struct det_truth *truth, size_t i, long id,
    const struct det_results *results, struct det_boxes *boxes)
{
	struct det_item it;

	det_truth_item(&it, truth, i);
	if (id >= 0)
		it.id = id;
	t->at.item++;
	(void)snprintf(t->at.path, sizeof t->at.path, "%s", it.path);
	tool_check(t, det_item_write(t->out, &it));
	tool_check(t, det_truth_boxes(boxes, truth, i));
	tool_check(t, det_boxes_write(t->out, "gt", boxes, NULL));
	if (!results->first)
		return;
	tool_check(t, det_results_boxes(boxes, results, i));
	tool_check(t, det_boxes_write(t->out, "boxes", boxes, NULL));
}

static void
write_all(struct tool *t, const struct settings *s)
{
	struct det_results results = { 0 };
	struct det_boxes boxes = { 0 };
	struct det_truth truth;
	size_t *order, *number, n;

	tool_check(t, det_truth_read(&truth, &s->p));
	if (s->results)
		tool_check(
		    t, det_results_read(&results, &truth, s->results, s->p.corners));
	tool_check(t, det_pick_order(&order, &n, &truth, &s->pick));
	tool_check(t, det_pick_numbers(&number, &truth, &s->pick));
	tool_binary(t);
	tool_check(t, det_writer_open_fd(&t->out, t->out_fd,
			  t->out_path ? t->out_path : "standard output"));
	tool_stream_classes(t, &truth.classes);
	for (size_t k = 0; k < n; k++)
		write_image(t, &truth, order[k],
		    s->number ? (long)number[order[k]] : -1, &results, &boxes);
	tool_stream_end(t);
	det_boxes_release(&boxes);
	det_results_release(&results);
	free(order);
	free(number);
	det_truth_release(&truth);
}

/* 1: something is wrong. */
static int
check(struct tool *t, const struct settings *s)
{
	const struct det_check_params p = { s->p, s->heads, tool_threads(t) };
	struct det_buf table = { 0 };
	size_t bad = 0;

	tool_check(t, det_check(&table, &bad, &p));
	(void)fwrite(table.text, 1, table.len, tool_stdout(t));
	det_buf_free(&table);
	return bad > 0;
}

int
main(int argc, char *argv[])
{
	struct settings s = { .pick = DET_PICK_ALL };
	const struct opt opts[] = {
		OPT_STR(0, "voc", &s.voc, "DIR", "a folder of PASCAL VOC annotations"),
		OPT_STR(0, "coco", &s.coco, "FILE", "COCO instances, JSON"),
		OPT_STR(0, "yolo", &s.yolo, "DIR", "a folder of YOLO labels"),
		OPT_STR(0, "csv", &s.csv, "FILE", "a table with a head line"),
		OPT_STR(0, "split", &s.p.split, "NAME",
		    "voc, yolo: the pictures of this split"),
		OPT_STR(0, "images", &s.p.images, "DIR", "where the pictures are"),
		OPT_STR(0, "names", &s.p.names, "FILE", "yolo: names of the classes"),
		OPT_STR(0, "table", &s.p.classes, "FILE",
		    "the class table: name, or name tab id, a line"),
		OPT_FLAG(0, "skip-unknown", &s.p.skip_unknown,
		    "leave out boxes of classes not in --table"),
		OPT_CHOICE(0, "corners", &s.p.corners, corners, "RULE",
		    "voc, csv: what corners mean"),
		OPT_FLAG(0, "snap", &s.p.snap,
		    "yolo: to whole pixels where the digits allow it"),
		OPT_STR(0, "results", &s.results, "PATH",
		    "add a list 'boxes': COCO results, or a folder of VOC's"),
		OPT_FLAG(0, "sort", &s.pick.sort, "order by the names of the files"),
		OPT_FLAG(0, "number", &s.number, "ids from 0, not the data set's"),
		OPT_FLAG(
		    0, "shuffle", &s.pick.shuffle, "in an order that chance gives"),
		OPT_LONG(0, "seed", &s.pick.seed, 0, 1L << 53, "N", "of that chance"),
		OPT_STR(0, "shard", &s.shard, "I/N", "take share I (from 1) of N"),
		OPT_FLAG(0, "check", &s.check,
		    "print what is wrong with the data set, as TSV"),
		OPT_FLAG(
		    0, "heads", &s.heads, "check: read only the heads of the pictures"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-gt",
		"Read ground truth: items with their boxes.", NULL,
		TOOL_PRINTS | TOOL_THREADS, opts };
	struct tool t;
	int bad = 0, status;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	set_source(&t, &s);

	/* work */
	if (s.check)
		bad = check(&t, &s);
	else
		write_all(&t, &s);

	/* finish */
	status = tool_finish(&t);
	return status ? status : bad;
}
