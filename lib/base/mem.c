/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* From LARGE bytes on, memory is asked for in huge pages. */
#define HUGE_PAGE ((size_t)2 << 20)
#define LARGE     (2 * HUGE_PAGE)

enum det_err
det_mul(size_t *out, size_t a, size_t b)
{
	if (__builtin_mul_overflow(a, b, out))
		return det_fail(DET_LIMIT, "a size of %zu x %zu does not fit", a, b);
	return DET_OK;
}

enum det_err
det_add(size_t *out, size_t a, size_t b)
{
	if (__builtin_add_overflow(a, b, out))
		return det_fail(DET_LIMIT, "a size of %zu + %zu does not fit", a, b);
	return DET_OK;
}

size_t
det_pad(size_t n)
{
	return (n + DET_ALIGN - 1) / DET_ALIGN * DET_ALIGN;
}

/* Pages of 2 MiB, where the kernel gives them: a feature map of tens of megabytes is then
 * some dozen page faults instead of ten thousand, and read(2) and write(2) of it take two
 * thirds of the time. What is not touched is not backed, as ever. */
static void *
alloc_large(size_t bytes)
{
	void *p;

	if (bytes > SIZE_MAX - HUGE_PAGE)
		return NULL;
	bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	p = aligned_alloc(HUGE_PAGE, bytes);
#ifdef MADV_HUGEPAGE
	if (p)
		(void)madvise(p, bytes, MADV_HUGEPAGE);
#endif
	return p;
}

enum det_err
det_alloc(void *out, size_t n, size_t size)
{
	size_t bytes;
	void *p;
	enum det_err e;

	if ((e = det_mul(&bytes, n, size)))
		return e;
	if (bytes > SIZE_MAX - DET_ALIGN)
		return det_fail(DET_LIMIT, "a size of %zu bytes does not fit", bytes);
	p = bytes < LARGE ? aligned_alloc(DET_ALIGN, det_pad(bytes ? bytes : 1))
			  : alloc_large(bytes);
	if (!p)
		return det_fail(DET_NOMEM, "no memory for %zu bytes", bytes);
	memcpy(out, &p, sizeof p);
	return DET_OK;
}

enum det_err
det_calloc(void *out, size_t n, size_t size)
{
	void *p = NULL;
	enum det_err e;

	if ((e = det_alloc(&p, n, size)))
		return e;
	memset(p, 0, n * size);
	memcpy(out, &p, sizeof p);
	return DET_OK;
}

enum det_err
det_grow(void *array, size_t *cap, size_t need, size_t size)
{
	size_t want = *cap ? *cap : 8, bytes;
	void *p;
	enum det_err e;

	if (need <= *cap)
		return DET_OK;
	while (want < need)
		if ((e = det_mul(&want, want, 2)))
			return e;
	if ((e = det_mul(&bytes, want, size)))
		return e;
	memcpy(&p, array, sizeof p);
	p = realloc(p, bytes);
	if (!p)
		return det_fail(DET_NOMEM, "no memory for %zu bytes", bytes);
	memcpy(array, &p, sizeof p);
	*cap = want;
	return DET_OK;
}

enum det_err
det_room(void *array, size_t *cap, size_t need, size_t size)
{
	void *p;
	enum det_err e;

	if (need <= *cap)
		return DET_OK;
	memcpy(&p, array, sizeof p);
	free(p);
	p = NULL;
	*cap = 0;
	if (!(e = det_alloc(&p, need, size)))
		*cap = need;
	memcpy(array, &p, sizeof p);
	return e;
}

enum det_err
det_strndup(char **out, const char *s, size_t n)
{
	char *p;

	if (n == SIZE_MAX || !(p = malloc(n + 1)))
		return det_fail(DET_NOMEM, "no memory for %zu bytes", n);
	if (n)
		memcpy(p, s, n);
	p[n] = 0;
	*out = p;
	return DET_OK;
}

enum det_err
det_strdup(char **out, const char *s)
{
	return det_strndup(out, s, strlen(s));
}
