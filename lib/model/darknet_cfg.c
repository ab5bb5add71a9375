/* SPDX-License-Identifier: MIT
 *
 * Darknet's cfg is an ini file: "[section]" opens a layer, "key=value" sets it, blank lines
 * and lines that begin with # or ; mean nothing. All blanks are dropped wherever they stand
 * (read_cfg and strip in Darknet's parser.c and utils.c), so "anchors = 10,13,  16,30" and
 * "[ net ]" are as good as without; CR LF line ends occur in published files. Where a key
 * is given twice the first one counts.
 *
 * Departures: a # also ends a value (the fork's rule for lists, here for all); numbers are
 * read whole, so "3x3" is an error where atoi would give 3; a line without '=' is an error
 * where Darknet prints a message and goes on.
 */
#include "model/darknet_cfg.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_LINE     8192 /* bytes: no published cfg comes near */
#define MAX_SECTIONS 10000

/* Copies a line without blanks and comment; *n is its length. */
static enum det_err
squeeze(char *out, size_t *n, const struct dk_cfg *cfg, const char *line, size_t len,
    size_t number)
{
	*n = 0;
	if (len > MAX_LINE)
		return det_fail(DET_LIMIT, "%s:%zu: a line of %zu bytes: at most %d",
		    cfg->file, number, len, MAX_LINE);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == '#' || (c == ';' && *n == 0))
			break;
		if (c == ' ' || c == '\t' || c == '\r')
			continue;
		if (c < ' ' || c >= 0x7f)
			return det_fail(DET_INVALID,
			    "%s:%zu: a Darknet cfg expected, found byte %#x", cfg->file,
			    number, c);
		out[(*n)++] = (char)c;
	}
	out[*n] = 0;
	return DET_OK;
}

static enum det_err
add_section(struct dk_cfg *cfg, char *text, size_t n, size_t number)
{
	struct dk_section *s;
	const char *name;
	int fork = 0;
	enum det_err e;

	if (text[n - 1] != ']')
		return det_fail(DET_INVALID, "%s:%zu: '[section]' expected, found '%s'",
		    cfg->file, number, text);
	text[n - 1] = 0;
	name = dk_section_name(text + 1, &fork);
	if (!name)
		return det_fail(fork ? DET_UNSUPPORTED : DET_INVALID,
		    "%s:%zu: %s section [%s]", cfg->file, number,
		    fork ? "no support for" : "unknown", text + 1);
	cfg->fork |= fork;
	if (cfg->n >= MAX_SECTIONS)
		return det_fail(DET_LIMIT, "%s:%zu: more than %d sections", cfg->file,
		    number, MAX_SECTIONS);
	if ((e = det_grow(&cfg->section, &cfg->cap, cfg->n + 1, sizeof *cfg->section)))
		return e;
	s = &cfg->section[cfg->n];
	*s = (struct dk_section){ .line = number };
	if ((e = det_strdup(&s->name, name)))
		return e;
	cfg->n++;
	return DET_OK;
}

static enum det_err
add_option(struct dk_cfg *cfg, char *text, size_t number)
{
	char *eq = strchr(text, '=');
	struct dk_section *s;
	struct dk_option *o;
	enum det_err e;

	if (!eq || eq == text)
		return det_fail(DET_INVALID,
		    "%s:%zu: '[section]' or 'key = value' expected, found '%.60s'",
		    cfg->file, number, text);
	if (cfg->n == 0)
		return det_fail(DET_INVALID,
		    "%s:%zu: a [net] section expected first, found '%.60s'", cfg->file,
		    number, text);
	*eq = 0;
	s = &cfg->section[cfg->n - 1];
	if (dk_find(s, text))
		return det_buf_printf(&cfg->notes,
		    "%s:%zu: '%.60s' a second time in this [%s]: the first counts\n",
		    cfg->file, number, text, s->name);
	if ((e = det_grow(&s->option, &s->cap, s->n + 1, sizeof *s->option)))
		return e;
	o = &s->option[s->n];
	*o = (struct dk_option){ .line = number };
	if ((e = det_strdup(&o->key, text)))
		return e;
	s->n++;
	return det_strdup(&o->value, eq + 1);
}

