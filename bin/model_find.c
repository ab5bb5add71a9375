/* SPDX-License-Identifier: MIT */
#include "bin/commands.h"

#include <string.h>

#include "base/text.h"
#include "bin/named.h"

/* Moves the word to the front of argv. */
static const struct model_command *
find(const struct model_command *c, size_t n, int argc, char *argv[])
{
	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < n; k++) {
			char *word = argv[i];

			if (strcmp(word, c[k].name) != 0)
				continue;
			/* options may stand before it: they move behind */
			memmove(argv + 2, argv + 1, (size_t)(i - 1) * sizeof *argv);
			argv[1] = word;
			return &c[k];
		}
	return NULL;
}

int
model_format(const struct tool_spec *spec, const struct model_command *c, size_t n,
    const char *ask, int argc, char *argv[])
{
	const struct model_command *found = find(c, n, argc, argv);
	struct det_buf names = { 0 };
	struct tool t;

	if (found)
		return found->run(argc - 1, argv + 1);
	/* options after a word that is no format are not this tool's to judge */
	tool_start(&t, spec, argc > 1 && argv[1][0] != '-' ? 2 : argc, argv);
	for (size_t i = 0; i < n; i++)
		tool_check(
		    &t, det_buf_printf(&names, "%s%s", i ? ", " : "", c[i].name));
	if (t.argc == 0)
		tool_usage(&t, "%s a format expected: %s", ask, names.text);
	tool_usage(
	    &t, "%s a format expected (%s), found '%s'", ask, names.text, t.argv[0]);
}

struct det_model *
model_open(struct tool *t)
{
	struct det_model *m;

	if (t->argc != 1)
		tool_usage(t, "one MODEL expected, found %d operands", t->argc);
	tool_check(t, named_open(&m, t->argv[0]));
	return m;
}

void
model_warn_lines(struct tool *t, const char *notes)
{
	size_t at = 0, n;
	const char *line;

	while (det_line_next(&line, &n, notes, strlen(notes), &at))
		tool_warn(t, "%.*s", (int)n, line);
}
