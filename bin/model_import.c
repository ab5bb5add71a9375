/* SPDX-License-Identifier: MIT
 *
 * det-model import: one program for each format, with options of its own.
 */
#include "bin/model.h"

static const struct model_command formats[] = {
	{ "darknet", import_darknet },
	{ "caffe", import_caffe },
};

int
model_import(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model import",
		"Make a model of another program's network and weights. Formats, each "
		"with its own --help:\n\n"
		"  darknet CFG WEIGHTS          Darknet's .cfg and .weights\n"
		"  caffe PROTOTXT WEIGHTS       Caffe's .prototxt and .caffemodel",
		"FORMAT [ARG ...]", 0, opts };
	const struct model_command *c =
	    model_find(formats, sizeof formats / sizeof *formats, argc, argv);
	struct tool t;

	if (c)
		return c->run(argc - 1, argv + 1);
	tool_start(&t, &spec, argc > 1 && argv[1][0] != '-' ? 2 : argc, argv);
	if (t.argc == 0)
		tool_usage(&t, "import from what? a format expected: darknet");
	tool_usage(
	    &t, "import from what? a format expected (darknet), found '%s'", t.argv[0]);
}
