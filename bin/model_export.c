/* SPDX-License-Identifier: MIT
 *
 * det-model export: a model as a file, of det's own or another program's.
 */
#include "bin/commands.h"

#include "base/file.h"
#include "model/convert.h"

/* Record by record as it is, no line of history: of a file, the same bytes. */
static int
export_det(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model export det",
		"Write a model as a file of det's own: what the model inside the "
		"programs is for others.",
		"MODEL", TOOL_WRITES, opts };
	struct det_model *m;
	struct det_record r;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = model_open(&t);
	tool_check(&t, det_model_verify(m));
	for (size_t i = 0; det_model_record(m, i, &r); i++)
		tool_write(&t, &r);
	tool_stream_end(&t);
	det_model_close(m);
	return tool_finish(&t);
}

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
	{ "det", export_det },
	{ "safetensors", export_safetensors },
	{ "darknet", export_darknet },
};

int
model_export(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model export",
		"Write a model as a file. Formats, each with its own --help:\n\n"
		"  det MODEL                    as it is: export det default -o M.det\n"
		"  safetensors MODEL            all of it; import makes the model "
		"again\n"
		"  darknet MODEL                .weights, of what came from Darknet",
		"FORMAT [ARG ...]", 0, opts };

	return model_format(&spec, formats, sizeof formats / sizeof *formats,
	    "export to what?", argc, argv);
}
