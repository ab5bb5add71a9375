/* SPDX-License-Identifier: MIT
 *
 * det-model import torch: the weights of a state dict, for an architecture that the toolkit
 * knows.
 */
#include "bin/commands.h"

#include "base/text.h"

void
model_take(struct tool *t, const struct model_taking *s, struct det_source *src)
{
	struct det_arch *a = model_arch_open(t, s->arch, &s->set, s->classes);
	struct det_buf notes = { 0 };
	enum det_err e;

	tool_check(t, det_arch_fit(a, src, "torch"));
	tool_stream_classes(t, det_arch_classes(a));
	e = det_arch_import(t->out, a, src, "torch", s->strict, &notes);
	if (src->notes.len)
		model_warn_lines(t, src->notes.text);
	if (notes.len)
		model_warn_lines(t, notes.text);
	det_buf_free(&notes);
	if (e)
		tool_die(t, "%s: %s", t->argv[0], det_errmsg());
	tool_stream_end(t);
	det_arch_close(a);
}

int
import_torch(int argc, char *argv[])
{
	struct model_taking s = { .strict = 0 };
	const struct opt opts[] = { OPT_TAKING(s), OPT_END };
	const struct tool_spec spec = { "det-model import torch",
		"Import the weights of a PyTorch state dict (.pth, .pt).", "FILE",
		TOOL_WRITES, opts };
	struct det_source src;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (t.argc != 1)
		tool_usage(&t, "one FILE expected, found %d operands", t.argc);
	if (!s.arch)
		tool_usage(&t, "which architecture? give --arch NAME; "
			       "'det-model new --list' has them");
	tool_check(&t, det_torch_open(&src, t.argv[0]));
	model_take(&t, &s, &src);
	det_source_close(&src);
	return tool_finish(&t);
}
