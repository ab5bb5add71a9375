/* SPDX-License-Identifier: MIT
 *
 * det-model import: one program for each format, with options of its own.
 */
#include "bin/commands.h"

#define FORMATS "darknet, torch, safetensors, caffe"

static const struct model_command formats[] = {
	{ "darknet", import_darknet },
	{ "torch", import_torch },
	{ "safetensors", import_safetensors },
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
		"  torch FILE --arch NAME       a PyTorch state dict\n"
		"  safetensors FILE             a model that det-model exported\n"
		"  caffe PROTOTXT WEIGHTS       Caffe's .prototxt and .caffemodel",
		"FORMAT [ARG ...]", 0, opts };
	const struct model_command *c =
	    model_find(formats, sizeof formats / sizeof *formats, argc, argv);
	struct tool t;

	if (c)
		return c->run(argc - 1, argv + 1);
	tool_start(&t, &spec, argc > 1 && argv[1][0] != '-' ? 2 : argc, argv);
	if (t.argc == 0)
		tool_usage(&t, "import from what? a format expected: " FORMATS);
	tool_usage(&t, "import from what? a format expected (" FORMATS "), found '%s'",
	    t.argv[0]);
}
