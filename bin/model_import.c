/* SPDX-License-Identifier: MIT
 *
 * det-model import: one program for each format, with options of its own.
 */
#include "bin/commands.h"

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

	return model_format(&spec, formats, sizeof formats / sizeof *formats,
	    "import from what?", argc, argv);
}
