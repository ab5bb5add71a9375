/* SPDX-License-Identifier: MIT
 *
 * OpenBLAS holds kernels for many processors and chooses when it is loaded. A release older
 * than the processor does not know it and falls back to `Prescott`: SSE3, a sixth of the
 * speed, and says nothing. The environment variable OPENBLAS_CORETYPE overrides the choice,
 * but only if it is set before the library is loaded: too late in main() of a program that
 * is linked with it. So it is loaded here, by hand, with the variable set from the
 * processor's own description of its instruction sets, which a library of any age can use:
 *
 *   AVX-512 F+DQ+BW+VL    SkylakeX
 *   AVX2 and FMA          Haswell
 *   else                  left to OpenBLAS
 *
 * AMD's Zen 4 has AVX-512 but runs it in two passes; there the Haswell kernels are the
 * faster ones (measured: 98-107 against 77-102 GFLOP/s on one core). A value that the user
 * has set is respected. The environment is put back afterwards, so children don't inherit
 * our choice. We thread the work ourselves: OpenBLAS is told to use one thread, before it
 * can start any.
 */
#define _POSIX_C_SOURCE 200809L
#include "nn/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cpu.h"
#include "base/text.h"
#include "nn/engine.h"

/* From cblas.h, which is not needed to build. */
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha,
    const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

static struct {
	pthread_once_t once;
	enum det_err err;
	char why[200];
	char info[120];
	int suits;
	sgemm_fn *sgemm;
} blas = { .once = PTHREAD_ONCE_INIT };

static const char *
coretype(void)
{
	switch (det_cpu_supported()) {
	case DET_CPU_AVX512: return det_cpu_wide512() ? "SkylakeX" : "Haswell";
	case DET_CPU_AVX2: return "Haswell";
	case DET_CPU_C: break;
	}
	return NULL;
}

/* Sets a variable unless it is there; says whether it must be taken away again. */
static int
env_lend(const char *name, const char *value)
{
	return value && !getenv(name) && setenv(name, value, 1) == 0;
}

/* Whether kernels of this name use the instruction sets that the processor has. Unknown
 * names are kernels newer than this list: trusted. */
static int
core_suits(const char *core)
{
	static const char *const old[] = { "Generic", "Unknown", "Katmai", "Coppermine",
		"Northwood", "Prescott", "Banias", "Atom", "Core2", "Penryn",
		"Dunnington", "Nehalem", "Athlon", "Opteron", "Opteron_SSE3",
		"Barcelona", "Bobcat", "Nano", "Sandybridge", "Bulldozer" };
	static const char *const avx2[] = { "Haswell", "Zen", "Excavator",
		"Steamroller", "Piledriver" };
	size_t i;

	if (det_cpu_supported() == DET_CPU_C)
		return 1;
	for (i = 0; i < sizeof old / sizeof old[0]; i++)
		if (strcasecmp(core, old[i]) == 0)
			return 0;
	for (i = 0; i < sizeof avx2 / sizeof avx2[0]; i++)
		if (strcasecmp(core, avx2[i]) == 0)
			return !det_cpu_wide512();
	return 1;
}

/* dlsym gives a pointer to an object; C has no cast from that to a function. */
static void *
symbol(void *fn, void *lib, const char *name)
{
	void *p = dlsym(lib, name);

	memcpy(fn, &p, sizeof p);
	return p;
}

static void
describe(void *lib)
{
	char *(*corename)(void) = NULL, *(*config)(void) = NULL;
	const char *core = "unknown", *conf = "";
	char version[32] = "";

	if (symbol(&corename, lib, "openblas_get_corename"))
		core = corename();
	if (symbol(&config, lib, "openblas_get_config"))
		conf = config();
	if (sscanf(conf, "OpenBLAS %31s", version) != 1)
		version[0] = '\0';
	snprintf(blas.info, sizeof blas.info, "%.60s%s%s", core, *version ? " " : "",
	    version);
	blas.suits = core_suits(core);
}

static void
load(void)
{
	static const char *const names[] = { "libopenblas.so.0", "libopenblas.so" };
	void (*set_threads)(int) = NULL;
	int lent_core, lent_threads;
	void *lib = NULL;
	size_t i;

	lent_core = env_lend("OPENBLAS_CORETYPE", coretype());
	lent_threads = env_lend("OPENBLAS_NUM_THREADS", "1");
	for (i = 0; !lib && i < sizeof names / sizeof names[0]; i++)
		lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
	if (lent_core)
		unsetenv("OPENBLAS_CORETYPE");
	if (lent_threads)
		unsetenv("OPENBLAS_NUM_THREADS");
	if (!lib) {
		blas.err = DET_UNSUPPORTED;
		snprintf(blas.why, sizeof blas.why,
		    "OpenBLAS is needed but %s could not be loaded", names[0]);
		return;
	}
	if (!symbol(&blas.sgemm, lib, "cblas_sgemm")) {
		blas.err = DET_UNSUPPORTED;
		snprintf(blas.why, sizeof blas.why, "%s has no cblas_sgemm", names[0]);
		return;
	}
	if (symbol(&set_threads, lib, "openblas_set_num_threads"))
		set_threads(1);
	describe(lib);
}

enum det_err
det_blas_load(void)
{
	pthread_once(&blas.once, load);
	return blas.err ? det_fail(blas.err, "%s", blas.why) : DET_OK;
}

enum det_err
det_blas_info(const char **text, int *suits)
{
	enum det_err e = det_blas_load();

	*text = e ? "" : blas.info;
	*suits = e ? 0 : blas.suits;
	return e;
}

void
det_sgemm(float *c, size_t ldc, const float *a, size_t lda, int ta, const float *b,
    size_t ldb, int tb, size_t m, size_t n, size_t k, float beta)
{
	blas.sgemm(ROW_MAJOR, ta ? TRANS : NO_TRANS, tb ? TRANS : NO_TRANS, (int)m,
	    (int)n, (int)k, 1, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
