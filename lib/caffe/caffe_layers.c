/* SPDX-License-Identifier: MIT
 *
 * The layers of a prototxt, of either form (`layer` with types as strings, `layers` with
 * types as an enum), those of the test phase without stages and levels; and the network's
 * inputs in the three ways there are to declare them.
 *
 * Phases are Caffe's rules (net.cpp, StateMeetsRule): a layer with `include` is there where
 * one of its rules fits, one with `exclude` where none does. A rule of stages is met by
 * not_stage and missed by stage, as no stage is set.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "caffe/caffe_net.h"
#include "caffe/caffemodel.h"

static enum det_err
meets(int *out, const struct cf_field *rule)
{
	const char *phase = "TEST";
	long level = 0;
	enum det_err e;

	if (rule->kind != CF_MESSAGE)
		return det_fail(DET_INVALID, "%s:%zu: %s: a message { ... } expected",
		    rule->file, rule->line, rule->name);
	if ((e = cf_word(&phase, rule, "phase")) ||
	    (e = cf_long(&level, rule, "min_level", -1000000, 1000000)))
		return e;
	*out = (strcmp(phase, "TEST") == 0 || strcmp(phase, "1") == 0) && level <= 0 &&
	       cf_count(rule, "stage") == 0;
	return DET_OK;
}

static enum det_err
in_test_phase(int *out, const struct cf_field *layer)
{
	int met = 0, one = 0;
	size_t n = cf_count(layer, "include");
	const char *key = n ? "include" : "exclude";
	enum det_err e = DET_OK;

	if (!n)
		n = cf_count(layer, "exclude");
	for (size_t i = 0; !e && i < n && i < CF_MAX_ENDS; i++) {
		e = meets(&one, cf_find(layer, key, i));
		met |= !e && one;
	}
	*out = n == 0 || met == (key[0] == 'i');
	return e;
}

static enum det_err
read_ends(const char ***out, size_t *n, struct cf_field *layer, const char *key)
{
	size_t at = 0;
	enum det_err e;

	*n = cf_count(layer, key);
	if (*n > CF_MAX_ENDS)
		return det_fail(DET_LIMIT, "%s:%zu: more than %d of '%s'", layer->file,
		    layer->line, CF_MAX_ENDS, key);
	if ((e = det_calloc(out, *n + 1, sizeof **out)))
		return e;
	for (size_t i = 0; i < layer->n; i++) {
		struct cf_field *f = &layer->field[i];

		if (strcmp(f->name, key) != 0)
			continue;
		if (f->kind != CF_STRING || !f->text[0] || strlen(f->text) > 200)
			return det_fail(DET_INVALID,
			    "%s:%zu: %s: a name of 1 to 200 bytes expected", f->file,
			    f->line, key);
		f->used = 1;
		(*out)[at++] = f->text;
	}
	return DET_OK;
}

static enum det_err
read_type(struct cf_layer *l, int v1)
{
	enum det_err e;

	if (v1 ? (e = cf_word(&l->type, l->f, "type"))
	       : (e = cf_string(&l->type, l->f, "type")))
		return e;
	if (!l->type)
		return det_fail(DET_INVALID, "%s:%zu: layer '%s': a type expected",
		    l->f->file, l->f->line, l->name);
	if (v1 && det_caffe_type_of(l->type))
		l->type = det_caffe_type_of(l->type);
	return DET_OK;
}

static enum det_err
add_layer(struct det_caffe *c, struct cf_field *f)
{
	static const char *const passed[] = { "include", "exclude", "param", "phase",
		"propagate_down", "loss_weight", "blobs_lr", "weight_decay", NULL };
	struct cf_layer *l;
	int v1 = strcmp(f->name, "layers") == 0, there;
	enum det_err e;

	if (f->kind != CF_MESSAGE)
		return det_fail(DET_INVALID, "%s:%zu: %s: a message { ... } expected",
		    f->file, f->line, f->name);
	f->used = 1;
	if (cf_count(f, "layer"))
		return det_fail(DET_UNSUPPORTED,
		    "%s:%zu: a layer of the oldest form (V0): upgrade_net_proto_text "
		    "of "
		    "Caffe makes a newer file",
		    f->file, f->line);
	if (c->n_layers == CF_MAX_LAYERS)
		return det_fail(DET_LIMIT, "%s:%zu: more than %d layers", f->file,
		    f->line, CF_MAX_LAYERS);
	if ((e = in_test_phase(&there, f)) || !there ||
	    (e = det_grow(
		 &c->layer, &c->cap_layers, c->n_layers + 1, sizeof *c->layer)))
		return e;
	cf_ignore(f, passed);
	l = &c->layer[c->n_layers++];
	*l = (struct cf_layer){ .name = "", .f = f };
	if ((e = cf_string(&l->name, f, "name")) || (e = read_type(l, v1)) ||
	    (e = read_ends(&l->bottom, &l->n_bottoms, f, "bottom")))
		return e;
	if (strlen(l->name) > 200)
		return det_fail(DET_INVALID,
		    "%s:%zu: a layer's name of at most 200 bytes expected", f->file,
		    f->line);
	return read_ends(&l->top, &l->n_tops, f, "top");
}

static enum det_err
read_dims(size_t *dims, size_t *rank, const struct cf_field *m, const char *key,
    size_t first, size_t most)
{
	long n;
	enum det_err e;

	for (*rank = 0; *rank < most; ++*rank) {
		n = 0;
		if ((e = cf_long_at(&n, m, key, first + *rank, 0, 1L << 30)))
			return e;
		if (!n)
			return DET_OK;
		dims[*rank] = (size_t)n;
	}
	return DET_OK;
}

/* input: "data" with input_dim (four each) or input_shape. */
static enum det_err
read_inputs(struct det_caffe *c)
{
	size_t n = cf_count(&c->root, "input"), rank, dims[4];
	enum det_err e = DET_OK;

	if (n > 16)
		return det_fail(DET_LIMIT, "%s: more than 16 inputs", c->file);
	for (size_t i = 0; !e && i < n; i++) {
		struct cf_field *f = cf_find(&c->root, "input", i),
				*shape = cf_find(&c->root, "input_shape", i);

		if (f->kind != CF_STRING)
			return det_fail(DET_INVALID, "%s:%zu: input: a string expected",
			    f->file, f->line);
		if (shape)
			e = read_dims(dims, &rank, shape, "dim", 0, 4);
		else
			e = read_dims(dims, &rank, &c->root, "input_dim", 4 * i, 4);
		if (!e)
			e = cf_input(c, f->text, dims, rank, f);
	}
	if (!e && cf_count(&c->root, "input_dim") > 64)
		e = det_fail(DET_LIMIT, "%s: more than 64 input_dim", c->file);
	return e;
}

