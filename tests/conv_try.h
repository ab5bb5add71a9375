/* SPDX-License-Identifier: MIT
 *
 * Runs a convolution in every way that the library has for it: all algorithms that can,
 * plain and blocked maps, weights packed and as they lie, all instruction sets of this
 * processor, several numbers of threads; and compares each with the reference.
 */
#ifndef DET_CONV_TRY_H
#define DET_CONV_TRY_H

#include "base/cpu.h"
#include "tests/conv_ref.h"

/* What the epilogue has; INPLACE: the residual, which is there then, is the output. */
enum {
	CONV_SCALE = 1,
	CONV_SHIFT = 2,
	CONV_RESIDUAL = 4,
	CONV_INPLACE = 8,
	CONV_ALL = 15
};

struct conv_case {
	struct det_conv
	    c; /* the problem; its layouts, algo and packed are not looked at */
	int bits;
	uint32_t seed; /* of the values */
};

/* A line that names the case, and the case that a line names (its shape is checked); 0 where
 * it names none. */
enum { CONV_CASE_TEXT = 200 };
char *conv_case_text(char text[CONV_CASE_TEXT], const struct conv_case *p);
int conv_case_parse(struct conv_case *p, const char *text);

enum { CONV_LEVELS = DET_CPU_AVX512 + 1 };

/* What was run, by instruction set and algorithm asked for. */
struct conv_tally {
	size_t runs[CONV_LEVELS][DET_CONV_ALGOS];
	/* the largest error relative to the output's largest value, among linear outputs of
	 * at least 1000 values */
	double worst[CONV_LEVELS][DET_CONV_ALGOS];
};

/* What to run; {0}: all. */
struct conv_ways {
	int algo_only;           /* else every algorithm and AUTO */
	enum det_conv_algo algo; /* with it */
	int level_only;
	enum det_cpu_level level;
	int least, most; /* threads; 0: 1 and 3, of some cases 7 */
};

/* Failures, each told in a line "# ...". Each instruction set is a process of its own, so
 * that a crash is a failure like others. t, zeroed by the caller, may be NULL. */
int conv_try(
    const struct conv_case *p, const struct conv_ways *ways, struct conv_tally *t);

/* Whether the algorithm can in some layouts: then it must do in any, by converting. */
int conv_possible(const struct det_conv *c, enum det_conv_algo algo);

/* The tally as lines "# ...". */
void conv_tally_print(const struct conv_tally *t);

#endif
