/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "eval/load.h"

#define MAX_RESULTS ((size_t)1 << 31) /* bytes of a file */

enum det_err
det_eval_load_truth(struct det_eval_set *s, const struct det_truth *t)
{
	struct det_boxes list = { 0 };
	enum det_err e = det_eval_set_classes(s, &t->classes);
	uint32_t image;

	for (size_t i = 0; !e && i < t->n_images; i++) {
		if ((e = det_eval_set_image(
			 &image, s, t->image[i].id, t->image[i].path)) ||
		    (e = det_truth_boxes(&list, t, i)))
			break;
		e = det_eval_add_gt_list(s, image, &list, NULL, t->classes.n);
		if (e)
			e = det_fail_in(e, "'%s'", t->image[i].path);
	}
	det_boxes_release(&list);
	return e;
}

enum det_err
det_eval_set_copy_truth(struct det_eval_set *s, const struct det_eval_set *from)
{
	enum det_err e = det_eval_set_classes(s, &from->classes);
	uint32_t index;

	for (size_t i = 0; !e && i < from->n_image; i++)
		e = det_eval_set_image(
		    &index, s, from->image[i].id, from->image[i].name);
	for (size_t i = 0; !e && i < from->n_gt; i++)
		e = det_eval_add_gt(s, &from->gt[i]);
	return e;
}

/* The hash of a path's last part without its ending. */
static int64_t
stem_hash(const char *path)
{
	const char *base = strrchr(path, '/'), *dot;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	return (int64_t)det_hash(DET_HASH_START, base,
	    dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

enum det_err
det_eval_stems_make(struct det_eval_stems *m, const struct det_eval_set *s)
{
	enum det_err e = DET_OK;
	int is_new, again;

	for (size_t i = 0; !e && i < s->n_image; i++) {
		const int64_t h = stem_hash(s->image[i].name);

		e = det_idmap_add(&is_new, &m->one, h, (uint32_t)i);
		if (!e && !is_new)
			e = det_idmap_add(&again, &m->twice, h, (uint32_t)i);
	}
	return e;
}

void
det_eval_stems_release(struct det_eval_stems *m)
{
	det_idmap_release(&m->one);
	det_idmap_release(&m->twice);
}

enum det_err
det_eval_stems_find(int64_t *image, const struct det_eval_stems *m,
    const struct det_eval_set *s, const char *path)
{
	const int64_t h = stem_hash(path);
	uint32_t i;

	*image = det_eval_find_image_name(s, path);
	if (*image >= 0)
		return DET_OK;
	i = det_idmap_find(&m->twice, h);
	if (i != DET_IDMAP_NONE)
		return det_fail(DET_INVALID,
		    "'%s' may be '%s' or '%s': which picture it is must be clear", path,
		    s->image[det_idmap_find(&m->one, h)].name, s->image[i].name);
	i = det_idmap_find(&m->one, h);
	*image = i == DET_IDMAP_NONE ? -1 : (int64_t)i;
	return DET_OK;
}

/* The class with the longest name that the file's name ends with, after something that is no
 * letter or digit. */
static enum det_err
class_of(int32_t *label, const struct det_eval_set *s, const char *path)
{
	const char *base = strrchr(path, '/'), *dot;
	size_t len, n, best = 0;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	len = dot ? (size_t)(dot - base) : strlen(base);
	*label = -1;
	for (size_t k = 0; k < s->classes.n; k++) {
		n = strlen(s->classes.name[k]);
		if (n <= best || n > len ||
		    memcmp(base + len - n, s->classes.name[k], n) != 0)
			continue;
		if (len > n && base[len - n - 1] != '_' && base[len - n - 1] != '-')
			continue;
		best = n;
		*label = (int32_t)k;
	}
	if (*label < 0)
		return det_fail(DET_INVALID,
		    "%s: a name that ends with one of the %zu classes expected, as "
		    "comp4_det_test_CLASS.txt",
		    path, s->classes.n);
	return DET_OK;
}

/* Cuts the next word of a line out of text[*at..n) into word; its length, 0 at the end. */
static size_t
next_word(char *word, size_t size, const char *text, size_t n, size_t *at)
{
	size_t len = 0;

	while (*at < n && (text[*at] == ' ' || text[*at] == '\t'))
		++*at;
	while (*at < n && text[*at] != ' ' && text[*at] != '\t') {
		if (len + 1 < size)
			word[len] = text[*at];
		len++;
		++*at;
	}
	word[len < size ? len : size - 1] = 0;
	return len;
}

static enum det_err
parse_line(char *stem, size_t size, double v[5], const char *line, size_t n)
{
	size_t at = 0, len;
	char word[64];
	enum det_err e;

	len = next_word(stem, size, line, n, &at);
	if (len == 0 || len >= size)
		return det_fail(DET_INVALID, "the name of a picture expected");
	for (int i = 0; i < 5; i++) {
		len = next_word(word, sizeof word, line, n, &at);
		if (len == 0 || len >= sizeof word)
			return det_fail(DET_INVALID,
			    "name, score, xmin, ymin, xmax, ymax expected");
		if ((e = det_parse_double(&v[i], word, -1e300, 1e300)))
			return e;
	}
	if (next_word(word, sizeof word, line, n, &at))
		return det_fail(
		    DET_INVALID, "the end of the line expected, found '%s'", word);
	return DET_OK;
}

static enum det_err
add_line(struct det_eval_set *s, const struct det_eval_stems *m, int32_t label,
    const char *line, size_t n, struct det_eval_misfits *misfits)
{
	struct det_eval_det d = { .label = label };
	char stem[1024];
	int64_t image;
	double v[5];
	enum det_err e;

	if ((e = parse_line(stem, sizeof stem, v, line, n)))
		return e;
	v[1] -= 1;
	v[2] -= 1;
	d.score = v[0];
	if ((e = det_eval_rect_corners(&d.r, v + 1)) ||
	    (e = det_eval_stems_find(&image, m, s, stem)))
		return e;
	if (image < 0)
		return det_eval_misfit_image(misfits, 0, stem);
	d.image = (uint32_t)image;
	return det_eval_add_det(s, &d);
}

enum det_err
det_eval_load_voc(struct det_eval_set *s, const struct det_eval_stems *m,
    const char *path, struct det_eval_misfits *misfits)
{
	unsigned long number = 0;
	const char *line;
	char *text = NULL;
	size_t len, n, at = 0;
	int32_t label;
	enum det_err e;

	if ((e = class_of(&label, s, path)) ||
	    (e = det_file_read(&text, &len, path, MAX_RESULTS)))
		return e;
	while (!e && det_line_next(&line, &n, text, len, &at)) {
		number++;
		if (n == strspn(line, " \t") || n == 0)
			continue;
		if ((e = add_line(s, m, label, line, n, misfits)))
			e = det_fail_in(e, "%s:%lu", path, number);
	}
	free(text);
	return e;
}
