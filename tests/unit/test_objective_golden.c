/* SPDX-License-Identifier: MIT
 *
 * Objectives against torchvision's own classes and the formulas of other programs: every
 * term and every map's gradient of tests/unit/golden/losses.txt, made by
 * tests/oracle/train_losses.py.
 */
#include "base/file.h"
#include "box/anchors.h"
#include "tests/unit/objective_rig.h"

struct golden {
	struct objective_rig rig;
	char name[60], line[100], keys[200], profile[40];
	int open, bad;
	double worst, worst_grad;
	size_t terms, grads, runs;
};

static double
relative(double got, double want, double size)
{
	return fabs(got - want) / fmax(fabs(size), 1e-9);
}

static void
begin(struct golden *g)
{
	const char *text = det_anchors_profile(g->profile);

	g->open = 1;
	g->bad = !text ||
		 rig_open_objective(&g->rig, g->line, g->keys, text ? text : "") ||
		 rig_run(&g->rig);
	g->runs = 1;
	if (g->bad)
		(void)printf("# %s\n", det_errmsg());
}

static void
end(struct golden *g)
{
	if (g->name[0]) {
		ok(!g->bad && g->worst < 1e-5 && g->terms >= 2,
		    "%s: %zu terms, worst %.1e", g->name, g->terms, g->worst);
		ok(!g->bad && g->worst_grad < 1e-4 && g->grads == g->rig.maps,
		    "... gradients of %zu maps, worst %.1e of the norm", g->grads,
		    g->worst_grad);
	}
	rig_close_objective(&g->rig);
	memset(g, 0, sizeof *g);
}

static void
term(struct golden *g, const char *s, int again)
{
	char name[40];
	double want;

	if (!g->open)
		begin(g);
	if (again && g->runs == 1 && !g->bad) {
		g->bad = rig_run(&g->rig) != DET_OK;
		g->runs = 2;
	}
	if (g->bad || sscanf(s, "%39s %lf", name, &want) != 2)
		return;
	for (size_t i = 0; g->rig.o.term[i]; i++)
		if (!strcmp(name, g->rig.o.term[i])) {
			g->worst =
			    worse(g->worst, relative(g->rig.value[i], want, want));
			g->terms++;
		}
}

static void
gradient(struct golden *g, const char *s)
{
	struct objective_rig *r = &g->rig;
	double want[4], got[4] = { 0 };
	size_t i, n;
	float *way;

	if (g->bad ||
	    sscanf(s, "%zu %lf %lf %lf %lf", &i, &want[0], &want[1], &want[2],
		&want[3]) != 5 ||
	    i >= r->maps)
		return;
	n = rig_map_count(r, i);
	way = calloc(n, sizeof *way);
	if (!way)
		exit(2);
	for (uint32_t k = 0; k < 4; k++) {
		fill(way, n, k);
		for (size_t j = 0; j < n; j++)
			got[k] += (double)r->grad[i][j] *
				  (double)(k ? way[j] : r->grad[i][j]);
	}
	got[0] = sqrt(got[0]);
	for (size_t k = 0; k < 4; k++) {
		double off = got[k] == want[k] ? 0 : relative(got[k], want[k], want[0]);

		if (!(off < 1e-4))
			(void)printf(
			    "# map %zu, %zu: %g, expected %g\n", i, k, got[k], want[k]);
		g->worst_grad = worse(g->worst_grad, off);
	}
	g->grads++;
	free(way);
}

static void
read_map(struct golden *g, const char *s)
{
	size_t d[4];
	uint32_t seed;
	double scale;

	if (sscanf(s, "%zu %zu %zu %u %lf", &d[1], &d[2], &d[3], &seed, &scale) != 5 ||
	    g->rig.maps == RIG_MAPS)
		exit(2);
	d[0] = 3;
	rig_add_map(&g->rig, d, seed, scale);
}

static void
read_line(struct golden *g, const char *s)
{
	double c[4];
	int32_t label;
	uint32_t flags;

	if (sscanf(s, "case %59s", g->name) == 1 ||
	    sscanf(s, "line %99[^\n]", g->line) == 1 ||
	    sscanf(s, "keys %199[^\n]", g->keys) == 1 ||
	    sscanf(s, "profile %39s", g->profile) == 1 ||
	    sscanf(s, "input %zu %zu", &g->rig.in_h, &g->rig.in_w) == 2)
		return;
	if (sscanf(s, "image %lf %lf %lf %lf", &c[0], &c[1], &c[2], &c[3]) == 4)
		rig_add_image(&g->rig, c[0], c[1], c[2], c[3]);
	else if (sscanf(s, "box %lf %lf %lf %lf %d %u", &c[0], &c[1], &c[2], &c[3],
		     &label, &flags) == 6)
		rig_add_box(&g->rig, c, label, flags);
	else if (!strncmp(s, "map ", 4))
		read_map(g, s + 4);
	else if (!strncmp(s, "term ", 5))
		term(g, s + 5, 0);
	else if (!strncmp(s, "again ", 6))
		term(g, s + 6, 1);
	else if (!strncmp(s, "grad ", 5))
		gradient(g, s + 5);
}

int
main(void)
{
	static struct golden g;
	const char *src = getenv("DET_SRC"), *line;
	char path[1000], *text, buf[400];
	size_t len, n, at = 0, cases = 0;

	(void)snprintf(
	    path, sizeof path, "%s/tests/unit/golden/losses.txt", src ? src : ".");
	if (det_file_read(&text, &len, path, 1 << 24)) {
		ok(0, "%s", det_errmsg());
		return done();
	}
	while (det_line_next(&line, &n, text, len, &at)) {
		(void)snprintf(buf, sizeof buf, "%.*s", (int)n, line);
		if (!strncmp(buf, "case ", 5)) {
			end(&g);
			cases++;
		}
		read_line(&g, buf);
	}
	end(&g);
	free(text);
	ok(cases == 10, "%zu cases", cases);
	return done();
}
