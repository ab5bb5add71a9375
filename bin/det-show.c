/* SPDX-License-Identifier: MIT
 *
 * det-show: print a stream, or build one from text.
 */
#include "bin/tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "stream/npy.h"
#include "stream/recipe.h"
#include "stream/show.h"

struct show {
	int history, classes, stats, data, tsv, check;
	const char *npy, *name, *build;
	long item;
	int found;
};

static void
put(struct tool *t, struct det_buf *b)
{
	if (b->len && fwrite(b->text, 1, b->len, tool_stdout(t)) != b->len)
		tool_die(t, "standard output can't be written");
	b->len = 0;
}

static void
show_npy(struct tool *t, struct show *s, struct det_record *r, struct det_buf *b)
{
	struct det_buf bytes = { 0 };

	if (r->kind != DET_TENSOR || strcmp(det_record_name(r), s->npy) != 0)
		return;
	if (s->item >= 0 && s->item != t->at.item)
		return;
	if (s->found++)
		tool_die(t, "a second tensor '%s': choose one with --item N", s->npy);
	tool_binary(t);
	tool_load(t, r);
	tool_check(t, det_npy_header(b, &r->tensor));
	put(t, b);
	bytes = (struct det_buf){ r->tensor.data, r->size, 0 };
	put(t, &bytes);
}

static void
show_head(struct tool *t, const struct show *s, struct det_record *r, struct det_buf *b)
{
	size_t at = 0;
	char *key, *value;

	if (r->kind != DET_STREAM)
		return;
	while (s->history) {
		tool_check(t, det_attr_next(&r->attrs, &at, &key, &value));
		if (!key)
			break;
		if (!strcmp(key, "history"))
			tool_check(t, det_buf_printf(b, "%s\n", value));
		free(key);
		free(value);
	}
	if (s->classes)
		tool_check(t, det_buf_add(b, r->tensor.data, r->size));
	det_text_clean(b->text, b->len, 1);
}

static void
show_record(struct tool *t, struct show *s, struct det_record *r, struct det_buf *b)
{
	if (s->check) {
		tool_check(t, det_show_check(r));
		return;
	}
	if (s->npy) {
		show_npy(t, s, r, b);
		return;
	}
	if (s->history || s->classes) {
		show_head(t, s, r, b);
		return;
	}
	if (s->item >= 0 && s->item != t->at.item && r->kind != DET_STREAM &&
	    r->kind != DET_END)
		return;
	if (s->name && strcmp(det_record_name(r), s->name) != 0)
		return;
	if (s->data) {
		tool_load(t, r);
		tool_check(t, det_recipe_print(b, r));
		return;
	}
	tool_check(t, det_show_line(b, r, s->tsv));
	if (s->stats && r->kind == DET_TENSOR) {
		tool_load(t, r);
		tool_check(t, det_show_stats(b, r, s->tsv));
	}
}

static void
build(struct tool *t, const char *path)
{
	struct det_buf b = { 0 };
	char *text;
	size_t len;

	tool_binary(t);
	tool_slurp(t, &text, &len, path, (size_t)1 << 30);
	tool_check(t, det_recipe_build(&b, text, len, path));
	put(t, &b);
	free(text);
	det_buf_free(&b);
}

int
main(int argc, char *argv[])
{
	struct show s = { .item = -1 };
	const struct opt opts[] = {
		OPT_FLAG(
		    0, "history", &s.history, "print only how the stream was made"),
		OPT_FLAG(0, "classes", &s.classes, "print only the class table"),
		OPT_FLAG(
		    0, "stats", &s.stats, "add a line of statistics to each tensor"),
		OPT_FLAG(
		    0, "data", &s.data, "print all values, as text that --build reads"),
		OPT_FLAG(0, "check", &s.check,
		    "verify all payloads, print nothing; exit 2 if one is damaged"),
		OPT_FLAG(0, "tsv", &s.tsv, "columns parted by tabs"),
		OPT_STR(0, "npy", &s.npy, "NAME", "write tensor NAME as a NumPy file"),
		OPT_STR(0, "name", &s.name, "NAME", "show only records of that name"),
		OPT_LONG(0, "item", &s.item, 0, 1e15, "N",
		    "show only item N, counted from 0 (default: all)"),
		OPT_STR(0, "build", &s.build, "RECIPE",
		    "build a stream from text ('-': standard input)"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-show",
		"Print a stream, or build one from text.", "[FILE ...]",
		TOOL_READS | TOOL_PRINTS, opts };
	struct tool t;
	struct det_record r = { 0 };
	struct det_buf b = { 0 };

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	if (s.build && t.argc > 0)
		tool_usage(&t, "--build takes no FILE besides its recipe");

	/* work */
	if (s.build)
		build(&t, s.build);
	while (!s.build && tool_read(&t, &r)) {
		show_record(&t, &s, &r, &b);
		put(&t, &b);
	}
	if (s.npy && !s.found)
		tool_die(&t, "no tensor '%s' in the stream", s.npy);

	/* finish */
	det_buf_free(&b);
	det_record_release(&r);
	return tool_finish(&t);
}
