/* SPDX-License-Identifier: MIT
 *
 * How exact each way of convolution is on what a network really computes:
 *
 *   conv_real [-q] [-3] [-j THREADS] [-w MULTIPLICATIONS] MODEL STREAM
 *
 * runs the model's network "backbone" on the first tensor of STREAM (det-image wrote it),
 * keeps the input of every convolution (-3: every 3x3 of stride 1), and computes each in every
 * way that can, with the layer's own weights, against a direct convolution in double. Two
 * errors are printed, each the largest one relative to the largest output: of the bare sum,
 * and (after the slash) of the layer's output with bias, normalisation and activation. Of
 * large layers only some output channels are compared, so that at most -w multiplications
 * are made for the reference. TAP goes to standard output, with the table in comments (-q:
 * without).
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "model/network.h"
#include "nn/plan.h"
#include "stream/reader.h"
#include "tests/conv_ref.h"
#include "tests/unit/tap.h"

struct error {
	double sum, end;
};

struct job {
	int quiet, only3, threads;
	double work;
	struct error most[DET_CONV_ALGOS];
	size_t layers[DET_CONV_ALGOS];
};

/* A layer ready to be computed: the problem, its tensors, plain; the truth of some maps. */
struct layer {
	const char *name;
	struct det_conv c;
	const float *in, *weight;
	float *scale, *shift; /* of det_blocked_channels(k) */
	size_t step;          /* every so many output channels are compared */
	double *sum, *end;    /* (N, maps compared, OH, OW) */
};

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "conv_real: %s\n", det_errmsg());
	exit(2);
}

static void *
floats(size_t n)
{
	float *p;

	check(det_calloc(&p, n, sizeof *p));
	return p;
}

/* --- the problem, from the layer's arguments by the names of their keys ---------------- */

static const void *
argument(const struct det_node *n, const char *name)
{
	const struct det_key *k;

	for (k = n->op->keys; k->name; k++)
		if (!strcmp(k->name, name))
			return (const char *)n->args + k->at;
	(void)fprintf(stderr, "conv_real: convolutions have no '%s'\n", name);
	exit(2);
}

static size_t
number(const struct det_node *n, const char *name, size_t i)
{
	return (size_t)((const long *)argument(n, name))[i];
}

static struct det_conv
problem(const struct det_node *n, const size_t in[4])
{
	const struct det_act_args *act = n->args;
	struct det_conv c = { .n = in[0],
		.c = in[1],
		.h = in[2],
		.w = in[3],
		.k = number(n, "out", 0),
		.kh = number(n, "k", 0),
		.kw = number(n, "k", 1),
		.stride_y = number(n, "stride", 0),
		.stride_x = number(n, "stride", 1),
		.dilate_y = number(n, "dilate", 0),
		.dilate_x = number(n, "dilate", 1),
		.pad_top = number(n, "pad", 0),
		.pad_left = number(n, "pad", 1),
		.pad_bottom = number(n, "pad", 2),
		.pad_right = number(n, "pad", 3),
		.groups = number(n, "groups", 0),
		.act = (enum det_act)act->act,
		.alpha = (float)act->alpha };

	check(det_conv_shape(&c));
	return c;
}

/* The layer's bias and normalisation as scale and shift. */
static void
affine(struct layer *l, const struct det_node *n, const float *const *weight)
{
	size_t k = det_blocked_channels(l->c.k), i;
	double *s, *t;

	check(det_alloc(&s, k, sizeof *s));
	check(det_alloc(&t, k, sizeof *t));
	for (i = 0; i < k; i++)
		s[i] = 1, t[i] = 0;
	check(n->op->affine(s, t, n, weight, l->c.k));
	l->scale = floats(k);
	l->shift = floats(k);
	for (i = 0; i < l->c.k; i++) {
		l->scale[i] = (float)s[i];
		l->shift[i] = (float)t[i];
	}
	free(s), free(t);
}

/* --- the truth ------------------------------------------------------------------------- */

static void
truth(struct layer *l, double work)
{
	const struct det_conv *c = &l->c;
	size_t area = c->oh * c->ow, n, k, at = 0;

	l->step = (size_t)(conv_ref_work(c) / work) + 1;
	l->step += l->step % 2 ? 0 : 1;
	check(det_alloc(&l->sum, c->n * (c->k / l->step + 1) * area, sizeof *l->sum));
	check(det_alloc(&l->end, c->n * (c->k / l->step + 1) * area, sizeof *l->end));
	for (n = 0; n < c->n; n++)
		for (k = 0; k < c->k; k += l->step, at += area) {
			conv_ref_map(l->sum + at, NULL, c, l->in, l->weight, n, k);
			memcpy(l->end + at, l->sum + at, area * sizeof *l->end);
			conv_ref_end(l->end + at, c, k, l->scale, l->shift, NULL);
		}
}

