/* SPDX-License-Identifier: MIT
 *
 * The BLAS loads by itself with kernels that suit this processor, leaves the environment as
 * it was, and multiplies.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>

#include "nn/blas.h"
#include "nn/engine.h"
#include "tests/unit/tap.h"

static void
product(int ta, int tb)
{
	enum { M = 5, N = 7, K = 9 };
	float a[M * K], b[K * N], c[M * N];
	double worst = 0;
	int i, j, k;

	for (i = 0; i < M * K; i++)
		a[i] = (float)(i % 11) - 5;
	for (i = 0; i < K * N; i++)
		b[i] = (float)(i % 13) - 6;
	for (i = 0; i < M * N; i++)
		c[i] = 1;
	det_sgemm(c, N, a, ta ? M : K, ta, b, tb ? K : N, tb, M, N, K, 2);
	for (i = 0; i < M; i++)
		for (j = 0; j < N; j++) {
			double sum = 2;

			for (k = 0; k < K; k++)
				sum += (double)a[ta ? k * M + i : i * K + k] *
				       (double)b[tb ? j * K + k : k * N + j];
			worst = fmax(worst, fabs(sum - (double)c[i * N + j]));
		}
	ok(worst == 0, "a product of small integers is exact (%d, %d)", ta, tb);
}

int
main(void)
{
	const char *text = "", *before;
	int suits = 0;

	before = getenv("OPENBLAS_CORETYPE");
	if (det_blas_info(&text, &suits) == DET_UNSUPPORTED) {
		ok(*det_errmsg() != 0, "OpenBLAS # SKIP %s", det_errmsg());
		return done();
	}
	ok(1, "OpenBLAS loads");
	ok(suits, "its kernels (%s) suit this processor", text);
	ok(getenv("OPENBLAS_CORETYPE") == before, "the environment is as it was");
	product(0, 0);
	product(1, 0);
	product(0, 1);
	product(1, 1);
	return done();
}
