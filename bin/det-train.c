/* SPDX-License-Identifier: MIT
 *
 * det-train: train a detector from a stream.
 */
#include "bin/train_job.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "train/optim.h"

int
main(int argc, char *argv[])
{
	struct train_options o = { .iterations = 0,
		.batch = 8,
		.accumulate = 1,
		.seed = 1,
		.log = 20,
		.lr = .01,
		.momentum = .9,
		.adam = { { .9, .999, 1e-8 }, 3 },
		.decay = 5e-4,
		.bn_momentum = -1,
		.checkpoint = 5,
		.gt = "gt" };
	const struct opt opts[] = {
		OPT_STR('o', "output", &o.dir, "DIR", "the folder of the run"),
		OPT_LONG(0, "iterations", &o.iterations, 0, 1L << 40, "N",
		    "updates of the weights (default: until the end)"),
		OPT_DOUBLE(0, "minutes", &o.minutes, 0, 1e7, "M",
		    "stop after M minutes (default: don't)"),
		OPT_LONG(0, "batch", &o.batch, 1, 4096, "N", "images at a time"),
		OPT_LONG(0, "accumulate", &o.accumulate, 1, 4096, "N",
		    "batches that make an update"),
		OPT_MANY(0, "loss", &o.loss, "LINE",
		    "what to train towards: 'ssd neg=3'; repeatable"),
		OPT_CHOICE(
		    0, "optimizer", &o.optimizer, det_optim_names, "NAME", "steps of"),
		OPT_DOUBLE(0, "lr", &o.lr, 1e-12, 1e3, "V", "learning rate"),
		OPT_STR(0, "schedule", &o.schedule, "TEXT",
		    "of the rate, as 'multistep=8000,9000:.1'"),
		OPT_STR(0, "warmup", &o.warmup, "TEXT",
		    "of the rate, as '500' or 'burnin=1000,4'"),
		OPT_DOUBLE(0, "momentum", &o.momentum, 0, DET_BELOW_ONE, "V", "of SGD"),
		OPT_FLAG(0, "nesterov", &o.nesterov, "momentum looks ahead"),
		OPT_LIST(0, "adam", &o.adam, 0, 1, "B1,B2,EPS", "Adam's numbers"),
		OPT_DOUBLE(0, "decay", &o.decay, 0, 10, "V", "weight decay"),
		OPT_STR(0, "lr-mult", &o.lr_mult, "RULES",
		    "factors of the rate, as ':bias=2,backbone/*=.1'"),
		OPT_STR(0, "decay-mult", &o.decay_mult, "RULES",
		    "factors of the decay, as ':bias=0,:norm=0'"),
		OPT_STR(0, "freeze", &o.freeze, "PATTERNS",
		    "weights that stay, as 'backbone/conv1*,:norm'"),
		OPT_DOUBLE(0, "clip", &o.clip, 0, 1e9, "V",
		    "longest gradient of all weights (default: any)"),
		OPT_DOUBLE(0, "clip-value", &o.clip_value, 0, 1e9, "V",
		    "greatest element of one (default: any)"),
		OPT_DOUBLE(0, "ema", &o.ema, 0, DET_BELOW_ONE, "V",
		    "average the weights, by V (default: don't)"),
		OPT_CHOICE(
		    0, "bn", &o.bn, train_bns, "HOW", "statistics of batch norm"),
		OPT_CHOICE(0, "bn-form", &o.bn_form, train_bn_forms, "FORM",
		    "of its running ones"),
		OPT_DOUBLE(0, "bn-momentum", &o.bn_momentum, -1, 1, "V",
		    "share of a new batch (default: the form's)"),
		OPT_LONG(
		    0, "seed", &o.seed, 0, 2147483647, "N", "of samplers and dropout"),
		OPT_LONG(0, "log", &o.log, 1, 1L << 30, "N", "iterations a row"),
		OPT_DOUBLE(0, "checkpoint", &o.checkpoint, 0, 1e6, "M",
		    "save every M minutes, 0: don't"),
		OPT_LONG(0, "checkpoint-every", &o.checkpoint_every, 0, 1L << 40, "N",
		    "and every N iterations (default: don't)"),
		OPT_STR(0, "val", &o.val, "STREAM",
		    "evaluate on these, as det-gt gives them"),
		OPT_LONG(0, "val-every", &o.val_every, 0, 1L << 40, "N",
		    "every N iterations (default: at the end)"),
		OPT_LONG(0, "val-epochs", &o.val_epochs, 0, 1L << 40, "N",
		    "and every N epochs of det-image (default: don't)"),
		OPT_CHOICE(
		    0, "val-rule", &o.val_rule, train_rules, "RULE", "of evaluation"),
		OPT_STR(0, "gt", &o.gt, "LIST", "name of the objects' list"),
		OPT_LONG(0, "from-item", &o.from, 0, 1L << 53, "N",
		    "the stream begins at item N of the whole"),
		OPT_FLAG(0, "resume", &o.resume,
		    "go on with the run in DIR, if there is one"),
		OPT_FLAG('n', "dry-run", &o.dry_run,
		    "try the first batch, say what it takes, write nothing"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-train",
		"Train a detector from a stream of pictures and their objects, into a "
		"folder.\nPrints the log as it grows.",
		"[FILE]", TOOL_MODEL | TOOL_RECIPE | TOOL_SIDES | TOOL_THREADS, opts };
	struct tool t;
	struct train_job j = { .t = &t, .o = &o };

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	if (!o.dir && !o.dry_run)
		tool_usage(&t, "which folder? give -o DIR");
	/* a recipe may have them for whoever has a stream to evaluate on */
	if (!o.val && (tool_given(&t, "val-every") || tool_given(&t, "val-epochs")))
		tool_usage(&t,
		    "--val-every and --val-epochs go with --val: evaluate on what?");

	/* work */
	if (o.dry_run)
		train_dry(&j);
	else
		train_run(&j);

	/* finish */
	train_close(&j);
	if (fflush(stdout) || ferror(stdout))
		tool_die(&t, "standard output: %s", strerror(errno));
	return tool_finish(&t);
}