/* The largest error of out (plain) relative to its largest value. */
static double
relative(const struct layer *l, const float *out, const double *want)
{
	const struct det_conv *c = &l->c;
	size_t area = c->oh * c->ow, n, k, i;
	double most = 0, worst = 0, err;

	for (i = 0; i < conv_ref_out(c); i++)
		if (fabs((double)out[i]) > most)
			most = fabs((double)out[i]);
	for (n = 0; n < c->n; n++)
		for (k = 0; k < c->k; k += l->step)
			for (i = 0; i < area; i++) {
				err = fabs(
				    *want++ - (double)out[(n * c->k + k) * area + i]);
				if (!(err <= worst))
					worst = err;
			}
	return worst > 0 ? worst / most : worst;
}

/* --- one way --------------------------------------------------------------------------- */

/* Plain out, by the problem c, whose layouts may be any. */
static void
compute(
    float *plain, const struct det_conv *c, const struct layer *l, int end, int threads)
{
	const size_t in_dims[4] = { c->n, c->c, c->h, c->w };
	const size_t out_dims[4] = { c->n, c->k, c->oh, c->ow };
	float *in = floats(det_layout_floats(c->in_layout, in_dims));
	float *out = floats(det_layout_floats(c->out_layout, out_dims));
	size_t bytes = det_conv_packed_bytes(c, threads);
	struct det_conv p = *c;
	float *packed = NULL;
	void *scratch;

	if (bytes) {
		check(det_alloc(&packed, bytes, 1));
		det_conv_pack(c, packed, l->weight, threads);
		p.packed = 1;
	}
	if (c->in_layout == DET_BLOCKED)
		det_layout_block(in, l->in, c->n, c->c, c->h * c->w, threads);
	else
		memcpy(in, l->in, conv_ref_in(c) * sizeof *in);
	check(det_alloc(&scratch, det_conv_scratch(&p, threads), 1));
	if (!end)
		p.act = DET_ACT_LINEAR;
	det_conv_run(&p, out, in, packed ? packed : l->weight, end ? l->scale : NULL,
	    end ? l->shift : NULL, NULL, scratch, threads);
	if (c->out_layout == DET_BLOCKED)
		det_layout_plain(plain, out, c->n, c->k, c->oh * c->ow, threads);
	else
		memcpy(plain, out, conv_ref_out(c) * sizeof *plain);
	free(in), free(out), free(packed), free(scratch);
}

/* Sets the layouts in which the algorithm can; 0 where there are none. */
static int
layouts(struct det_conv *c, enum det_conv_algo algo)
{
	static const enum det_layout in[] = { DET_BLOCKED, DET_PLAIN, DET_PLAIN },
				     out[] = { DET_BLOCKED, DET_BLOCKED, DET_PLAIN };
	size_t i;

	c->algo = algo;
	for (i = 0; i < 3; i++) {
		c->in_layout = in[i];
		c->out_layout = out[i];
		if (det_conv_can(c, algo))
			return 1;
	}
	return 0;
}

static void
each_way(struct job *j, struct layer *l)
{
	float *out = floats(conv_ref_out(&l->c));
	int a;

	if (!j->quiet)
		printf("# %-30s %4zu %3zux%-3zu > %4zu %zux%zu/%zu", l->name, l->c.c,
		    l->c.h, l->c.w, l->c.k, l->c.kh, l->c.kw, l->c.stride_y);
	for (a = DET_CONV_AUTO; a < DET_CONV_ALGOS; a++) {
		struct det_conv c = l->c;
		struct error e;

		if (!layouts(&c, (enum det_conv_algo)a))
			continue;
		compute(out, &c, l, 0, j->threads);
		e.sum = relative(l, out, l->sum);
		compute(out, &c, l, 1, j->threads);
		e.end = relative(l, out, l->end);
		if (!j->quiet)
			printf("  %s %.1e/%.1e",
			    det_conv_algo_name((enum det_conv_algo)a), e.sum, e.end);
		if (!(e.sum <= j->most[a].sum))
			j->most[a].sum = e.sum;
		if (!(e.end <= j->most[a].end))
			j->most[a].end = e.end;
		j->layers[a]++;
	}
	if (!j->quiet)
		printf("\n");
	free(out);
}

