/* SPDX-License-Identifier: MIT */
#include "model/decoder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/network.h"

/* Where something that is decoded comes from. */
struct source {
	int of_net;   /* an output of the network, else an input */
	size_t index; /* of it */
};

struct det_decoder {
	struct det_network net; /* .net is NULL where there is none */
	struct det_decode *decode;
	struct det_anchors *anchors; /* NULL: the model has no such text */
	struct det_decoder_input *input;
	size_t inputs;
	char **owned; /* names "MAP.anchors" */
	size_t n_owned;
	struct source *map, *list, *grid;
	struct det_tensor *maps, *grids; /* for a run */
	struct det_boxes *lists;
};

/* An input, once for all who want it. */
static size_t
want(struct det_decoder *d, const char *name, uint32_t kind)
{
	for (size_t i = 0; i < d->inputs; i++)
		if (d->input[i].kind == kind && !strcmp(d->input[i].name, name))
			return i;
	d->input[d->inputs] = (struct det_decoder_input){ .name = name, .kind = kind };
	return d->inputs++;
}

static int
find_output(size_t *index, const struct det_decoder *d, const char *name)
{
	if (!d->net.net)
		return 0;
	for (*index = 0; *index < det_net_outputs(d->net.net); ++*index)
		if (!strcmp(det_net_output(d->net.net, *index), name))
			return 1;
	return 0;
}

static enum det_err
want_grid(struct det_decoder *d, size_t i)
{
	const char *name = det_decode_grid(d->decode, i);
	size_t size = strlen(name) + sizeof ".anchors";
	char *full;
	enum det_err e;

	if ((e = det_alloc(&full, size, 1)))
		return e;
	(void)snprintf(full, size, "%s.anchors", name);
	d->owned[d->n_owned++] = full;
	d->grid[i].index = want(d, full, DET_TENSOR);
	d->input[d->grid[i].index].optional = d->anchors != NULL;
	return DET_OK;
}

static enum det_err
link_inputs(struct det_decoder *d)
{
	size_t nets = d->net.net ? det_net_inputs(d->net.net) : 0;
	size_t maps = det_decode_maps(d->decode), lists = det_decode_lists(d->decode);
	size_t grids = det_decode_grids(d->decode);
	enum det_err e;

	if ((e = det_calloc(
		 &d->input, nets + maps + lists + grids, sizeof *d->input)) ||
	    (e = det_calloc(&d->owned, grids, sizeof *d->owned)) ||
	    (e = det_calloc(&d->map, maps, sizeof *d->map)) ||
	    (e = det_calloc(&d->list, lists, sizeof *d->list)) ||
	    (e = det_calloc(&d->grid, grids, sizeof *d->grid)) ||
	    (e = det_calloc(&d->maps, maps, sizeof *d->maps)) ||
	    (e = det_calloc(&d->lists, lists, sizeof *d->lists)) ||
	    (e = det_calloc(&d->grids, grids, sizeof *d->grids)))
		return e;
	for (size_t i = 0; i < nets; i++) {
		(void)want(d, det_net_input(d->net.net, i, NULL), DET_TENSOR);
		d->input[i].of_network = 1;
	}
	for (size_t i = 0; i < maps; i++) {
		const char *name = det_decode_map(d->decode, i);

		d->map[i].of_net = find_output(&d->map[i].index, d, name);
		if (!d->map[i].of_net)
			d->map[i].index = want(d, name, DET_TENSOR);
	}
	for (size_t i = 0; i < lists; i++)
		d->list[i].index = want(d, det_decode_list(d->decode, i), DET_BOXES);
	for (size_t i = 0; i < grids; i++)
		if ((e = want_grid(d, i)))
			return e;
	return DET_OK;
}

static enum det_err
open_texts(struct det_decoder *d, const struct det_model *m, const char *name)
{
	const char *text;
	size_t len;
	enum det_err e;

	det_model_text(m, name, &text, &len);
	if (!text)
		return det_fail(DET_INVALID,
		    "no text '%s': this model's outputs are not boxes", name);
	if ((e = det_decode_parse(&d->decode, text, len, name)))
		return e;
	det_model_text(m, "anchors", &text, &len);
	if (text && (e = det_anchors_parse(&d->anchors, text, len, "anchors")))
		return e;
	return det_decode_bind(d->decode, d->anchors);
}

enum det_err
det_decoder_open(struct det_decoder **out, const struct det_model *m, const char *net,
    const char *text, int threads)
{
	struct det_engine_params p = DET_ENGINE_DEFAULTS;
	struct det_decoder *d;
	const char *net_text;
	char record[64];
	size_t len;
	enum det_err e;

	if ((e = det_calloc(&d, 1, sizeof *d)))
		return e;
	if ((e = open_texts(d, m, text))) {
		e = det_fail_in(e, "%s", det_model_path(m));
		goto fail;
	}
	(void)snprintf(record, sizeof record, "net/%.40s", net);
	det_model_text(m, record, &net_text, &len);
	p.threads = threads;
	if ((net_text && (e = det_network_open(&d->net, m, net, &p))) ||
	    (e = link_inputs(d)))
		goto fail;
	*out = d;
	return DET_OK;
fail:
	det_decoder_close(d);
	return e;
}

void
det_decoder_close(struct det_decoder *d)
{
	if (!d)
		return;
	det_network_close(&d->net);
	det_decode_free(d->decode);
	det_anchors_free(d->anchors);
	for (size_t i = 0; i < d->n_owned; i++)
		free(d->owned[i]);
	free(d->owned);
	free(d->input);
	free(d->map);
	free(d->list);
	free(d->grid);
	free(d->maps);
	free(d->lists);
	free(d->grids);
	free(d);
}

size_t
det_decoder_inputs(const struct det_decoder *d)
{
	return d->inputs;
}

const struct det_decoder_input *
det_decoder_input(const struct det_decoder *d, size_t i)
{
	return i < d->inputs ? &d->input[i] : NULL;
}

enum det_err
det_decoder_run(struct det_boxes *out, struct det_decoder *d,
    const struct det_tensor *tensor, const struct det_boxes *list,
    const struct det_decode_params *p)
{
	const struct det_decode_in in = { d->maps, d->lists, d->grids };
	enum det_err e;

	if (d->net.net && (e = det_engine_run(d->net.engine, tensor)))
		return e;
	for (size_t i = 0; i < det_decode_maps(d->decode); i++)
		if (d->map[i].of_net)
			(void)det_engine_output(
			    d->net.engine, d->map[i].index, &d->maps[i]);
		else
			d->maps[i] = tensor[d->map[i].index];
	for (size_t i = 0; i < det_decode_lists(d->decode); i++)
		d->lists[i] = list[d->list[i].index];
	for (size_t i = 0; i < det_decode_grids(d->decode); i++)
		d->grids[i] = tensor[d->grid[i].index];
	return det_decode_run(out, d->decode, &in, p);
}
