/* SPDX-License-Identifier: MIT
 *
 * Pages that nobody writes again: mapped for one payload, and unmapped once the pipe has
 * them. vmsplice(2) puts references to them into the pipe, and splice(2) and tee(2) of the
 * programs downstream hand those on, so nobody here can know when the last reader is done.
 * That is why the memory can't be kept and used for the next item, and why a network's
 * outputs, which lie in memory that the next run overwrites, are written and not given. The
 * kernel frees a page when the last pipe lets go of it.
 *
 * Fresh pages must be zeroed and faulted in, which in pages of 4 KiB costs more than the
 * copy that is saved; in pages of 2 MiB it costs a third of it (tests/bench/pipe_copy).
 */
#define _GNU_SOURCE
#include "stream/gift.h"

#include <sys/mman.h>

#define PAGE      ((size_t)4096)
#define HUGE_PAGE ((size_t)2 << 20)

static size_t
rounded(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

/* Maps n bytes from a multiple of HUGE_PAGE on: more than that, and then cut to size. */
static char *
map_aligned(size_t n)
{
	size_t all = n + HUGE_PAGE, before;
	char *p =
	    mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	before = (HUGE_PAGE - (uintptr_t)p % HUGE_PAGE) % HUGE_PAGE;
	if (before)
		(void)munmap(p, before);
	(void)munmap(p + before + n, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
	if (n >= HUGE_PAGE)
		(void)madvise(p + before, n, MADV_HUGEPAGE);
#endif
	return p + before;
}

enum det_err
det_gift_new(void **out, size_t size)
{
	if (size > DET_MAX_PAYLOAD)
		return det_fail(DET_LIMIT,
		    "a payload of %zu bytes: at most %llu fit a record", size,
		    (unsigned long long)DET_MAX_PAYLOAD);
	*out = map_aligned(rounded(size ? size : 1));
	return *out ? DET_OK : det_fail(DET_NOMEM, "no memory for %zu bytes", size);
}

void
det_gift_free(void *p, size_t size)
{
	if (p)
		(void)munmap(p, rounded(size ? size : 1));
}
