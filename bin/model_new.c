/* SPDX-License-Identifier: MIT
 *
 * det-model new: a network with random weights, or with those that fit of a trained one.
 */
#include "bin/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "bin/named.h"
#include "image/resize.h"
#include "model/convert.h"
#include "model/names.h"
#include "model/seeded.h"

struct make {
	const char *arch, *darknet, *net, *weights;
	struct opt_many set;
	int list, text, expand, strict;
	struct model_darknet d;
	long seed;
};

static void
make_net(struct tool *t, const struct make *s)
{
	struct det_classes none = { 0 };
	char *text;
	size_t len;

	if (s->d.classes)
		tool_usage(
		    t, "--classes goes with --darknet: a bare network has no decoder");
	tool_slurp(t, &text, &len, s->net, MODEL_MAX_TEXT);
	tool_stream_classes(t, &none);
	tool_check(t, det_seeded_write(t->out, text, len, s->net, (uint64_t)s->seed));
	tool_stream_end(t);
	free(text);
}

static int
is_darknet(struct tool *t, const char *name)
{
	struct det_map map;
	int is;

	if (named_is_default(name))
		return 0;
	tool_check(t, det_map_open(&map, name));
	is = det_darknet_is_weights(map.data, map.size);
	det_map_close(&map);
	return is;
}

/* The trained file; a: what it is for, NULL for a cfg. */
static void
open_trained(
    struct tool *t, struct det_source *src, const char *name, const struct det_arch *a)
{
	struct det_model *m;

	if (named_is_default(name)) {
		tool_check(t, named_open(&m, name));
		tool_check(t, det_model_source(src, m));
	} else if (a && is_darknet(t, name))
		tool_check(t, det_arch_darknet(src, a, name));
	else
		tool_check(t, det_trained_open(src, name));
}

/* Writes what is made, one of a and d, with what fits of the trained file. What is taken of
 * it, and what is not, is said. */
static void
start(struct tool *t, const struct make *s, const struct det_arch *a,
    struct det_darknet *d)
{
	const uint64_t seed = (uint64_t)s->seed;
	struct det_arch_taken taken;
	struct det_source src;
	enum det_err e;

	open_trained(t, &src, s->weights, a);
	e = d ? det_darknet_start(t->out, d, &src, s->weights, s->strict, seed, &taken)
	      : det_arch_start(t->out, a, &src, s->weights, s->strict, seed, &taken);
	if (src.notes.len)
		model_warn_lines(t, src.notes.text);
	if (!e)
		model_warn_lines(t, taken.notes.text);
	det_buf_free(&taken.notes);
	tool_check(t, e);
	det_source_close(&src);
}

static void
check_classes(struct tool *t, const char *file)
{
	struct det_classes c;
	char *text;
	size_t len;

	tool_check(t, det_file_read(&text, &len, file, MODEL_MAX_TEXT));
	tool_check(t, det_names_parse(&c, text, len, file));
	tool_check(t, det_classes_unique(&c, file));
	det_classes_release(&c);
	free(text);
}

static void
make_darknet(struct tool *t, const struct make *s)
{
	struct det_darknet *d = model_darknet_parse(t, &s->d, s->darknet);

	if (s->d.classes)
		check_classes(t, s->d.classes);
	if (s->weights && !is_darknet(t, s->weights)) {
		model_darknet_begin(t, &s->d, d);
		start(t, s, NULL, d);
		tool_stream_end(t);
		det_darknet_free(d);
		return;
	}
	if (s->weights)
		tool_check(t, det_darknet_begin(d, s->weights, (uint64_t)s->seed));
	else
		det_darknet_seed(d, (uint64_t)s->seed);
	model_darknet_write(t, &s->d, d);
}

static void
make_arch(struct tool *t, const struct make *s)
{
	struct det_arch *a = model_arch_open(t, s->arch, &s->set, s->d.classes);

	if (s->d.classes)
		tool_check(t, det_classes_unique(det_arch_classes(a), s->d.classes));
	tool_stream_classes(t, det_arch_classes(a));
	if (s->weights)
		start(t, s, a, NULL);
	else
		tool_check(t, det_arch_seed(t->out, a, (uint64_t)s->seed));
	tool_stream_end(t);
	det_arch_close(a);
}

int
model_new(int argc, char *argv[])
{
	struct make s = { .seed = 1 };
	const struct opt opts[] = {
		OPT_ARCH(&s.arch, &s.set),
		OPT_FLAG(0, "list", &s.list,
		    "name the architectures, or with --arch its variables"),
		OPT_FLAG(0, "text", &s.text, "print the file of --arch"),
		OPT_FLAG(0, "expand", &s.expand,
		    "print it whole, with what it includes and its variables' values"),
		OPT_STR(0, "darknet", &s.darknet, "CFG", "or a Darknet cfg"),
		OPT_STR(0, "net", &s.net, "FILE", "or a network as text, det-net(5)"),
		OPT_STR(0, "weights", &s.weights, "FILE",
		    "take what fits of a trained model; of a Darknet file its layers"),
		OPT_FLAG(0, "strict", &s.strict,
		    "an error where some of them do not fit or are of no use"),
		OPT_LONG(
		    0, "seed", &s.seed, 0, 2147483647, "N", "of the random weights"),
		OPT_CLASSES(&s.d.classes),
		OPT_DARKNET(s.d),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model new",
		"Make a model with random weights, or some of a trained one's.", NULL,
		TOOL_WRITES, opts };
	struct tool t;

	/* these are text: it may go to a terminal */
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--list") == 0 || strcmp(argv[i], "--text") == 0 ||
		    strcmp(argv[i], "--expand") == 0)
			return model_arch_print(argc, argv);
	tool_start(&t, &spec, argc, argv);
	if (!s.arch + !s.darknet + !s.net != 2)
		tool_usage(&t, "which network? give --arch NAME, --darknet CFG or "
			       "--net FILE");
	if (s.set.n && !s.arch)
		tool_usage(&t, "--set goes with --arch");
	if (s.weights && s.net)
		tool_usage(&t, "--weights goes with --arch or --darknet");
	if (s.strict && !s.weights)
		tool_usage(&t, "--strict goes with --weights");
	if (s.arch)
		make_arch(&t, &s);
	else if (s.net)
		make_net(&t, &s);
	else
		make_darknet(&t, &s);
	return tool_finish(&t);
}
