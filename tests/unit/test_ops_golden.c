/* SPDX-License-Identifier: MIT
 *
 * Operators against torch: tests/unit/golden/ops.txt, made by tests/oracle/ops.py.
 */
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/text.h"
#include "tests/unit/nets.h"
#include "tests/unit/tap.h"

struct golden {
	char stmt[200];
	size_t in[4], in2[4], out[4]; /* in2[0] == 0: one input */
	double *want;
	size_t n, got;
};

static void
run_case(const struct golden *g)
{
	char text[400], a[96], b[96];
	struct rig rig;
	struct det_tensor in[2] = { { 0 } }, out = { .rank = 4 },
			  want = { .dtype = DET_F32, .rank = 4 };
	double worst = 0, d;
	size_t i;
	int threads;

	(void)snprintf(text, sizeof text, "net n\ninput x %zu %zu %zu\n%s%s\noutput y",
	    g->in[1], g->in[2], g->in[3], g->in2[0] ? "input z 0 0 0\n" : "", g->stmt);
	memcpy(want.dims, g->out, sizeof g->out);
	in[0] = seeded(g->in[0], g->in[1], g->in[2], g->in[3], 7);
	if (g->in2[0])
		in[1] = seeded(g->in2[0], g->in2[1], g->in2[2], g->in2[3], 11);
	for (threads = 1; threads <= 2; threads++) {
		if (rig_open(&rig, text, threads, NULL, 0) ||
		    det_engine_run(rig.engine, in)) {
			ok(0, "%s: %s", g->stmt, det_errmsg());
			return;
		}
		(void)det_engine_output(rig.engine, 0, &out);
		for (i = 0; i < g->n && !memcmp(out.dims, g->out, sizeof g->out); i++) {
			d = fabs((double)((float *)out.data)[i] - g->want[i]) /
			    (1 + fabs(g->want[i]));
			worst = d > worst || d != d ? d : worst;
		}
		rig_close(&rig);
	}
	ok(g->n && g->n == g->got && !memcmp(out.dims, g->out, sizeof g->out) &&
		worst < 2e-6,
	    "%s: %s of %s, worst %.1e", g->stmt, det_shape_text(a, sizeof a, &out),
	    det_shape_text(b, sizeof b, &want), worst);
	free(in[0].data);
	free(in[1].data);
}

static void
dims(size_t d[4], const char *s)
{
	if (sscanf(s, "%zu %zu %zu %zu", &d[0], &d[1], &d[2], &d[3]) != 4)
		exit(2);
}

static void
read_values(struct golden *g, const char *s)
{
	char *end;

	for (; g->got < g->n; s = end) {
		double v = strtod(s, &end);

		if (end == s)
			return;
		g->want[g->got++] = v;
	}
}

int
main(void)
{
	const char *src = getenv("DET_SRC"), *line;
	struct golden g = { .n = 0 };
	char path[1000], *text, buf[400];
	size_t len, n, at = 0;
	int cases = 0;

	(void)snprintf(
	    path, sizeof path, "%s/tests/unit/golden/ops.txt", src ? src : ".");
	if (det_file_read(&text, &len, path, 1 << 24)) {
		ok(0, "%s", det_errmsg());
		return done();
	}
	while (det_line_next(&line, &n, text, len, &at)) {
		(void)snprintf(buf, sizeof buf, "%.*s", (int)n, line);
		if (!strncmp(buf, "case ", 5)) {
			if (g.want)
				run_case(&g);
			free(g.want);
			g = (struct golden){ .n = 0 };
			(void)snprintf(g.stmt, sizeof g.stmt, "%.199s", buf + 5);
			cases++;
		} else if (!strncmp(buf, "in ", 3))
			dims(g.in, buf + 3);
		else if (!strncmp(buf, "in2 ", 4))
			dims(g.in2, buf + 4);
		else if (!strncmp(buf, "out ", 4)) {
			dims(g.out, buf + 4);
			g.n = g.out[0] * g.out[1] * g.out[2] * g.out[3];
			g.want = malloc(g.n * sizeof *g.want);
		} else if (*buf != '#' && g.want)
			read_values(&g, buf);
	}
	if (g.want)
		run_case(&g);
	free(g.want);
	free(text);
	ok(cases >= 50, "%d cases", cases);
	return done();
}
