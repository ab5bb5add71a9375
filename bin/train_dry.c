/* SPDX-License-Identifier: MIT
 *
 * det-train --dry-run: what would be trained, and what an iteration takes, tried on the first
 * batch. Nothing is written but this.
 */
#include "bin/train_job.h"

#include <string.h>

#include "base/text.h"

static const char *
role(enum det_param_role r)
{
	static const char *const name[] = { "weight", "bias", "scale", "shift", "mean",
		"variance" };

	return name[r];
}

static void
print_params(struct det_system *s)
{
	size_t all = 0, learnt = 0;

	(void)printf("parameter\tshape\tnumbers\trole\n");
	for (size_t i = 0; i < det_system_n_params(s); i++) {
		const struct det_param *p = det_system_param(s, i);
		struct det_tensor t = { .dtype = DET_F32, .rank = p->rank };
		const int fixed = p->frozen || !p->grad;
		char shape[96];

		memcpy(t.dims, p->dims, sizeof t.dims);
		(void)printf("%s\t%s\t%zu\t%s%s\n", p->name,
		    det_shape_text(shape, sizeof shape, &t), p->count, role(p->role),
		    p->grad && p->frozen ? ", frozen" : "");
		all += p->count;
		learnt += fixed ? 0 : p->count;
	}
	(void)printf("%zu numbers, of which %zu are learnt\n", all, learnt);
}

static void
print_cost(
    struct train_job *j, const struct det_labelled *b, double seconds, int rounds)
{
	const double mib = 1 << 20, one = seconds / rounds;
	const long n = j->o->accumulate;
	struct det_grad_stats g;
	char shape[96];

	det_system_stats(det_train_system(j->train), &g);
	(void)printf("batch: %s\n", det_shape_text(shape, sizeof shape, &b->image));
	(void)printf("memory: %.1f MiB of values, %.1f of their gradients, %.1f of "
		     "parameters with gradients, %.1f of scratch; %.1f in all\n",
	    (double)g.values / mib, (double)g.value_grads / mib, (double)g.params / mib,
	    (double)g.scratch / mib, train_memory());
	(void)printf("work: %.4g GFLOP a batch\n", g.flop / 1e9);
	if (n > 1)
		(void)printf(
		    "time: %.4g s an iteration of %ld batches, ", one * (double)n, n);
	else
		(void)printf("time: ");
	(void)printf("%.4g s a batch, %.4g images a second (mean of %d)\n", one,
	    (double)b->n / one, rounds);
}

static const struct det_labelled *
first_batch(struct train_job *j)
{
	struct det_batches_params p = { .ahead = 1 };
	const struct det_labelled *b;

	train_batches(j, &p);
	if (det_batches_next(&b, j->batches))
		tool_read_failed(j->t, j->in);
	if (!b || b->n == 0)
		tool_die(j->t, "the stream has no images to train on");
	return b;
}

void
train_dry(struct train_job *j)
{
	const int rounds = 3;
	const struct det_labelled *b;
	struct det_train_row row;
	struct det_tally objects;
	double start;
	int done;

	(void)train_open(j);
	(void)printf("%s\n", det_system_about(det_train_system(j->train)));
	b = first_batch(j);
	/* the first allocates, and settles the shapes */
	tool_check(j->t, det_train_batch(j->train, b, &done));
	train_graph(j);
	print_params(det_train_system(j->train));
	objects = det_train_at(j->train)->tally;
	det_train_row(&row, j->train);
	start = train_now();
	for (int i = 0; i < rounds; i++)
		tool_check(j->t, det_train_batch(j->train, b, &done));
	print_cost(j, b, train_now() - start, rounds);
	(void)printf("objects: %llu, of which %llu have no anchor, cell or proposal\n",
	    (unsigned long long)objects.objects, (unsigned long long)objects.unmatched);
	(void)printf("loss:");
	for (size_t k = 0; row.n && k < det_system_terms(det_train_system(j->train));
	     k++)
		(void)printf(" %s %.6g", det_system_term(det_train_system(j->train), k),
		    row.term[k]);
	(void)printf("\n");
}
