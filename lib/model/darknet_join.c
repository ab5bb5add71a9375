/* SPDX-License-Identifier: MIT
 *
 * [route] and [shortcut], which name layers by number: absolute, or counted back from their
 * own where negative. All layers count, also those that compute nothing ([dropout]) or end
 * a branch ([yolo]).
 */
#include "model/darknet_line.h"

#include <stdlib.h>

#include "base/text.h"

/* Layer number v of a [route] or [shortcut]: absolute, or counted back from here. */
static enum det_err
reference(size_t *out, const struct dk_making *m, const char *name, double v)
{
	long i = (long)v;

	if ((double)i < v || (double)i > v)
		return dk_bad(
		    m, DET_INVALID, "%s: a layer number expected, found %g", name, v);
	if (i < 0)
		i += (long)m->index;
	if (i < 0 || (size_t)i >= m->index)
		return dk_bad(
		    m, DET_INVALID, "%s=%g: there is no such layer before it", name, v);
	if (!m->d->layer[i].name[0])
		return dk_bad(m, DET_UNSUPPORTED,
		    "%s=%g is a [%s], whose output nothing else can take here", name, v,
		    m->d->layer[i].s->name);
	*out = (size_t)i;
	return DET_OK;
}

/* The fork's groups: of every input only the group_id-th part of its channels. */
static enum det_err
route_part(struct dk_making *m, size_t from, long groups, long group)
{
	const struct dk_layer *x = &m->d->layer[from];

	if (x->c % (size_t)groups)
		return dk_bad(m, DET_INVALID,
		    "groups=%ld does not divide the %zu channels of "
		    "layer %zu",
		    groups, x->c, from);
	return det_buf_printf(&m->d->net,
	    "part%zu.%zu = slice(%s) groups=%ld group=%ld\n", m->index, from, x->name,
	    groups, group);
}

static enum det_err
route_layers(struct dk_making *m, const double *v, size_t n, long groups, long group)
{
	size_t from, c = 0;
	const struct dk_layer *first = NULL;
	struct det_buf list = { 0 };
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < n; i++) {
		const struct dk_layer *x;

		if ((e = reference(&from, m, "layers", v[i])))
			break;
		x = &m->d->layer[from];
		if (!first)
			first = x;
		if (x->h != first->h || x->w != first->w)
			e = dk_bad(m, DET_INVALID,
			    "layers of %zux%zu and %zux%zu can't be joined", first->w,
			    first->h, x->w, x->h);
		else if (groups > 1 && !(e = route_part(m, from, groups, group)))
			e = det_buf_printf(
			    &list, "%spart%zu.%zu", i ? ", " : "", m->index, from);
		else if (!e)
			e = det_buf_printf(&list, "%s%s", i ? ", " : "", x->name);
		c += x->c / (size_t)groups;
	}
	if (!e) {
		m->in = list.text;
		if (!(e = dk_set_shape(m, c, first->h, first->w)) &&
		    !(e = dk_begin(m, "route", "concat")))
			e = dk_end(m);
	}
	det_buf_free(&list);
	return e;
}

enum det_err
dk_add_route(struct dk_making *m)
{
	long groups, group;
	double *v;
	size_t n;
	enum det_err e;

	if ((e = dk_list(&v, &n, &m->d->cfg, m->s, "layers", -1e6, 1e6)))
		return e;
	if (n == 0 || n > 64)
		e = dk_bad(m, DET_INVALID, "layers= with 1 to 64 layers expected");
	else if (!(e = dk_get(&groups, m, "groups", 1, 1, DK_MAX_CHAN)) &&
		 !(e = dk_get(&group, m, "group_id", 0, 0, groups - 1)))
		e = route_layers(m, v, n, groups, group);
	free(v);
	return e;
}

/* Where shapes differ Darknet takes every n-th pixel of the larger map, n being the integer
 * ratio of the widths, and insists that heights have the same. */
static enum det_err
check_ratio(const struct dk_making *m, const struct dk_layer *x)
{
	if (x->w / m->w == x->h / m->h && m->w / x->w == m->h / x->h)
		return DET_OK;
	return dk_bad(m, DET_INVALID, "maps of %zux%zu and %zux%zu can't be added",
	    m->w, m->h, x->w, x->h);
}

enum det_err
dk_add_shortcut(struct dk_making *m)
{
	double *v;
	size_t n, from;
	int differ = 0;
	struct det_buf list = { 0 };
	enum det_err e;

	if ((e = dk_list(&v, &n, &m->d->cfg, m->s, "from", -1e6, 1e6)))
		return e;
	if (n == 0 || n > 63)
		e = dk_bad(m, DET_INVALID, "from= with a layer expected");
	if (!e)
		e = det_buf_printf(&list, "%s", m->in);
	for (size_t i = 0; !e && i < n; i++) {
		if ((e = reference(&from, m, "from", v[i])))
			break;
		differ |= m->d->layer[from].c != m->c || m->d->layer[from].h != m->h ||
			  m->d->layer[from].w != m->w;
		if (!(e = check_ratio(m, &m->d->layer[from])))
			e = det_buf_printf(&list, ", %s", m->d->layer[from].name);
	}
	if (!e && differ && n > 1)
		e = dk_bad(m, DET_UNSUPPORTED, "several layers of different shapes");
	if (!e) {
		m->in = list.text;
		if (!(e = dk_set_shape(m, m->c, m->h, m->w)) &&
		    !(e = dk_begin(m, "add", "add")) &&
		    !(e = det_buf_printf(&m->d->net, "%s", differ ? " darknet" : "")) &&
		    !(e = dk_activation(m, "linear")))
			e = dk_end(m);
	}
	free(v);
	det_buf_free(&list);
	return e;
}