enum det_err
cf_layers_read(struct det_caffe *c)
{
	static const char *const passed[] = { "force_backward", "state", "debug_info",
		"input_dim", "input_shape", NULL };
	const char *name = "";
	enum det_err e;

	if ((e = cf_string(&name, &c->root, "name")) ||
	    (e = det_strdup(&c->net_name, name)))
		return e;
	for (size_t i = 0; !e && i < c->root.n; i++)
		if (strcmp(c->root.field[i].name, "layer") == 0 ||
		    strcmp(c->root.field[i].name, "layers") == 0)
			e = add_layer(c, &c->root.field[i]);
	if (e || (e = read_inputs(c)))
		return e;
	cf_ignore(&c->root, passed);
	if (!c->n_layers)
		return det_fail(
		    DET_INVALID, "%s: a network expected, found no layer", c->file);
	/* layers themselves are asked for what they hold as they are made */
	for (size_t i = 0; i < c->root.n; i++)
		if (!c->root.field[i].used &&
		    strcmp(c->root.field[i].name, "layer") != 0 &&
		    strcmp(c->root.field[i].name, "layers") != 0)
			return det_fail(DET_UNSUPPORTED, "%s:%zu: '%s' is not known",
			    c->file, c->root.field[i].line, c->root.field[i].name);
	return DET_OK;
}
