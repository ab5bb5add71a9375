/* SPDX-License-Identifier: MIT
 *
 * Nets in training against torch's autograd: tests/unit/golden/grad.txt, made by
 * tests/oracle/grad.py.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/text.h"
#include "tests/unit/grad_rig.h"

struct golden {
	char name[40], text[2000];
	struct det_grad_params p;
	size_t in[RIG_IO][4], n_in;
	struct grad_rig rig;
	int open, bad;
	/* what the lines of values are held against */
	char what[100];
	const float *have;
	size_t n, got;
	double worst, diff, top;
	size_t values;
};

/* Where the network has what the file calls so; NULL: nowhere. */
static const float *
look_up(struct golden *g, const char *name, size_t *n)
{
	size_t len = strlen(name), i;
	int grad = ends_with(name, "/grad");
	struct det_tensor t;
	const char *s;

	len -= grad ? 5 : 0;
	for (i = 0; i < det_grad_n_params(g->rig.grad); i++) {
		struct det_param *p = det_grad_param(g->rig.grad, i);

		*n = p->count;
		if (strlen(p->name) == len && !memcmp(p->name, name, len))
			return grad ? p->grad : p->value;
	}
	for (i = 0; grad && (s = det_net_input(g->rig.net, i, NULL)); i++) {
		*n = rig_count(&g->rig.in[i]);
		if (strlen(s) == len && !memcmp(s, name, len))
			return g->rig.in_grad[i];
	}
	for (i = 0; !grad && (s = det_grad_output(g->rig.grad, i, &t)); i++) {
		*n = rig_count(&t);
		if (!strcmp(s, name))
			return t.data;
	}
	return NULL;
}

static void
end_value(struct golden *g)
{
	if (g->have) {
		g->diff /= g->top > 1e-3 ? g->top : 1e-3;
		if (g->diff > 1e-5 || g->got != g->n) {
			(void)printf("# %s: %zu of %zu values, worst %.1e\n", g->what,
			    g->got, g->n, g->diff);
			g->bad = 1;
		}
		g->worst = g->diff > g->worst ? g->diff : g->worst;
		g->values++;
	}
	g->have = NULL;
}

static void
end_net(struct golden *g)
{
	end_value(g);
	if (*g->name)
		ok(!g->bad && g->values >= 2, "%s: %zu arrays, worst %.1e", g->name,
		    g->values, g->worst);
	grad_rig_close(&g->rig);
	memset(g, 0, sizeof *g);
}

static void
begin_net(struct golden *g, const char *line)
{
	char form[40] = "", *end;
	const char *s = line + strcspn(line, " ");

	end_net(g);
	(void)snprintf(g->name, sizeof g->name, "%.*s", (int)(s - line), line);
	(void)snprintf(form, sizeof form, "%s", s);
	g->p = (struct det_grad_params){ .threads = 2, .bn_momentum = -1 };
	if (strstr(form, "darknet"))
		g->p.form = DET_BN_DARKNET_FORM;
	if (strtod(s, &end) > 0 && end > s)
		g->p.bn_momentum = strtod(s, NULL);
	(void)snprintf(g->text, sizeof g->text, "net n\n");
}

static void
begin_value(struct golden *g, const char *line)
{
	size_t have = 0;

	end_value(g);
	if (!g->open) {
		g->open = 1;
		g->bad = grad_rig_open(&g->rig, g->text, (const size_t(*)[4])g->in,
			     &g->p) != DET_OK ||
			 !(fabs(grad_rig_loss(&g->rig)) < 1e9) ||
			 grad_rig_back(&g->rig) != DET_OK;
		if (g->bad)
			(void)printf("# %s\n", det_errmsg());
	}
	if (g->bad || sscanf(line, "%99s %zu", g->what, &g->n) != 2)
		return;
	g->have = look_up(g, g->what, &have);
	if (!g->have || have != g->n) {
		(void)printf("# %s: %zu values of %zu\n", g->what, have, g->n);
		g->have = NULL;
		g->bad = 1;
	}
	g->got = 0;
	g->diff = g->top = 0;
}

static void
read_values(struct golden *g, const char *s)
{
	char *end;
	double v, d;

	for (; g->have && g->got < g->n; s = end) {
		v = strtod(s, &end);
		if (end == s)
			return;
		d = fabs((double)g->have[g->got++] - v);
		g->diff = d > g->diff || d != d ? d : g->diff;
		g->top = fabs(v) > g->top ? fabs(v) : g->top;
	}
}

static void
read_line(struct golden *g, const char *line)
{
	size_t *d = g->in[g->n_in];

	if (!strncmp(line, "net ", 4))
		begin_net(g, line + 4);
	else if (!strncmp(line, "in ", 3) && g->n_in + 1 < RIG_IO)
		g->n_in += sscanf(line + 3, "%zu %zu %zu %zu", &d[0], &d[1], &d[2],
			       &d[3]) == 4;
	else if (!strncmp(line, "text ", 5))
		(void)snprintf(g->text + strlen(g->text),
		    sizeof g->text - strlen(g->text), "%s\n", line + 5);
	else if (!strncmp(line, "value ", 6))
		begin_value(g, line + 6);
	else
		read_values(g, line);
}

int
main(void)
{
	static struct golden g;
	const char *src = getenv("DET_SRC"), *line;
	char path[1000], *text, buf[400];
	size_t len, n, at = 0, nets = 0;

	(void)snprintf(
	    path, sizeof path, "%s/tests/unit/golden/grad.txt", src ? src : ".");
	if (det_file_read(&text, &len, path, 1 << 24)) {
		ok(0, "%s", det_errmsg());
		return done();
	}
	while (det_line_next(&line, &n, text, len, &at)) {
		(void)snprintf(buf, sizeof buf, "%.*s", (int)n, line);
		nets += !strncmp(buf, "net ", 4);
		read_line(&g, buf);
	}
	end_net(&g);
	free(text);
	ok(nets >= 9, "%zu nets", nets);
	return done();
}
