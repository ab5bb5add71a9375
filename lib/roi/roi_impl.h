/* SPDX-License-Identifier: MIT
 *
 * What the files of RoI pooling share. Private to lib/roi.
 *
 * Every pooling here is separable: an output is a weighted sum (or the maximum) over rows of
 * a weighted sum (or the maximum) over columns, and the rows depend on y alone, the columns
 * on x alone. So a RoI is planned once, as two short lists of taps, which serve all channels.
 */
#ifndef DET_ROI_IMPL_H
#define DET_ROI_IMPL_H

#include "roi/roi.h"

/* A row or column of the map that an output takes part of. */
struct det_roi_tap {
	uint32_t at;
	float weight; /* of means; maxima don't look at it */
};

struct det_roi_bin {
	size_t first; /* of its taps */
	uint32_t n;
};

/* One axis of a RoI on its map. */
struct det_roi_axis {
	size_t first;    /* of its bins */
	uint32_t bins;   /* number of outputs */
	uint32_t lo, hi; /* every tap is in [lo, hi); lo = hi: there is none */
	uint32_t most;   /* taps in a bin */
};

/* A grid of outputs of one RoI. */
struct det_roi_job {
	struct det_roi_axis y, x;
	size_t roi, map;
	size_t out; /* where channel 0 begins; channel c is c * bins further */
};

struct det_roi_plan {
	struct det_roi_tap *tap;
	size_t taps, taps_cap;
	struct det_roi_bin *bin;
	size_t bins, bins_cap;
	struct det_roi_job *job;
	size_t jobs, jobs_cap;
};

/* Plans one axis: lo and hi are a RoI's in cells, not yet shifted. Appends to p. */
enum det_err det_roi_axis_align(struct det_roi_axis *a, struct det_roi_plan *p,
    float lo, float hi, size_t cells, size_t bins,
    const struct det_roi_params *params) DET_MUST_USE;
enum det_err det_roi_axis_max(struct det_roi_axis *a, struct det_roi_plan *p, float lo,
    float hi, size_t cells, size_t bins) DET_MUST_USE;
/* lo and hi in pixels, step in pixels a cell. */
enum det_err det_roi_axis_spp(struct det_roi_axis *a, struct det_roi_plan *p, float lo,
    float hi, size_t cells, size_t bins, double step,
    const struct det_roi_params *params) DET_MUST_USE;

/* Channels [c0, c1) of a job. */
struct det_roi_work {
	const struct det_roi_plan *plan;
	const struct det_roi_map *map;
	const struct det_roi_job *job;
	size_t c0, c1;
	float *out;  /* of all RoIs; backward: their gradients, read */
	float *row;  /* scratch, as many floats as the map has columns */
	float *grad; /* backward: of the map, added to */
};

/* --- maxima of many RoIs of a map at once (roi_range.c) --- */

#define DET_ROI_LANES 16 /* channels of a task, at most */

#define DET_ROI_INLINE static inline __attribute__((always_inline))

/* The bins of jobs [from, to), which are on one map. */
struct det_roi_range;

/* *out is NULL where reading their cells is quicker. `plan` stays as it is until
 * det_roi_range_free. */
enum det_err det_roi_range_make(struct det_roi_range **out,
    const struct det_roi_plan *plan, const struct det_roi_map *m, size_t from,
    size_t to) DET_MUST_USE;
void det_roi_range_free(struct det_roi_range *r);

/* Floats of scratch, on a boundary of 64 bytes, that a run takes. */
size_t det_roi_range_room(const struct det_roi_range *r);

/* All outputs of channels [w->c0, w->c1), DET_ROI_LANES at most; w->job does not matter.
 * Returns 1, and has done nothing, where these channels have NaN or infinity. */
int det_roi_range_c(
    const struct det_roi_range *r, const struct det_roi_work *w, float *room);
int det_roi_range_avx2(
    const struct det_roi_range *r, const struct det_roi_work *w, float *room);
int det_roi_range_avx512(
    const struct det_roi_range *r, const struct det_roi_work *w, float *room);

struct det_roi_kernel {
	const char *name;
	/* one job; they return whether they met NaN or infinity */
	int (*mean)(const struct det_roi_work *w);
	int (*max)(const struct det_roi_work *w);
	/* all jobs of a range; NULL: none, every job by itself */
	int (*range)(
	    const struct det_roi_range *r, const struct det_roi_work *w, float *room);
};

/* The one to use; or by number, for tests: NULL past the last and where the processor lacks
 * what it needs. */
const struct det_roi_kernel *det_roi_kernel_best(void);
const struct det_roi_kernel *det_roi_kernel_number(size_t i, int *more);

/* det_roi_pool by a given kernel. */
enum det_err det_roi_pool_by(float *out, const struct det_roi_kernel *k,
    const struct det_roi_map *m, size_t maps, const struct det_roi *roi, size_t n,
    const struct det_roi_params *p, int threads) DET_MUST_USE;

/* The same of the way back (roi_back.c). */
const struct det_roi_kernel *det_roi_back_best(void);
const struct det_roi_kernel *det_roi_back_number(size_t i, int *more);

/* det_roi_pool_back by a given kernel. */
enum det_err det_roi_back_by(float *const *grad, const float *out_grad,
    const struct det_roi_kernel *k, const struct det_roi_map *m, size_t maps,
    const struct det_roi *roi, size_t n, const struct det_roi_params *p,
    int threads) DET_MUST_USE;

#endif
