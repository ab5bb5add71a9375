/* SPDX-License-Identifier: MIT
 *
 * What every executable shares: streams in and out, history, messages, exit status. The
 * option table is parsed and printed in opt.c.
 */
#define _GNU_SOURCE
#include "bin/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/text.h"
#include "bin/named.h"
#include "bin/opt.h"
#include "bin/progress.h"
#include "bin/signals.h"
#include "model/profile.h"

#define MAX_RECIPE ((size_t)1 << 20)

struct tool_private {
	struct opt_set *opts;
	struct det_reader *in;
	const char *in_name;
	int next_operand;
	struct det_newfile file; /* -o FILE */
	FILE *print;
	int closed[3]; /* standard descriptors that were closed at the start */
};

/* The line "det-nms: stdin: item 17 'dog.jpg': text", without control characters. */
static void
compose(char *line, size_t size, const struct tool *t, const char *kind,
    const char *fmt, va_list ap)
{
	char text[1024], item[300] = "", in[300] = "";

	(void)vsnprintf(text, sizeof text, fmt, ap);
	if (t->p && t->p->in && !t->elsewhere)
		(void)snprintf(in, sizeof in, "%.290s: ", t->p->in_name);
	if (t->at.item >= 0 && !t->elsewhere)
		(void)snprintf(item, sizeof item, "item %ld%s%s%s: ", t->at.item,
		    *t->at.path ? " '" : "", t->at.path, *t->at.path ? "'" : "");
	(void)snprintf(line, size, "%s: %s%s%s%s", t->spec->name, in, item, kind, text);
	det_text_clean(line, strlen(line), 0);
}

/* What must not be left behind when the program ends early. Programs downstream are told
 * that this one has spoken (`why`), so that one mistake gives one line, not one a stage. */
static void
abandon(struct tool *t, const char *why)
{
	struct stat st;
	int piped;

	if (!t->p)
		return;
	/* only down a pipe: a stored stream just ends early, and is reported when read */
	piped = ((t->spec->bits & TOOL_WRITES) || t->out) && t->p->file.fd < 0 &&
		fstat(1, &st) == 0 && S_ISFIFO(st.st_mode);
	/* misuse is noticed before the output is opened */
	if (piped && !t->out && det_writer_open_fd(&t->out, 1, "standard output"))
		t->out = NULL;
	/* where even that can't be written, they see their input end early */
	if (piped && t->out && det_writer_fail(t->out, why)) {
		det_writer_free(t->out);
		t->out = NULL;
	}
	det_file_abandon(&t->p->file);
}

static _Noreturn void
give_up(struct tool *t, const char *hint, const char *fmt, va_list ap)
{
	char line[2048];

	compose(line, sizeof line, t, "", fmt, ap);
	progress_clear();
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s\n%s", line, hint);
	abandon(t, line);
	exit(2);
}

void
tool_die(struct tool *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	give_up(t, "", fmt, ap);
}

/* A line that does not end the program. */
DET_PRINTF(2, 3) static void report(const struct tool *t, const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	compose(line, sizeof line, t, "warning: ", fmt, ap);
	va_end(ap);
	progress_clear();
	(void)fprintf(stderr, "%s\n", line);
}

void
tool_warn(struct tool *t, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (t->quiet)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	report(t, "%s", text);
}

void
tool_usage(struct tool *t, const char *fmt, ...)
{
	char hint[128];
	va_list ap;

	(void)snprintf(hint, sizeof hint, "try '%s --help'\n", t->spec->name);
	va_start(ap, fmt);
	give_up(t, hint, fmt, ap);
}

void
tool_check(struct tool *t, enum det_err e)
{
	if (e)
		tool_die(t, "%s", det_errmsg());
}

void
tool_bad_item(struct tool *t)
{
	if (!t->skip_bad)
		tool_die(t, "%s", det_errmsg());
	t->bad = 1;
	/* under -q too, which is for warnings, not for what went wrong */
	report(t, "skipped: %s", det_errmsg());
}

static enum det_err
add_word(struct det_buf *b, const char *word)
{
	enum det_err e = det_buf_add(b, " ", 1);

	return e ? e : det_buf_quoted(b, word);
}

