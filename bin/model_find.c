/* SPDX-License-Identifier: MIT */
#include "bin/commands.h"

#include <string.h>

#include "base/text.h"

const struct model_command *
model_find(const struct model_command *c, size_t n, int argc, char *argv[])
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

struct det_model *
model_open(struct tool *t)
{
	struct det_model *m;

	if (t->argc != 1)
		tool_usage(t, "one MODEL expected, found %d operands", t->argc);
	tool_check(t, det_model_open(&m, t->argv[0]));
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
