/* SPDX-License-Identifier: MIT
 *
 * Whether two statements of the text "anchors" mean the same boxes: their shapes and what
 * places them, not how they are written. A stride that is given and one that follows from
 * the map's size differ, although for some sizes they would not.
 */
#include "box/anchors_impl.h"

#include <string.h>

#include "base/mem.h"

enum det_err
det_anchors_keep_text(struct det_anchors_line *m, const char *line, size_t n)
{
	size_t len = 0;
	char *out;
	enum det_err e;

	if ((e = det_strndup(&out, line, n)))
		return e;
	for (size_t i = 0; i < n && line[i] != '#'; i++)
		if (line[i] != ' ' && line[i] != '\t')
			out[len++] = line[i];
		else if (len && out[len - 1] != ' ')
			out[len++] = ' ';
	while (len && out[len - 1] == ' ')
		len--;
	out[len] = 0;
	m->text = out;
	return DET_OK;
}

const char *
det_anchors_text(const struct det_anchors *a, size_t i)
{
	return i < a->n ? a->line[i].text : NULL;
}

static int
same(const struct det_anchors_line *a, const struct det_anchors_line *b)
{
	const size_t numbers = a->kind == DET_ANCHORS_GRID ? 4 : 2;

	if (a->kind != b->kind || a->n != b->n || a->stride_of != b->stride_of ||
	    a->relative != b->relative || a->clip != b->clip || a->cells != b->cells)
		return 0;
	/* bits, not values: none is NaN, and no arithmetic gives one of them a -0 */
	return memcmp(&a->offset, &b->offset, sizeof a->offset) == 0 &&
	       memcmp(a->stride, b->stride, sizeof a->stride) == 0 &&
	       memcmp(a->cell, b->cell, a->n * numbers * sizeof *a->cell) == 0;
}

enum det_err
det_anchors_agree(const struct det_anchors *a, size_t i, const char *made)
{
	struct det_anchors *other;
	enum det_err e;
	int agree;

	if ((e = det_anchors_parse(&other, made, strlen(made), "attribute 'anchors'")))
		return e;
	agree = i < a->n && other->n == 1 && same(&a->line[i], &other->line[0]);
	det_anchors_free(other);
	if (agree)
		return DET_OK;
	return det_fail(DET_INVALID, "made by '%s', but '%s' expected", made,
	    det_anchors_text(a, i));
}
