/* SPDX-License-Identifier: MIT
 *
 * det-model export: a model as another program's files.
 */
#include "bin/commands.h"

#include "base/file.h"
#include "model/convert.h"

static int
export_safetensors(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model export safetensors",
		"Write a model as a safetensors file, its texts and classes as "
		"metadata.",
		"MODEL", TOOL_PRINTS, opts };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = model_open(&t);
	tool_binary(&t);
	tool_check(&t, det_model_to_safetensors(t.out_fd, m, "output"));
	det_model_close(m);
	return tool_finish(&t);
}

/* The cfg, as it was imported. */
static void
write_cfg(struct tool *t, const struct det_model *m, const char *path)
{
	struct det_newfile f;
	const char *text;
	size_t len;

	det_model_text(m, "cfg", &text, &len);
	if (!text)
		tool_die(t, "%s: it has no cfg: did it come from Darknet?", t->argv[0]);
	tool_check(t, det_file_create(&f, path));
	tool_check(t, det_write_all(f.fd, text, len, path));
	tool_check(t, det_file_commit(&f));
}

static int
export_darknet(int argc, char *argv[])
{
	const char *cfg = NULL;
	const struct opt opts[] = {
		OPT_STR(0, "cfg", &cfg, "FILE", "write the network's cfg to FILE"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model export darknet",
		"Write the weights of a model that came from Darknet as a .weights "
		"file.",
		"MODEL", TOOL_PRINTS, opts };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = model_open(&t);
	tool_binary(&t);
	tool_check(&t, det_model_to_darknet(t.out_fd, m, "output"));
	if (cfg)
		write_cfg(&t, m, cfg);
	det_model_close(m);
	return tool_finish(&t);
}

static const struct model_command formats[] = {
	{ "safetensors", export_safetensors },
	{ "darknet", export_darknet },
};

int
model_export(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model export",
		"Write a model as another program's file. Formats, each with its own "
		"--help:\n\n"
		"  safetensors MODEL            all of it; import makes the model "
		"again\n"
		"  darknet MODEL                .weights, of what came from Darknet",
		"FORMAT [ARG ...]", 0, opts };

	return model_format(&spec, formats, sizeof formats / sizeof *formats,
	    "export to what?", argc, argv);
}