/* "det-nms 0.1.0 -m M.det --iou 0.5 # model 0123456789abcdef". What does not change the
 * result (-o, -q, -j, the names of input streams) is left out, so that a pipe and the same
 * stages run through files write equal bytes. */
static enum det_err
history(struct tool *t, struct det_buf *b)
{
	int n = (int)strcspn(t->spec->name, " "); /* "det-model import" */
	enum det_err e = det_buf_printf(
	    b, "%.*s %s%s", n, t->spec->name, DET_VERSION, t->spec->name + n);

	for (int i = 0; !e && opt_set_word(t->p->opts, i); i++)
		e = add_word(b, opt_set_word(t->p->opts, i));
	for (int i = 0;
	     !e && !(t->spec->bits & (TOOL_READS | TOOL_SIDES)) && i < t->argc; i++)
		e = add_word(b, t->argv[i]);
	if (!e && t->model)
		e = det_buf_printf(b, " # model %s", det_model_digest(t->model));
	return e;
}

void
tool_history(struct tool *t, struct det_attrs *a)
{
	struct det_buf b = { 0 };

	tool_check(t, history(t, &b));
	tool_check(t, det_attr_add(a, "history", b.text));
	det_buf_free(&b);
}

static void
open_output(struct tool *t)
{
	unsigned bits = t->spec->bits;
	const char *name = t->out_path ? t->out_path : "standard output";

	if (!(bits & (TOOL_WRITES | TOOL_PRINTS)))
		return;
	t->out_fd = 1;
	if (t->out_path && strcmp(t->out_path, "-") != 0) {
		tool_check(t, det_file_create(&t->p->file, t->out_path));
		t->out_fd = t->p->file.fd;
	} else if (t->p->closed[1]) {
		tool_die(t, "standard output is closed");
	} else if (bits & TOOL_WRITES) {
		tool_binary(t);
	}
	if (bits & TOOL_WRITES) {
		tool_check(t, det_writer_open_fd(&t->out, t->out_fd, name));
		return;
	}
	t->p->print = t->out_fd == 1 ? stdout : fdopen(dup(t->out_fd), "w");
	if (!t->p->print)
		tool_die(t, "%s: %s", name, strerror(errno));
}

void
tool_binary(struct tool *t)
{
	if (t->out_fd == 1 && isatty(1))
		tool_usage(t, "standard output is a terminal and what comes is binary: "
			      "use a pipe, a file or -o FILE");
}

/* A closed standard descriptor would be given to the next file opened, and messages would
 * land in the output. Each is held by /dev/null, opened so that using it fails. */
static void
hold_standard(struct tool *t)
{
	for (int i = 0; i < 3; i++)
		if (fcntl(i, F_GETFD) < 0) {
			t->p->closed[i] = 1;
			if (open("/dev/null", i ? O_RDONLY : O_WRONLY) < 0)
				exit(2);
		}
}

/* The model that -m names, or the one that comes with det where none need be named. */
static void
open_model(struct tool *t)
{
	if (!t->model_path && (t->spec->bits & TOOL_NEEDS_MODEL))
		tool_usage(t, "which model? give -m MODEL");
	if (!t->model_path && (t->spec->bits & TOOL_DEFAULT)) {
		t->model_path = DET_DEFAULT_NAME;
		if (!t->quiet)
			(void)fprintf(stderr,
			    "%s: no -m: the default model, which knows what det-scene "
			    "draws\n",
			    t->spec->name);
	}
	if (t->model_path)
		tool_check(t, named_open(&t->model, t->model_path));
}

/* Options a model records for this tool go under those of the command line. */
static void
model_options(struct tool *t)
{
	char name[64];
	const char *text;
	size_t len;

	(void)snprintf(name, sizeof name, "options/%.40s", t->spec->name);
	det_model_text(t->model, name, &text, &len);
	if (text && opt_set_defaults(t->p->opts, text, len))
		tool_die(t, "%s: %s: %s", t->model_path, name, det_errmsg());
}

