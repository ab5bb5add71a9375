/* SPDX-License-Identifier: MIT
 *
 * det-model import safetensors: a model that det-model export made, back; or with --arch
 * the weights that another program stored so.
 */
#include "bin/commands.h"

#include "model/convert.h"

/* What det-model export made: texts and classes are in the file too. */
static void
take_back(struct tool *t, const struct det_source *s)
{
	struct det_classes c;

	if (!det_source_is_model(s))
		tool_usage(t,
		    "%s: weights without a network: give --arch NAME; 'det-model new "
		    "--list' has them",
		    t->argv[0]);
	tool_check(t, det_source_classes(&c, s));
	tool_stream_classes(t, &c);
	tool_check(t, det_model_from_source(t->out, s));
	tool_stream_end(t);
	det_classes_release(&c);
}

int
import_safetensors(int argc, char *argv[])
{
	struct model_taking s = { .strict = 0 };
	const struct opt opts[] = { OPT_TAKING(s), OPT_END };
	const struct tool_spec spec = { "det-model import safetensors",
		"Import a safetensors file: what det-model export made of a model, or "
		"weights.",
		"FILE", TOOL_WRITES, opts };
	struct det_source src;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (t.argc != 1)
		tool_usage(&t, "one FILE expected, found %d operands", t.argc);
	if (!s.arch && (s.classes || s.set.n || s.strict))
		tool_usage(&t, "--classes, --set and --strict go with --arch");
	tool_check(&t, det_safetensors_open(&src, t.argv[0]));
	if (s.arch)
		model_take(&t, &s, &src);
	else
		take_back(&t, &src);
	det_source_close(&src);
	return tool_finish(&t);
}
