/* SPDX-License-Identifier: MIT
 *
 * eval GT.json RESULTS.json [RULE [THREADS [RUNS]]]: what an evaluation's parts take, in
 * milliseconds: reading, matching and counting (the best of RUNS), 100 draws of a bootstrap;
 * then AP and the peak of resident memory.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "base/random.h"
#include "eval/eval.h"
#include "eval/load.h"

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "eval: %s\n", det_errmsg());
	exit(2);
}

static double
draw(const struct det_eval *e, int times)
{
	uint32_t *weight, *scratch;
	double *ap, start = now();
	struct det_random r;

	check(det_alloc(&weight, e->set->n_image, sizeof *weight));
	check(det_alloc(&scratch, 2 * e->n, sizeof *scratch));
	check(det_alloc(&ap, e->n_class * e->rule.n_iou, sizeof *ap));
	det_random_seed(&r, 1, 0);
	for (int n = 0; n < times; n++) {
		for (size_t i = 0; i < e->set->n_image; i++)
			weight[i] = 0;
		for (size_t i = 0; i < e->set->n_image; i++)
			weight[det_random_below(&r, e->set->n_image)]++;
		det_eval_weighted(ap, e, 0, e->rule.n_max - 1, weight, scratch);
	}
	free(weight);
	free(scratch);
	free(ap);
	return now() - start;
}

int
main(int argc, char *argv[])
{
	struct det_eval_set s = { 0 };
	struct det_eval_misfits misfits = { 0 };
	struct det_eval_rule r;
	struct det_eval e = { 0 };
	struct rusage use;
	int threads = argc > 4 ? atoi(argv[4]) : 1, runs = argc > 5 ? atoi(argv[5]) : 5;
	double t0, t1, t2, best = 1e30;

	if (argc < 3)
		return 2;
	check(det_eval_rule_find(&r, argc > 3 ? argv[3] : "coco"));
	t0 = now();
	check(det_eval_load_coco(&s, argv[1], &misfits));
	t1 = now();
	check(det_eval_load_results(&s, argv[2], &misfits));
	t2 = now();
	for (int i = 0; i < runs; i++) {
		double start = now();

		det_eval_release(&e);
		check(det_eval_run(&e, &s, &r, threads));
		if (now() - start < best)
			best = now() - start;
	}
	(void)getrusage(RUSAGE_SELF, &use);
	printf("%s threads %d read %.1f + %.1f ms, evaluate %.1f ms, ", r.name, threads,
	    t1 - t0, t2 - t1, best);
	printf("100 draws %.1f ms, AP %.15g, peak %ld MiB\n", draw(&e, 100),
	    det_eval_mean_ap(&e, 0, r.n_max - 1, DET_EVAL_EVERY, DET_EVAL_EVERY),
	    use.ru_maxrss >> 10);
	det_eval_release(&e);
	det_eval_misfits_release(&misfits);
	det_eval_set_release(&s);
	return 0;
}
