/* SPDX-License-Identifier: MIT
 *
 * det-run: run the pipeline that a model file carries, or print it.
 */
#include "bin/tool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "bin/named.h"
#include "bin/spawn.h"
#include "model/pipeline.h"

struct run {
	const char *dir, *list, *thresh, *iou;
	struct opt_many set;
	int print, skip_bad;
	long threads;
};

/* Adds "--name=value" to the stage of `tool`. */
static void
give(struct tool *t, struct det_pipeline *p, const char *tool, const char *name,
    const char *value)
{
	struct det_stage *s = det_pipeline_find(p, tool);
	struct det_buf b = { 0 };

	if (!s)
		tool_usage(t, "%s has no stage %s, which --%s is for", t->model_path,
		    tool, name);
	tool_check(t, value ? det_buf_printf(&b, "--%s=%s", name, value)
			    : det_buf_printf(&b, "--%s", name));
	tool_check(t, det_stage_add(s, b.text));
	det_buf_free(&b);
}

/* To the stages that compute; pictures are decoded on threads of their own. */
static void
give_threads(struct tool *t, struct det_pipeline *p, const char *n)
{
	static const char *const tools[] = { "det-backbone", "det-propose",
		"det-roipool", "det-head", "det-nms" };

	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
		if (det_pipeline_find(p, tools[i]))
			give(t, p, tools[i], "threads", n);
}

/* --set det-head.thresh=.1 */
static void
give_set(struct tool *t, struct det_pipeline *p, const char *word)
{
	char tool[64], name[64];
	const char *dot = strchr(word, '.'), *eq = strchr(word, '=');

	if (!dot || !eq || dot > eq || dot - word > 60 || eq - dot > 60)
		tool_usage(t,
		    "--set wants TOOL.OPTION=VALUE, as det-head.thresh=.1, found '%s'",
		    word);
	(void)snprintf(tool, sizeof tool, "%.*s", (int)(dot - word), word);
	(void)snprintf(name, sizeof name, "%.*s", (int)(eq - dot - 1), dot + 1);
	give(t, p, tool, name, eq + 1);
}

/* The model's stages with -m, the user's choices, the pictures, and the end of the pipe. */
static void
assemble(struct tool *t, const struct run *u, struct det_pipeline *p)
{
	struct det_buf dir = { 0 };
	const char *text;
	struct stat st;
	size_t len;
	char n[32];

	det_model_text(t->model, "pipeline", &text, &len);
	if (!text)
		tool_die(t, "%s carries no pipeline: it is no detector", t->model_path);
	/* each stage reads the model for itself */
	if (!named_is_default(t->model_path) &&
	    (stat(t->model_path, &st) < 0 || !S_ISREG(st.st_mode)))
		tool_die(t,
		    "%s: a model in a file expected, found something that can be "
		    "read only once",
		    t->model_path);
	if (det_pipeline_parse(p, text, len))
		tool_die(t, "%s: %s", t->model_path, det_errmsg());
	for (size_t i = 0; i < p->n; i++) {
		tool_check(t, det_stage_add(&p->stage[i], "-m"));
		tool_check(t, det_stage_add(&p->stage[i], t->model_path));
	}
	if (u->thresh)
		give(t, p, "det-head", "thresh", u->thresh);
	if (u->iou)
		give(t, p, "det-nms", "iou", u->iou);
	for (size_t i = 0; i < u->set.n; i++)
		give_set(t, p, u->set.v[i]);
	if (u->threads > 0) {
		(void)snprintf(n, sizeof n, "%ld", u->threads);
		give_threads(t, p, n);
	}
	if (u->skip_bad)
		give(t, p, "det-image", "skip-bad", NULL);
	if (u->list)
		give(t, p, "det-image", "list", u->list);
	if (t->argc > 0)
		tool_check(t, det_stage_add(&p->stage[0], "--"));
	for (int i = 0; i < t->argc; i++)
		tool_check(t, det_stage_add(&p->stage[0], t->argv[i]));
	if (u->dir) {
		tool_check(t, det_pipeline_add(p, "det-draw"));
		give(t, p, "det-draw", "tee", NULL);
		/* a slash says that it is a folder, whatever its name looks like */
		tool_check(t, det_buf_printf(&dir, "%s/", u->dir));
		give(t, p, "det-draw", "output", dir.text);
		det_buf_free(&dir);
	}
	tool_check(t, det_pipeline_add(p, "det-export"));
}

int
main(int argc, char *argv[])
{
	struct run u = { 0 };
	const struct opt opts[] = {
		OPT_STR('o', "output", &u.dir, "DIR",
		    "draw each picture with its boxes into the folder DIR"),
		OPT_FLAG(
		    'n', "dry-run", &u.print, "print the pipe instead of running it"),
		OPT_STR('t', "thresh", &u.thresh, "T", "keep boxes that score above T"),
		OPT_STR(0, "iou", &u.iou, "T",
		    "drop boxes that overlap a better one by more"),
		OPT_STR(0, "list", &u.list, "FILE", "read names of pictures from FILE"),
		OPT_MANY(0, "set", &u.set, "TOOL.OPTION=VALUE",
		    "any option of any stage; may be repeated"),
		OPT_LONG('j', "threads", &u.threads, 1, 1024, "N",
		    "threads of each stage that computes (default: the cores at hand)"),
		OPT_FLAG(0, "skip-bad", &u.skip_bad,
		    "report bad pictures and go on; exit 2 at the end"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-run",
		"Run the pipeline that a model carries on pictures. Prints a line per "
		"box: path,\nclass, score, x1, y1, x2, y2 in pixels of the picture.",
		"[IMAGE ...]", TOOL_MODEL | TOOL_DEFAULT, opts };
	struct tool t;
	struct det_pipeline p;
	struct det_buf text = { 0 };
	int status = 0;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	if (t.argc == 0 && !u.list && isatty(0))
		tool_usage(&t, "which pictures? give names, '-' for standard input, "
			       "--list FILE, or a stream on standard input");
	assemble(&t, &u, &p);

	/* work */
	if (u.print) {
		tool_check(&t, det_pipeline_text(&text, &p));
		if (fputs(text.text, stdout) < 0 || fflush(stdout))
			tool_die(&t, "standard output can't be written");
	} else {
		tool_check(&t, spawn_pipeline(&status, &p));
	}

	/* finish */
	det_buf_free(&text);
	det_pipeline_release(&p);
	t.bad = status != 0;
	return tool_finish(&t);
}
