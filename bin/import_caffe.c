/* SPDX-License-Identifier: MIT
 *
 * det-model import caffe: a prototxt and its weights; or weights alone for an architecture
 * of the toolkit.
 */
#include "bin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "box/anchors.h"
#include "caffe/caffe.h"
#include "caffe/caffemodel.h"
#include "image/norm.h"
#include "image/resize.h"
#include "model/names.h"

static const char *const fits[] = { "none", "stretch", "letterbox", "short", NULL };
static const char *const orders[] = { "rgb", "bgr", NULL };

struct settings {
	const char *classes, *anchors;
	int fit, kernel, channels;
	struct det_caffe_params p;
};

static void
check_numbers(struct tool *t, const char *option, const char *s, int size)
{
	double v[4];
	size_t n;

	if (!s)
		return;
	if (det_parse_doubles(v, &n, 4, s, -1e9, 1e9))
		tool_usage(t, "--%s: %s", option, det_errmsg());
	if (size ? n != 4 : n != 1 && n != 3)
		tool_usage(t, "--%s: %s expected, found %zu", option,
		    size ? "four numbers" : "one number or three", n);
}

/* What would only be found wrong when the model is run. */
static void
check_settings(struct tool *t, struct settings *s)
{
	double scale;

	check_numbers(t, "mean", s->p.mean, 0);
	check_numbers(t, "std", s->p.std, 0);
	check_numbers(t, "variance", s->p.variance, 1);
	if (s->p.scale && det_scale_parse(&scale, s->p.scale))
		tool_usage(t, "--scale: %s", det_errmsg());
	if (tool_given(t, "fit"))
		s->p.fit = fits[s->fit];
	if (tool_given(t, "kernel"))
		s->p.kernel = det_kernel_names[s->kernel];
	if (tool_given(t, "channels"))
		s->p.channels = orders[s->channels];
}

/* The anchors of a profile, or a file of them; freed with the result. */
static char *
read_anchors(struct tool *t, struct settings *s)
{
	char *text = NULL;

	if (!s->anchors)
		return NULL;
	if ((s->p.anchors = det_anchors_profile(s->anchors))) {
		s->p.anchors_len = strlen(s->p.anchors);
		return NULL;
	}
	tool_slurp(t, &text, &s->p.anchors_len, s->anchors, MODEL_MAX_TEXT);
	s->p.anchors = text;
	return text;
}

static struct det_caffe *
parse(struct tool *t, struct settings *s)
{
	struct det_caffe *c;
	char *text, *anchors = read_anchors(t, s);
	size_t len;

	tool_slurp(t, &text, &len, t->argv[0], (size_t)4 << 20);
	tool_check(t, det_caffe_parse(&c, text, len, t->argv[0], &s->p));
	free(text);
	free(anchors);
	return c;
}

static void
read_classes(
    struct tool *t, struct det_classes *out, const struct settings *s, size_t want)
{
	char *text;
	size_t len;

	if (!s->classes) {
		tool_check(t, det_names_make(out, want));
		return;
	}
	tool_slurp(t, &text, &len, s->classes, MODEL_MAX_TEXT);
	tool_check(t, det_names_parse(out, text, len, s->classes));
	free(text);
	if (out->n != want)
		tool_die(t, "%s: %zu names, but %s has %zu classes", s->classes, out->n,
		    t->argv[0], want);
}

int
import_caffe(int argc, char *argv[])
{
	struct settings s = { .fit = 1, .kernel = DET_KERNEL_OPENCV, .channels = 1 };
	const struct opt opts[] = {
		OPT_CLASSES(&s.classes),
		OPT_STR(0, "anchors", &s.anchors, "WHICH",
		    "a profile or file of priors, where the prototxt has none"),
		OPT_STR(0, "variance", &s.p.variance, "V", "of those (.1,.1,.2,.2)"),
		OPT_STR(0, "size", &s.p.size, "WxH",
		    "det-image's, as all that follow: of the tensor"),
		OPT_CHOICE(0, "fit", &s.fit, fits, "HOW",
		    "how the picture becomes the tensor"),
		OPT_CHOICE(
		    0, "kernel", &s.kernel, det_kernel_names, "KERNEL", "resize like"),
		OPT_CHOICE(
		    0, "channels", &s.channels, orders, "ORDER", "of the tensor"),
		OPT_STR(0, "scale", &s.p.scale, "S", "bytes times this (1)"),
		OPT_STR(0, "mean", &s.p.mean, "R,G,B", "then minus this"),
		OPT_STR(0, "std", &s.p.std, "R,G,B", "then divided by this"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model import caffe",
		"Import a network and its weights: Caffe's prototxt and caffemodel.",
		"PROTOTXT WEIGHTS", TOOL_WRITES, opts };
	struct det_classes names = { 0 };
	struct det_buf notes = { 0 };
	struct det_source weights;
	struct det_caffe *c;
	struct tool t;

	/* arguments */
	tool_start(&t, &spec, argc, argv);
	if (t.argc != 2)
		tool_usage(
		    &t, "PROTOTXT and WEIGHTS expected, found %d operands", t.argc);
	check_settings(&t, &s);

	/* work */
	c = parse(&t, &s);
	read_classes(&t, &names, &s, det_caffe_classes(c));
	tool_check(&t, det_caffe_weights_open(&weights, t.argv[1]));
	tool_check(&t, det_caffe_load(c, &weights, t.argv[1], &notes));
	model_warn_lines(&t, det_caffe_notes(c));
	model_warn_lines(&t, notes.text ? notes.text : "");
	tool_stream_classes(&t, &names);
	tool_check(&t, det_caffe_write(t.out, c));
	tool_stream_end(&t);

	/* finish */
	det_source_close(&weights);
	det_caffe_free(c);
	det_classes_release(&names);
	det_buf_free(&notes);
	return tool_finish(&t);
}
