/* SPDX-License-Identifier: MIT
 *
 * An architecture as the options of a command ask for it, and what there is to see of those
 * that the toolkit knows.
 */
#include "bin/commands.h"

#include <stdio.h>
#include <stdlib.h>

struct det_arch *
model_arch_open(
    struct tool *t, const char *name, const struct opt_many *set, const char *classes)
{
	struct det_arch *a;
	char *text;
	size_t len;
	enum det_err e = det_arch_open(&a, name, set->v, set->n);

	/* what a file holds is no matter of usage */
	if (det_arch_is_file(name))
		tool_check(t, e);
	else if (e)
		tool_usage(t, "%s", det_errmsg());
	if (!classes)
		return a;
	tool_slurp(t, &text, &len, classes, MODEL_MAX_TEXT);
	tool_check(t, det_arch_names(a, text, len, classes));
	free(text);
	return a;
}

/* The architectures, a line each: name and what it is. */
static void
list_all(struct tool *t)
{
	const char *name, *what;

	for (size_t i = 0; det_arch_list(i, &name, &what); i++)
		(void)fprintf(tool_stdout(t), "%-28s %s\n", name, what);
}

static void
list_variables(struct tool *t, const char *arch, const struct opt_many *set)
{
	struct det_arch *a = model_arch_open(t, arch, set, NULL);
	const char *name, *value;

	for (size_t i = 0; det_arch_var(a, i, &name, &value); i++)
		(void)fprintf(tool_stdout(t), "%s=%s\n", name, value);
	det_arch_close(a);
}

/* A file as it is, or whole. */
static void
print_text(struct tool *t, const char *arch, const struct opt_many *set, int whole)
{
	struct det_buf b = { 0 };
	struct det_arch *a;

	if (whole) {
		a = model_arch_open(t, arch, set, NULL);
		tool_check(t, det_arch_expanded(&b, a));
		det_arch_close(a);
	} else if (set->n)
		tool_usage(t, "--text prints the file as it is: --set goes with "
			      "--expand");
	else if (det_arch_is_file(arch))
		tool_usage(
		    t, "--text prints what is built in, found the file %s", arch);
	else if (det_arch_source(&b, arch))
		tool_usage(t, "%s", det_errmsg());
	(void)fwrite(b.text, 1, b.len, tool_stdout(t));
	det_buf_free(&b);
}

int
model_arch_print(int argc, char *argv[])
{
	const char *arch = NULL;
	struct opt_many set = { .n = 0 };
	int list = 0, text = 0, expand = 0;
	const struct opt opts[] = {
		OPT_STR(0, "arch", &arch, "NAME", "of this one"),
		OPT_MANY(0, "set", &set, "NAME=VALUE", "a variable of it"),
		OPT_FLAG(0, "list", &list,
		    "name the architectures, or with --arch its variables"),
		OPT_FLAG(0, "text", &text, "print its file"),
		OPT_FLAG(0, "expand", &expand,
		    "print it whole, with what it includes and its variables' values"),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model new",
		"What there is to see of architectures.", NULL, TOOL_PRINTS, opts };
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (list + text + expand != 1)
		tool_usage(&t, "one of --list, --text and --expand expected");
	if (!arch && !list)
		tool_usage(
		    &t, "--%s of what? give --arch NAME", text ? "text" : "expand");
	if (!arch && set.n)
		tool_usage(&t, "--set goes with --arch");
	if (!arch)
		list_all(&t);
	else if (list)
		list_variables(&t, arch, &set);
	else
		print_text(&t, arch, &set, expand);
	return tool_finish(&t);
}
