/* SPDX-License-Identifier: MIT
 *
 * det-model: make, import, list and check model files. Each command has its own options.
 */
#include "bin/tool.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "image/resize.h"
#include "model/darknet.h"
#include "model/list.h"
#include "model/seeded.h"

#define MAX_TEXT ((size_t)1 << 20)

static const char *const bns[] = { "auto", "cpu", "gpu", NULL };
static const char *const fits[] = { "auto", "letterbox", "stretch", NULL };

struct settings {
	const char *classes, *darknet, *net;
	int bn, fit, kernel, ignore_unknown, tsv;
	long seed;
};

#define OPT_CLASSES \
	OPT_STR(0, "classes", &s.classes, "NAMES", "file of class names, one a line")
#define OPT_DARKNET                                                              \
	OPT_CHOICE(                                                              \
	    0, "bn", &s.bn, bns, "HOW", "batch norm as Darknet computes it on"), \
	    OPT_CHOICE(                                                          \
		0, "fit", &s.fit, fits, "HOW", "how pictures become the input"), \
	    OPT_CHOICE(0, "kernel", &s.kernel, det_kernel_names, "KERNEL",       \
		"whose resizing the model is run with"),                         \
	    OPT_FLAG(0, "ignore-unknown", &s.ignore_unknown,                     \
		"pass over keys of the cfg that are not known")

static struct det_darknet *
parse(struct tool *t, const struct settings *s, const char *cfg)
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
	e = det_file_read(&text, &len, cfg, MAX_TEXT);
	if (e == DET_LIMIT)
		tool_die(
		    t, "%s: too large for a cfg: are CFG and WEIGHTS swapped?", cfg);
	tool_check(t, e);
	tool_check(t, det_darknet_parse(&d, text, len, cfg, &p));
	free(text);
	return d;
}

static void
warn_lines(struct tool *t, const char *notes)
{
	size_t at = 0, n;
	const char *line;

	while (det_line_next(&line, &n, notes, strlen(notes), &at))
		tool_warn(t, "%.*s", (int)n, line);
}

static void
write_model(struct tool *t, const struct settings *s, struct det_darknet *d)
{
	struct det_classes c;
	char *names = NULL;
	size_t len = 0;

	if (s->classes)
		tool_check(t, det_file_read(&names, &len, s->classes, MAX_TEXT));
	tool_check(t, det_darknet_names(&c, d, names, len, s->classes));
	warn_lines(t, det_darknet_notes(d));
	tool_stream_classes(t, &c);
	tool_check(t, det_darknet_write(t->out, d));
	tool_stream_end(t);
	det_classes_release(&c);
	det_darknet_free(d);
	free(names);
}

static int
do_import(int argc, char *argv[])
{
	struct settings s = { 0 };
	const struct opt opts[] = { OPT_CLASSES, OPT_DARKNET, OPT_END };
	const struct tool_spec spec = { "det-model import",
		"Import a network and its weights: Darknet's .cfg and .weights.",
		"darknet CFG WEIGHTS", TOOL_WRITES, opts };
	struct det_darknet *d;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (t.argc == 0)
		tool_usage(&t, "import from what? give darknet CFG WEIGHTS");
	if (strcmp(t.argv[0], "darknet") != 0)
		tool_usage(
		    &t, "import from what? 'darknet' expected, found '%s'", t.argv[0]);
	if (t.argc != 3)
		tool_usage(&t, "darknet: CFG and WEIGHTS expected");
	d = parse(&t, &s, t.argv[1]);
	if (det_darknet_classes(d) && !s.classes)
		tool_usage(&t, "%s has %zu classes: give their names, --classes NAMES",
		    t.argv[1], det_darknet_classes(d));
	tool_check(&t, det_darknet_load(d, t.argv[2]));
	write_model(&t, &s, d);
	return tool_finish(&t);
}

static void
seed_net(struct tool *t, const struct settings *s)
{
	struct det_classes none = { 0 };
	char *text;
	size_t len;

	if (s->classes)
		tool_usage(
		    t, "--classes goes with --darknet: a bare network has no decoder");
	tool_slurp(t, &text, &len, s->net, MAX_TEXT);
	tool_stream_classes(t, &none);
	tool_check(t, det_seeded_write(t->out, text, len, s->net, (uint64_t)s->seed));
	tool_stream_end(t);
	free(text);
}

static int
do_new(int argc, char *argv[])
{
	struct settings s = { .seed = 1 };
	const struct opt opts[] = {
		OPT_STR(0, "darknet", &s.darknet, "CFG", "the network, a Darknet cfg"),
		OPT_STR(0, "net", &s.net, "FILE", "or a network as text, det-net(5)"),
		OPT_LONG(
		    0, "seed", &s.seed, 0, 2147483647, "N", "of the random weights"),
		OPT_CLASSES,
		OPT_DARKNET,
		OPT_END,
	};
	const struct tool_spec spec = { "det-model new",
		"Make a model with random weights.", NULL, TOOL_WRITES, opts };
	struct det_darknet *d;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (!s.darknet == !s.net)
		tool_usage(&t, "which network? give --darknet CFG or --net FILE");
	if (s.net) {
		seed_net(&t, &s);
		return tool_finish(&t);
	}
	d = parse(&t, &s, s.darknet);
	det_darknet_seed(d, (uint64_t)s.seed);
	write_model(&t, &s, d);
	return tool_finish(&t);
}

/* list and check: one model each. */
static struct det_model *
open_model(struct tool *t)
{
	struct det_model *m;

	if (t->argc != 1)
		tool_usage(t, "one MODEL expected, found %d operands", t->argc);
	tool_check(t, det_model_open(&m, t->argv[0]));
	return m;
}

static int
do_list(int argc, char *argv[])
{
	struct settings s = { 0 };
	const struct opt opts[] = {
		OPT_FLAG(0, "tsv", &s.tsv, "a line for each record, for programs"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model list", "Say what is in a model.",
		"MODEL", TOOL_PRINTS, opts };
	struct det_buf b = { 0 };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = open_model(&t);
	tool_check(&t, s.tsv ? det_model_tsv(&b, m) : det_model_list(&b, m));
	(void)fwrite(b.text, 1, b.len, tool_stdout(&t));
	det_buf_free(&b);
	det_model_close(m);
	return tool_finish(&t);
}

static int
do_check(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model check",
		"Find out whether a model is whole and can be run; exit 2 if not.",
		"MODEL", TOOL_PRINTS, opts };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = open_model(&t);
	tool_check(&t, det_model_check(m));
	(void)fprintf(tool_stdout(&t), "%s: ok\n", t.argv[0]);
	det_model_close(m);
	return tool_finish(&t);
}

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
} commands[] = {
	{ "import", do_import },
	{ "new", do_new },
	{ "list", do_list },
	{ "check", do_check },
};

int
main(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model",
		"Make, import, list and check model files. Commands, each with its own "
		"--help:\n\n"
		"  import darknet CFG WEIGHTS   a Darknet network with its weights\n"
		"  new --darknet CFG            a network with random weights\n"
		"  list MODEL                   what is in a model\n"
		"  check MODEL                  whether it is whole and can be run",
		"COMMAND [ARG ...]", 0, opts };
	struct tool t;

	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	/* options after a word that is no command are not this tool's to judge */
	tool_start(&t, &spec, argc > 1 && argv[1][0] != '-' ? 2 : argc, argv);
	if (t.argc == 0)
		tool_usage(&t, "a command expected: import, new, list or check");
	tool_usage(
	    &t, "a command expected (import, new, list, check), found '%s'", t.argv[0]);
}
