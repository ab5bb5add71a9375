/* SPDX-License-Identifier: MIT
 *
 * det-model import safetensors: a model that det-model export made, back.
 */
#include "bin/model.h"

#include "model/convert.h"

int
import_safetensors(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model import safetensors",
		"Import what det-model export safetensors made.", "FILE", TOOL_WRITES,
		opts };
	struct det_classes c;
	struct det_source s;
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (t.argc != 1)
		tool_usage(&t, "one FILE expected, found %d operands", t.argc);
	tool_check(&t, det_safetensors_open(&s, t.argv[0]));
	if (!det_source_is_model(&s))
		tool_die(&t,
		    "%s: weights without a network: no det-model export made it",
		    t.argv[0]);
	tool_check(&t, det_source_classes(&c, &s));
	tool_stream_classes(&t, &c);
	tool_check(&t, det_model_from_source(t.out, &s));
	tool_stream_end(&t);
	det_classes_release(&c);
	det_source_close(&s);
	return tool_finish(&t);
}