enum det_err
dk_cfg_parse(struct dk_cfg *cfg, const char *text, size_t len, const char *file)
{
	char buf[MAX_LINE + 1];
	const char *line;
	size_t at = 0, n, k, number = 0;
	enum det_err e;

	*cfg = (struct dk_cfg){ 0 };
	if ((e = det_strdup(&cfg->file, file)))
		return e;
	while (det_line_next(&line, &n, text, len, &at)) {
		if ((e = squeeze(buf, &k, cfg, line, n, ++number)))
			goto fail;
		if (k == 0)
			continue;
		e = buf[0] == '[' ? add_section(cfg, buf, k, number)
				  : add_option(cfg, buf, number);
		if (e)
			goto fail;
	}
	if (cfg->n == 0 || strcmp(cfg->section[0].name, "net") != 0) {
		e = det_fail(DET_INVALID,
		    "%s: a [net] section expected first, found %s", file,
		    cfg->n ? cfg->section[0].name : "nothing");
		goto fail;
	}
	return DET_OK;
fail:
	dk_cfg_release(cfg);
	return e;
}

void
dk_cfg_release(struct dk_cfg *cfg)
{
	for (size_t i = 0; i < cfg->n; i++) {
		struct dk_section *s = &cfg->section[i];

		for (size_t k = 0; k < s->n; k++) {
			free(s->option[k].key);
			free(s->option[k].value);
		}
		free(s->option);
		free(s->name);
	}
	free(cfg->section);
	free(cfg->file);
	det_buf_free(&cfg->notes);
	*cfg = (struct dk_cfg){ 0 };
}

const struct dk_option *
dk_find(const struct dk_section *s, const char *key)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->option[i].key, key) == 0)
			return &s->option[i];
	return NULL;
}

static enum det_err
wrong(enum det_err e, const struct dk_cfg *cfg, const struct dk_option *o)
{
	return det_fail_in(e, "%s:%zu: %s", cfg->file, o->line, o->key);
}

enum det_err
dk_long(long *out, const struct dk_cfg *cfg, const struct dk_section *s,
    const char *key, long def, long lo, long hi)
{
	const struct dk_option *o = dk_find(s, key);
	enum det_err e;

	*out = def;
	if (o && (e = det_parse_long(out, o->value, lo, hi)))
		return wrong(e, cfg, o);
	return DET_OK;
}

enum det_err
dk_double(double *out, const struct dk_cfg *cfg, const struct dk_section *s,
    const char *key, double def, double lo, double hi)
{
	const struct dk_option *o = dk_find(s, key);
	enum det_err e;

	*out = def;
	if (o && (e = det_parse_double(out, o->value, lo, hi)))
		return wrong(e, cfg, o);
	return DET_OK;
}

enum det_err
dk_list(double **out, size_t *n, const struct dk_cfg *cfg, const struct dk_section *s,
    const char *key, double lo, double hi)
{
	const struct dk_option *o = dk_find(s, key);
	char *copy, *p, *comma;
	double *v = NULL;
	size_t cap = 0;
	enum det_err e;

	*out = NULL;
	*n = 0;
	if (!o)
		return DET_OK;
	if ((e = det_strdup(&copy, o->value)))
		return e;
	for (p = copy; p; p = comma ? comma + 1 : NULL) {
		comma = strchr(p, ',');
		if (comma)
			*comma = 0;
		else if (!*p && *n > 0)
			break; /* a comma after the last one */
		if ((e = det_grow(&v, &cap, *n + 1, sizeof *v)))
			break;
		if ((e = det_parse_double(&v[*n], p, lo, hi))) {
			e = wrong(e, cfg, o);
			break;
		}
		++*n;
	}
	free(copy);
	if (e) {
		free(v);
		*n = 0;
		return e;
	}
	*out = v;
	return DET_OK;
}