/* Those of --profile go over the model's. */
static void
profile_options(struct tool *t)
{
	const char *text = det_profile_options(t->profile, t->spec->name);
	const char *name, *about;
	struct det_buf b = { 0 };

	for (size_t i = 0; !text && det_profile_list(i, &name, &about); i++)
		if (det_profile_options(name, t->spec->name))
			tool_check(
			    t, det_buf_printf(&b, "%s%s", b.len ? ", " : "", name));
	if (!text)
		tool_usage(t, "--profile: '%s' is none of %s", t->profile, b.text);
	if (opt_set_defaults(t->p->opts, text, strlen(text)))
		tool_die(t, "--profile %s: %s", t->profile, det_errmsg());
}

void
tool_take_recipe(struct tool *t, const char *path)
{
	struct det_settings lines;
	char *text;
	size_t len;

	tool_slurp(t, &text, &len, path, MAX_RECIPE);
	tool_check(t, det_settings_find(&lines, text, len, path, t->spec->name));
	tool_check(t, opt_set_recipe(t->p->opts, &lines, path));
	free(text);
}

/* --help and its like, which stand alone: prints and ends the program. */
static void
answer(const struct tool *t, const char *word)
{
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		opt_set_help(t->p->opts, stdout);
	else if (!strcmp(word, "--version"))
		(void)printf("%s %s\n", t->spec->name, DET_VERSION);
	else if (!strcmp(word, "--option-table"))
		opt_set_table(t->p->opts, stdout);
	else
		return;
	exit(fflush(stdout) || ferror(stdout) ? 2 : 0);
}

void
tool_start(struct tool *t, const struct tool_spec *spec, int argc, char *argv[])
{
	*t = (struct tool){ .spec = spec, .at.item = -1, .out_fd = -1 };
	t->p = calloc(1, sizeof *t->p);
	if (!t->p)
		tool_die(t, "no memory");
	t->p->file.fd = -1;
	hold_standard(t);
	signals_catch(spec->name);
	t->p->opts = opt_set_new(t);
	if (!t->p->opts)
		tool_die(t, "no memory");
	if (argc == 2)
		answer(t, argv[1]);
	if (opt_set_parse(t->p->opts, argc, argv))
		tool_usage(t, "%s", det_errmsg());
	t->argc = opt_set_operands(t->p->opts, &t->argv);
	if (!spec->operands && t->argc > 0)
		tool_usage(
		    t, "'%s' is one word too many: no operands are taken", t->argv[0]);
	open_model(t);
	if (t->model)
		model_options(t);
	if (t->profile)
		profile_options(t);
	/* over the model's and the profile's */
	if (t->recipe)
		tool_take_recipe(t, t->recipe);
	open_output(t);
	if (!t->quiet)
		progress_start(spec->name, t->out_path != NULL);
}

/* Opens the next input; 0 when there is none. */
static int
next_input(struct tool *t)
{
	struct tool_private *p = t->p;

	det_reader_close(p->in);
	p->in = NULL;
	if (t->argc == 0 && p->next_operand++ == 0) {
		p->in_name = "stdin";
	} else if (p->next_operand < t->argc) {
		p->in_name = t->argv[p->next_operand++];
		if (strcmp(p->in_name, "-") != 0) {
			tool_check(t, det_reader_open(&p->in, p->in_name));
			return 1;
		}
		p->in_name = "stdin";
	} else {
		return 0;
	}
	if (p->closed[0])
		tool_die(t, "standard input is closed");
	if (isatty(0))
		tool_usage(t,
		    "standard input is a terminal: a stream expected there, or a FILE");
	tool_check(t, det_reader_open_fd(&p->in, 0, p->in_name));
	return 1;
}

struct det_reader *
tool_input(struct tool *t, int *fd)
{
	if (t->argc > 1)
		tool_usage(t, "one stream expected, found %d", t->argc);
	(void)next_input(t);
	*fd = strcmp(t->p->in_name, "stdin") ? -1 : 0;
	return t->p->in;
}

static void
enter_item(struct tool *t, struct det_record *r)
{
	enum det_err e = det_item_read(&t->cur, r);

	t->at.item++;
	(void)snprintf(
	    t->at.path, sizeof t->at.path, "%s", t->cur.path ? t->cur.path : "");
	tool_check(t, e);
}

void
tool_read_failed(struct tool *t, const struct det_reader *rd)
{
	if (!det_reader_failed(rd))
		tool_die(t, "%s", det_errmsg());
	abandon(t, det_errmsg() + strlen("the stream was broken off: "));
	exit(2);
}

