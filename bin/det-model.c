/* SPDX-License-Identifier: MIT
 *
 * det-model: make, import, export, list, check and change model files. Each command has its own
 * options.
 */
#include "bin/commands.h"

#include <string.h>

static const struct model_command commands[] = {
	{ "import", model_import },
	{ "new", model_new },
	{ "list", model_list },
	{ "check", model_check },
	{ "export", model_export },
	{ "tune", model_tune },
	{ "svd", model_svd },
	{ "norm", model_norm },
};

int
main(int argc, char *argv[])
{
	const struct opt opts[] = { OPT_END };
	const struct tool_spec spec = { "det-model",
		"Make, import, export and check model files. Commands, each with its "
		"own --help:\n\n"
		"  import FORMAT FILE ...       another program's network with its "
		"weights\n"
		"  new --arch NAME              a network with random weights\n"
		"  list MODEL                   what is in a model\n"
		"  check MODEL                  whether it is whole and can be run\n"
		"  export FORMAT MODEL          another program's file of it\n"
		"  tune MODEL                   the model with algorithms chosen by "
		"the clock\n"
		"  svd MODEL                    the model with thinner layers\n"
		"  norm                         the model with box targets normalised",
		"COMMAND [ARG ...]", 0, opts };
	struct tool t;

	for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	/* options after a word that is no command are not this tool's to judge */
	tool_start(&t, &spec, argc > 1 && argv[1][0] != '-' ? 2 : argc, argv);
	if (t.argc == 0)
		tool_usage(&t, "a command expected: import, new, list, check, export, "
			       "tune, svd or norm");
	tool_usage(&t,
	    "a command expected (import, new, list, check, export, tune, svd, "
	    "norm), found "
	    "'%s'",
	    t.argv[0]);
}
