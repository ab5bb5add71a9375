/* SPDX-License-Identifier: MIT */
#include "model/head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/made.h"
#include "model/network.h"

struct det_head {
	const struct det_model *model;
	struct det_network net; /* .net is NULL where there is none */
	struct det_decode *decode;
	struct det_anchors *anchors; /* of the model's text; NULL: it has none */
	const char **want;           /* tensors, then lists, then grids */
	size_t wants, inputs, tensors, lists, grids;
	struct det_buf grid_names; /* "MAP.anchors", each with its NUL */
	/* of each decoded map: an output of the network, or else a tensor wanted */
	struct source {
		int of_net;
		size_t index;
	} * source;
	struct det_tensor *map;
};

static int
find_output(size_t *index, const struct det_head *h, const char *name)
{
	if (!h->net.net)
		return 0;
	for (*index = 0; *index < det_net_outputs(h->net.net); ++*index)
		if (!strcmp(det_net_output(h->net.net, *index), name))
			return 1;
	return 0;
}

/* A tensor wanted, once for all who want it. */
static size_t
want(struct det_head *h, const char *name)
{
	for (size_t i = 0; i < h->wants; i++)
		if (!strcmp(h->want[i], name))
			return i;
	h->want[h->wants] = name;
	return h->wants++;
}

static enum det_err
link_maps(struct det_head *h)
{
	const size_t maps = det_decode_maps(h->decode);
	enum det_err e;

	h->inputs = h->net.net ? det_net_inputs(h->net.net) : 0;
	h->lists = det_decode_lists(h->decode);
	h->grids = det_decode_grids(h->decode);
	if ((e = det_calloc(
		 &h->want, h->inputs + maps + h->lists + h->grids, sizeof *h->want)) ||
	    (e = det_calloc(&h->source, maps, sizeof *h->source)) ||
	    (e = det_calloc(&h->map, maps, sizeof *h->map)))
		return e;
	for (size_t i = 0; i < h->inputs; i++)
		(void)want(h, det_net_input(h->net.net, i, NULL));
	for (size_t i = 0; i < maps; i++) {
		const char *name = det_decode_map(h->decode, i);

		h->source[i].of_net = find_output(&h->source[i].index, h, name);
		if (!h->source[i].of_net)
			h->source[i].index = want(h, name);
	}
	h->tensors = h->wants;
	return DET_OK;
}

/* After the tensors, which may share no name with anchors. */
static enum det_err
link_rest(struct det_head *h)
{
	size_t at = 0;
	enum det_err e;

	for (size_t i = 0; i < h->lists; i++)
		h->want[h->wants++] = det_decode_list(h->decode, i);
	for (size_t i = 0; i < h->grids; i++)
		if ((e = det_buf_printf(&h->grid_names, "%s.anchors",
			 det_decode_grid(h->decode, i))) ||
		    (e = det_buf_add(&h->grid_names, "", 1)))
			return e;
	for (size_t i = 0; i < h->grids; i++) {
		h->want[h->wants++] = h->grid_names.text + at;
		at += strlen(h->grid_names.text + at) + 1;
	}
	return DET_OK;
}

static enum det_err
open_decode(struct det_head *h, const struct det_model *m, const char *name)
{
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(m, name, &text, &len);
	if (!text)
		return det_fail(DET_INVALID, "no text '%s': this model makes no %s",
		    name, !strcmp(name, "propose") ? "proposals" : "boxes");
	if ((e = det_decode_parse(&h->decode, text, len, name)))
		return e;
	det_model_text(m, "anchors", &text, &len);
	if (text && (e = det_anchors_parse(&h->anchors, text, len, "anchors")))
		return e;
	return det_decode_bind(h->decode, h->anchors);
}

enum det_err
det_head_open(struct det_head **out, const struct det_model *m, const char *net,
    const char *text, int threads)
{
	struct det_engine_params p = DET_ENGINE_DEFAULTS;
	const char *net_text;
	char record[64];
	struct det_head *h;
	size_t len;
	enum det_err e;

	if ((e = det_calloc(&h, 1, sizeof *h)))
		return e;
	h->model = m;
	if ((e = open_decode(h, m, text))) {
		e = det_fail_in(e, "%s", det_model_path(m));
		goto fail;
	}
	(void)snprintf(record, sizeof record, "net/%.40s", net);
	det_model_text(m, record, &net_text, &len);
	p.threads = threads;
	if ((net_text && (e = det_network_open(&h->net, m, net, &p))) ||
	    (e = link_maps(h)) || (e = link_rest(h)))
		goto fail;
	*out = h;
	return DET_OK;
fail:
	det_head_close(h);
	return e;
}

void
det_head_close(struct det_head *h)
{
	if (!h)
		return;
	det_network_close(&h->net);
	det_decode_free(h->decode);
	det_anchors_free(h->anchors);
	det_buf_free(&h->grid_names);
	free(h->want);
	free(h->source);
	free(h->map);
	free(h);
}

size_t
det_head_wants(const struct det_head *h)
{
	return h->wants;
}

const char *
det_head_want(const struct det_head *h, size_t i, enum det_head_kind *kind)
{
	if (i >= h->wants)
		return NULL;
	*kind = i < h->inputs               ? DET_HEAD_INPUT
		: i < h->tensors            ? DET_HEAD_TENSOR
		: i < h->tensors + h->lists ? DET_HEAD_LIST
					    : DET_HEAD_GRID;
	return h->want[i];
}

enum det_err
det_head_agrees(const struct det_head *h, size_t i, const struct det_attrs *a)
{
	const size_t grids = h->tensors + h->lists;
	const int grid = i >= grids;
	char *made;
	size_t map;
	enum det_err e;

	if (i >= h->wants ||
	    (grid && (!h->anchors || !det_anchors_find(&map, h->anchors,
					 det_decode_grid(h->decode, i - grids)))))
		return DET_OK;
	if ((e = det_attr_get(&made, a, grid ? "anchors" : "made")) || !made)
		return e;
	e = grid ? det_anchors_agree(h->anchors, map, made)
		 : det_made_agrees(h->model, made);
	free(made);
	return e ? det_fail_in(e, "'%s'", h->want[i]) : DET_OK;
}

enum det_err
det_head_run(struct det_boxes *out, struct det_head *h, const struct det_head_in *in,
    const struct det_decode_params *p)
{
	const struct det_decode_in to = { h->map,
		in->list ? in->list + h->tensors : NULL,
		in->tensor + h->tensors + h->lists };
	const size_t maps = det_decode_maps(h->decode);
	enum det_err e;

	if (h->net.net && (e = det_engine_run(h->net.engine, in->tensor)))
		return e;
	for (size_t i = 0; i < maps; i++)
		if (h->source[i].of_net)
			(void)det_engine_output(
			    h->net.engine, h->source[i].index, &h->map[i]);
		else
			h->map[i] = in->tensor[h->source[i].index];
	return det_decode_run(out, h->decode, &to, p);
}