/* --- the network ----------------------------------------------------------------------- */

static int
wanted(const struct job *j, const struct det_node *n)
{
	return n->op == &det_op_conv &&
	       (!j->only3 ||
		   (number(n, "k", 0) == 3 && number(n, "k", 1) == 3 &&
		       number(n, "stride", 0) == 1 && number(n, "stride", 1) == 1 &&
		       number(n, "groups", 0) == 1));
}

/* The layers whose values the wanted convolutions read, each once. */
static size_t
find_taps(const char **taps, const struct job *j, const struct det_net *net)
{
	size_t i, k, n = 0;

	for (i = 0; i < net->n_nodes; i++) {
		const struct det_node *from;

		if (!wanted(j, &net->node[i]))
			continue;
		from = &net->node[net->node[i].in[0]];
		for (k = 0; k < n && strcmp(taps[k], from->name) != 0; k++)
			;
		if (from->op && k == n)
			taps[n++] = from->name;
	}
	return n;
}

static const float *
value(const struct det_engine *e, const struct det_tensor *image,
    const struct det_node *n, size_t dims[4])
{
	struct det_tensor t = *image;
	const char *name;
	size_t i;

	for (i = 0; n->op && (name = det_engine_output(e, i, &t)); i++)
		if (!strcmp(name, n->name))
			break;
	for (i = 0; i < 4; i++)
		dims[i] = t.dims[i];
	return t.data;
}

static void
each_layer(struct job *j, const struct det_network *run, const struct det_tensor *image)
{
	const struct det_net *net = run->net;
	size_t i, in[4];

	for (i = 0; i < net->n_nodes; i++) {
		const struct det_node *n = &net->node[i];
		struct layer l = { .name = n->name };

		if (!wanted(j, n))
			continue;
		l.in = value(run->engine, image, &net->node[n->in[0]], in);
		l.c = problem(n, in);
		l.weight = run->engine->data[n->weight];
		affine(&l, n, run->engine->data + n->weight);
		truth(&l, j->work);
		each_way(j, &l);
		free(l.scale), free(l.shift), free(l.sum), free(l.end);
	}
}

/* The network twice: once to find what to tap. */
static void
run_model(struct job *j, const char *path, const struct det_tensor *image)
{
	struct det_engine_params p = DET_ENGINE_DEFAULTS;
	struct det_network look, run;
	struct det_model *m;
	const char **taps;

	check(det_model_open(&m, path));
	p.threads = j->threads;
	check(det_network_open(&look, m, "backbone", &p));
	check(det_alloc(&taps, look.net->n_nodes, sizeof *taps));
	p.taps = taps;
	p.n_taps = find_taps(taps, j, look.net);
	check(det_network_open(&run, m, "backbone", &p));
	check(det_engine_run(run.engine, image));
	each_layer(j, &run, image);
	det_network_close(&run);
	det_network_close(&look);
	free(taps);
	det_model_close(m);
}

static void
judge(const struct job *j)
{
	int a;

	for (a = 0; a < DET_CONV_ALGOS; a++) {
		double limit =
		    a == DET_CONV_AUTO || a == DET_CONV_WINO4 || a == DET_CONV_WINO6
			? 1e-4
			: 2e-5;

		if (j->layers[a])
			ok(j->most[a].sum <= limit && j->most[a].end <= limit,
			    "%s, %s, %zu layers: errors %.1e of the largest sum, %.1e "
			    "of the "
			    "largest output",
			    det_cpu_name(det_cpu_level()),
			    det_conv_algo_name((enum det_conv_algo)a), j->layers[a],
			    j->most[a].sum, j->most[a].end);
	}
}

int
main(int argc, char *argv[])
{
	struct job j = { .threads = 2, .work = 3e7 };
	struct det_reader *rd;
	struct det_record r = { 0 };
	int o, more;

	while ((o = getopt(argc, argv, "q3j:w:")) != -1)
		switch (o) {
		case 'q': j.quiet = 1; break;
		case '3': j.only3 = 1; break;
		case 'j': j.threads = atoi(optarg); break;
		case 'w': j.work = strtod(optarg, NULL); break;
		default: return 2;
		}
	if (argc - optind != 2)
		return 2;
	check(det_reader_open(&rd, argv[optind + 1]));
	do
		check(det_reader_next(rd, &r, &more));
	while (more && r.kind != DET_TENSOR);
	check(det_record_load(&r));
	run_model(&j, argv[optind], &r.tensor);
	judge(&j);
	det_record_release(&r);
	det_reader_close(rd);
	return done();
}
