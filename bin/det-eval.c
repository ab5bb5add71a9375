/* SPDX-License-Identifier: MIT
 *
 * det-eval: how good detections are.
 */
#include "bin/eval_job.h"

static void
print_report(struct tool *t, const struct eval_job *job)
{
	struct det_buf b = { 0 };

	tool_check(t, job->json  ? det_report_json(&b, &job->report)
		      : job->tsv ? det_report_tsv(&b, &job->report)
				 : det_report_text(&b, &job->report));
	(void)fwrite(b.text, 1, b.len, tool_stdout(t));
	det_buf_free(&b);
}

int
main(int argc, char *argv[])
{
	static struct eval_job job = { .rules = "coco",
		.boxes = "boxes",
		.gt_boxes = "gt",
		.at_iou = .5,
		.min_score = .25,
		.seed = 1,
		.level = .95 };
	const struct opt opts[] = {
		OPT_STR(0, "coco", &job.coco, "INSTANCES",
		    "COCO ground truth, JSON; FILE: COCO results"),
		OPT_STR(0, "voc", &job.voc, "DIR",
		    "PASCAL VOC ground truth; FILE: VOC results, one a class"),
		OPT_STR(
		    0, "split", &job.split, "NAME", "voc: the pictures of this split"),
		OPT_STR(0, "gt", &job.gt, "STREAM",
		    "ground truth, from det-gt; FILE: streams of detections"),
		OPT_FLAG(0, "by-id", &job.by_id,
		    "gt: pictures are equal by number, not by name"),
		OPT_STR(0, "boxes", &job.boxes, "NAME", "the detections' box list"),
		OPT_STR(0, "gt-boxes", &job.gt_boxes, "NAME", "the ground truth's"),
		OPT_STR(0, "rule", &job.rules, "RULE,...",
		    "coco, voc07, voc10, voc07-py, voc10-py, darknet"),
		OPT_LIST(0, "iou", &job.iou, 0, 1, "T,T...",
		    "IoU thresholds (default: the rule's)"),
		OPT_LIST(0, "max-dets", &job.max_dets, 1, 1e9, "N,N...",
		    "detections a picture and class (default: the rule's)"),
		OPT_FLAG(0, "agnostic", &job.agnostic, "all classes are one"),
		OPT_FLAG(0, "plus-one", &job.plus_one, "sides are x2 - x1 + 1"),
		OPT_FLAG(0, "per-class", &job.per_class, "print each class's numbers"),
		OPT_FLAG(
		    0, "best-f1", &job.best_f1, "print the score with the best F1"),
		OPT_FLAG(0, "lrp", &job.lrp, "print the optimal LRP error"),
		OPT_FLAG(0, "tide", &job.tide, "print what AP is lost to, by TIDE"),
		OPT_FLAG(0, "confusion", &job.confusion, "print classes confused"),
		OPT_DOUBLE(0, "at-iou", &job.at_iou, .01, .99, "T",
		    "IoU of these, of curves and matches"),
		OPT_DOUBLE(0, "min-score", &job.min_score, -1e300, 1e300, "S",
		    "confusion: detections scored at least S"),
		OPT_LONG(0, "bootstrap", &job.draws, 2, 1000000, "N",
		    "print confidence intervals, of N draws of the images"),
		OPT_LONG(0, "seed", &job.seed, 0, 1L << 53, "N", "of these draws"),
		OPT_DOUBLE(0, "level", &job.level, .5, .9999, "P", "of the intervals"),
		OPT_STR(0, "versus", &job.versus, "FILE",
		    "bootstrap: is this second result better?"),
		OPT_FLAG(0, "json", &job.json, "print all as JSON"),
		OPT_FLAG(0, "tsv", &job.tsv, "print all as a table"),
		OPT_STR(0, "plots", &job.plots, "DIR",
		    "write curves and confusion there: TSV, SVG, PNG"),
		OPT_STR(0, "matches", &job.matches, "PATH", "write every match as TSV"),
		OPT_STR(0, "require", &job.require, "Q,Q...",
		    "exit with 1 unless so, as AP50>=.40,AR100>=.5"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-eval",
		"Compare detections with ground truth: AP, AR and what lies behind "
		"them.",
		"[FILE ...]", TOOL_READS | TOOL_PRINTS | TOOL_THREADS, opts };
	struct tool t;
	int no, status;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	eval_choose_rules(&t, &job);

	/* work */
	eval_read(&t, &job);
	if (job.versus && job.draws == 0)
		job.draws = 1000;
	eval_run(&t, &job);
	print_report(&t, &job);
	eval_write_files(&t, &job);
	no = eval_answer(&t, &job);

	/* finish */
	eval_release(&job);
	status = tool_finish(&t);
	return status ? status : no;
}
