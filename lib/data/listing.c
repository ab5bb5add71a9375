/* SPDX-License-Identifier: MIT
 *
 * Names, and the files of a directory in the order of their names: what the readers of data
 * sets look things up in.
 */
#define _POSIX_C_SOURCE 200809L
#include "data/truth_impl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/mem.h"

const char *const det_picture_endings[] = { ".jpg", ".jpeg", ".png", ".ppm", ".pgm",
	NULL };

size_t
det_strings_find(const struct det_strings *s, const char *name)
{
	uint32_t i = det_idmap_find(&s->map, (int64_t)det_hash_text(name));

	if (i == DET_IDMAP_NONE || !strcmp(s->name[i], name))
		return i == DET_IDMAP_NONE ? s->n : i;
	for (i = 0; i < s->n; i++) /* two names of one hash */
		if (!strcmp(s->name[i], name))
			break;
	return i;
}

enum det_err
det_strings_add(struct det_strings *s, const char *name)
{
	int is_new;
	enum det_err e;

	if ((e = det_grow(&s->name, &s->cap, s->n + 1, sizeof *s->name)) ||
	    (e = det_strdup(&s->name[s->n], name)))
		return e;
	s->n++;
	return det_idmap_add(
	    &is_new, &s->map, (int64_t)det_hash_text(name), (uint32_t)(s->n - 1));
}

void
det_strings_release(struct det_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->name[i]);
	free(s->name);
	det_idmap_release(&s->map);
	*s = (struct det_strings){ 0 };
}

static int
ends(const char *name, const char *const *endings)
{
	size_t n = strlen(name), k;

	for (; *endings; endings++) {
		k = strlen(*endings);
		if (n > k && !strcasecmp(name + n - k, *endings))
			return 1;
	}
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum det_err
read_names(char ***names, size_t *n, const char *dir, const char *const *endings)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	size_t cap = 0;
	enum det_err e = DET_OK;

	if (!d)
		return det_fail(DET_IO, "%s:", dir);
	while (!e && (errno = 0, f = readdir(d))) {
		if (f->d_name[0] == '.' || !ends(f->d_name, endings))
			continue;
		if (!(e = det_grow(names, &cap, *n + 1, sizeof **names)) &&
		    !(e = det_strdup(&(*names)[*n], f->d_name)))
			(*n)++;
	}
	if (!e && errno)
		e = det_fail(DET_IO, "%s:", dir);
	(void)closedir(d);
	if (*n)
		qsort(*names, *n, sizeof **names, by_name);
	return e;
}

static enum det_err
add_stem(struct det_listing *l, size_t *cap, const char *file)
{
	char *stem;
	enum det_err e;

	if ((e = det_strndup(&stem, file, (size_t)(strrchr(file, '.') - file))))
		return e;
	if (det_strings_find(&l->stem, stem) == l->stem.n &&
	    !(e = det_grow(&l->of_stem, cap, l->stem.n + 1, sizeof *l->of_stem))) {
		l->of_stem[l->stem.n] = l->file.n - 1;
		e = det_strings_add(&l->stem, stem);
	}
	free(stem);
	return e;
}

enum det_err
det_listing_read(struct det_listing *l, const char *dir, const char *const *endings)
{
	char **names = NULL;
	size_t n = 0, cap = 0;
	enum det_err e;

	*l = (struct det_listing){ 0 };
	if (!(e = read_names(&names, &n, dir, endings)))
		e = det_strdup(&l->dir, dir);
	for (size_t i = 0; i < n; i++) {
		if (!e && !(e = det_strings_add(&l->file, names[i])))
			e = add_stem(l, &cap, names[i]);
		free(names[i]);
	}
	free(names);
	if (e)
		det_listing_release(l);
	return e;
}

void
det_listing_release(struct det_listing *l)
{
	free(l->dir);
	free(l->of_stem);
	det_strings_release(&l->file);
	det_strings_release(&l->stem);
	*l = (struct det_listing){ 0 };
}

enum det_err
det_path_join(char **out, const char *dir, const char *name)
{
	size_t n = strlen(dir), size;
	int slash = n > 0 && dir[n - 1] != '/';
	enum det_err e;

	if ((e = det_add(&size, n + 2, strlen(name))))
		return e;
	*out = malloc(size);
	if (!*out)
		return det_fail(DET_NOMEM, "no memory for a path");
	(void)snprintf(*out, size, "%s%s%s", dir, slash ? "/" : "", name);
	return DET_OK;
}

int
det_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int
det_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

enum det_err
det_first_dir(char **out, const char *dir, const char *const *choices)
{
	enum det_err e;

	for (; *choices; choices++) {
		if ((e = det_path_join(out, dir, *choices)) || det_is_dir(*out))
			return e;
		free(*out);
	}
	return det_strdup(out, dir);
}
