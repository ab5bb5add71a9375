/* SPDX-License-Identifier: MIT
 *
 * det-model list and det-model check: what is in a model, and whether it is whole.
 */
#include "bin/commands.h"

#include "base/text.h"
#include "model/list.h"

int
model_list(int argc, char *argv[])
{
	int tsv = 0;
	const struct opt opts[] = {
		OPT_FLAG(0, "tsv", &tsv, "a line for each record, for programs"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model list", "Say what is in a model.",
		"MODEL", TOOL_PRINTS, opts };
	struct det_buf b = { 0 };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = model_open(&t);
	tool_check(&t, tsv ? det_model_tsv(&b, m) : det_model_list(&b, m));
	(void)fwrite(b.text, 1, b.len, tool_stdout(&t));
	det_buf_free(&b);
	det_model_close(m);
	return tool_finish(&t);
}

int
model_check(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model check",
		"Find out whether a model is whole and can be run; exit 2 if not.",
		"MODEL", TOOL_PRINTS, opts };
	struct det_model *m;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	m = model_open(&t);
	tool_check(&t, det_model_check(m));
	(void)fprintf(tool_stdout(&t), "%s: ok\n", t.argv[0]);
	det_model_close(m);
	return tool_finish(&t);
}
