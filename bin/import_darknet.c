/* SPDX-License-Identifier: MIT
 *
 * det-model import darknet: a cfg and its weights; and the parts of that which
 * `det-model new --darknet` shares.
 */
#include "bin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "image/resize.h"

const char *const model_darknet_bns[] = { "auto", "cpu", "gpu", NULL };
const char *const model_darknet_fits[] = { "auto", "letterbox", "stretch", NULL };

struct det_darknet *
model_darknet_parse(struct tool *t, const struct model_darknet *s, const char *cfg)
{
	struct det_darknet_params p = DET_DARKNET_DEFAULTS;
	struct det_darknet *d;
	char *text;
	size_t len;
	enum det_err e;

	p.bn = (enum det_darknet_bn)s->bn;
	p.fit = (enum det_darknet_fit)s->fit;
	p.kernel = det_kernel_names[s->kernel];
	p.ignore_unknown = s->ignore_unknown;
	e = det_file_read(&text, &len, cfg, MODEL_MAX_TEXT);
	if (e == DET_LIMIT)
		tool_die(
		    t, "%s: too large for a cfg: are CFG and WEIGHTS swapped?", cfg);
	tool_check(t, e);
	tool_check(t, det_darknet_parse(&d, text, len, cfg, &p));
	free(text);
	return d;
}

void
model_darknet_begin(
    struct tool *t, const struct model_darknet *s, const struct det_darknet *d)
{
	struct det_classes c;
	char *names = NULL;
	size_t len = 0;

	if (s->classes)
		tool_check(t, det_file_read(&names, &len, s->classes, MODEL_MAX_TEXT));
	tool_check(t, det_darknet_names(&c, d, names, len, s->classes));
	model_warn_lines(t, det_darknet_notes(d));
	tool_stream_classes(t, &c);
	det_classes_release(&c);
	free(names);
}

void
model_darknet_write(
    struct tool *t, const struct model_darknet *s, struct det_darknet *d)
{
	model_darknet_begin(t, s, d);
	tool_check(t, det_darknet_write(t->out, d));
	tool_stream_end(t);
	det_darknet_free(d);
}

int
import_darknet(int argc, char *argv[])
{
	struct model_darknet s = { 0 };
	const struct opt opts[] = { OPT_CLASSES(&s.classes), OPT_DARKNET(s), OPT_END };
	const struct tool_spec spec = { "det-model import darknet",
		"Import a network and its weights: Darknet's .cfg and .weights.",
		"CFG WEIGHTS", TOOL_WRITES, opts };
	struct det_darknet *d;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (t.argc != 2)
		tool_usage(&t, "CFG and WEIGHTS expected, found %d operands", t.argc);
	d = model_darknet_parse(&t, &s, t.argv[0]);
	if (det_darknet_classes(d) && !s.classes)
		tool_usage(&t, "%s has %zu classes: give their names, --classes NAMES",
		    t.argv[0], det_darknet_classes(d));
	tool_check(&t, det_darknet_load(d, t.argv[1]));
	model_darknet_write(&t, &s, d);
	return tool_finish(&t);
}