int
tool_read(struct tool *t, struct det_record *r)
{
	int more;

	for (;;) {
		if (!t->p->in && !next_input(t))
			return 0;
		if (t->out && det_reader_would_block(t->p->in))
			tool_check(t, det_writer_flush(t->out));
		if (t->p->print && det_reader_would_block(t->p->in))
			(void)fflush(t->p->print);
		if (det_reader_next(t->p->in, r, &more))
			tool_read_failed(t, t->p->in);
		if (more)
			break;
		t->at.item = -1;
		if (!next_input(t))
			return 0;
	}
	if (r->kind == DET_STREAM) {
		t->at.item = -1;
		tool_load(t, r);
		if (t->spec->bits & TOOL_WRITES)
			tool_history(t, &r->attrs);
	} else if (r->kind == DET_ITEM) {
		enter_item(t, r);
		progress_item();
	}
	return 1;
}

void
tool_load(struct tool *t, struct det_record *r)
{
	tool_check(t, det_record_load(r));
}

void
tool_write(struct tool *t, struct det_record *r)
{
	tool_check(t, det_writer_put(t->out, r));
}

void
tool_write_load(struct tool *t, struct det_record *r)
{
	tool_check(t, det_writer_put_load(t->out, r));
}

void
tool_stream_classes(struct tool *t, const struct det_classes *c)
{
	struct det_record r = { .kind = DET_STREAM };
	struct det_buf b = { 0 };

	tool_history(t, &r.attrs);
	if (c)
		tool_check(t, det_classes_text(&b, c));
	tool_check(t, det_writer_make(t->out, DET_STREAM, &r.attrs, b.text, b.len));
	det_record_release(&r);
	det_buf_free(&b);
}

void
tool_write_again(struct tool *t, const struct det_record *r)
{
	struct det_attrs a = { 0 };
	char *key, *value;
	size_t at = 0;

	for (;;) {
		tool_check(t, det_attr_next(&r->attrs, &at, &key, &value));
		if (!key)
			break;
		tool_check(t, det_attr_add(&a, key, value));
		free(key);
		free(value);
	}
	tool_history(t, &a);
	tool_check(t, det_writer_make(t->out, DET_STREAM, &a, r->tensor.data, r->size));
	free(a.text);
}

void
tool_stream_begin(struct tool *t)
{
	tool_stream_classes(t, t->model ? det_model_classes(t->model) : NULL);
}

void
tool_stream_end(struct tool *t)
{
	tool_check(t, det_writer_end(t->out));
}

void
tool_slurp(struct tool *t, char **text, size_t *len, const char *path, size_t limit)
{
	tool_check(t,
	    det_file_read(text, len, strcmp(path, "-") ? path : "/dev/stdin", limit));
}

int
tool_given(const struct tool *t, const char *name)
{
	return opt_set_given(t->p->opts, name);
}

int
tool_threads(const struct tool *t)
{
	return t->threads > 0 ? (int)t->threads : det_cpu_cores();
}

void
tool_settings(struct tool *t, struct det_buf *out)
{
	tool_check(t, opt_set_text(out, t->p->opts));
}

FILE *
tool_stdout(struct tool *t)
{
	return t->p->print ? t->p->print : stdout;
}

int
tool_finish(struct tool *t)
{
	struct tool_private *p = t->p;
	const char *name = t->out_path ? t->out_path : "standard output";
	int bad = 0;

	t->at.item = -1;
	progress_clear();
	det_reader_close(p->in);
	p->in = NULL;
	if (t->out)
		tool_check(t, det_writer_flush(t->out));
	det_writer_free(t->out);
	t->out = NULL;
	if (p->print) {
		bad = ferror(p->print) | fflush(p->print);
		if (p->print != stdout)
			bad |= fclose(p->print);
		if (bad)
			tool_die(t, "%s: %s", name, strerror(errno));
	}
	if (p->file.fd >= 0)
		tool_check(t, det_file_commit(&p->file));
	else if (t->out_fd == 1 && close(1) < 0)
		tool_die(t, "%s: %s", name, strerror(errno));
	det_model_close(t->model);
	det_item_release(&t->cur);
	opt_set_free(p->opts);
	free(p);
	t->p = NULL;
	return t->bad ? 2 : 0;
}
