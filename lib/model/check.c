/* SPDX-License-Identifier: MIT
 *
 * Is a model whole? Payload checks first, then every text is opened by the code that runs
 * it, and at the end no tensor may be left that no network asked for.
 */
#include <stdio.h>
#include <string.h>

#include "base/line.h"
#include "base/text.h"
#include "box/anchors.h"
#include "box/decode.h"
#include "model/list.h"
#include "model/network.h"
#include "model/pipeline.h"

/* What a line of the decode text says of classes, against the class table. */
static enum det_err
check_classes(void *ctx, struct det_line *l, const char *text, size_t n)
{
	const struct det_model *m = *(const struct det_model **)ctx;
	const size_t have = det_model_classes(m)->n;
	long classes = (long)have;
	enum det_err e;

	(void)text;
	(void)n;
	if ((e = det_line_long(&classes, l, "classes", 1, 1L << 30)) ||
	    classes == (long)have)
		return e;
	return det_fail(DET_INVALID,
	    "%s: decode speaks of %ld classes, the class table has %zu",
	    det_model_path(m), classes, have);
}

static enum det_err
want_output(const struct det_model *m, const char *who, const char *map)
{
	int found;
	enum det_err e = det_network_puts_out(&found, m, map, NULL);

	if (!e && !found)
		e = det_fail(DET_INVALID,
		    "%s: %s wants the map '%s', which no net puts out",
		    det_model_path(m), who, map);
	return e;
}

/* The text "anchors"; *out is NULL where there is none. */
static enum det_err
open_anchors(struct det_anchors **out, const struct det_model *m)
{
	const char *text;
	size_t len;
	enum det_err e;

	*out = NULL;
	det_model_text(m, "anchors", &text, &len);
	if (!text)
		return DET_OK;
	if ((e = det_anchors_parse(out, text, len, "anchors")))
		return det_fail_in(e, "%s", det_model_path(m));
	return DET_OK;
}

static enum det_err
check_anchors(const struct det_model *m)
{
	struct det_anchors *a;
	enum det_err e = open_anchors(&a, m);

	for (size_t i = 0; !e && i < det_anchors_maps(a); i++)
		e = want_output(m, "anchors", det_anchors_map(a, i));
	det_anchors_free(a);
	return e;
}

/* A text of the decoders, "decode" or "propose": its maps are outputs of some net, and its
 * anchors are there. */
static enum det_err
check_decode(const struct det_model *m, const char *name, const char *text, size_t len)
{
	struct det_anchors *a;
	struct det_decode *d = NULL;
	enum det_err e;

	if ((e = open_anchors(&a, m)))
		return e;
	if ((e = det_decode_parse(&d, text, len, name)) || (e = det_decode_bind(d, a)))
		e = det_fail_in(e, "%s", det_model_path(m));
	for (size_t k = 0; !e && k < det_decode_maps(d); k++)
		e = want_output(m, name, det_decode_map(d, k));
	det_decode_free(d);
	det_anchors_free(a);
	return e;
}

/* What a net takes is put out by another, or comes from a tool: pictures and RoIs. */
static enum det_err
check_inputs(const struct det_model *m, const struct det_net *net)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < det_net_inputs(net); i++) {
		const char *name = det_net_input(net, i, NULL);
		int found;

		if (strcmp(det_net_name(net), "backbone") == 0 ||
		    strcmp(name, "rois") == 0)
			continue;
		if (!(e = det_network_puts_out(&found, m, name, NULL)) && !found)
			e = det_fail(DET_INVALID,
			    "%s: net/%s takes '%s', which no net puts out",
			    det_model_path(m), det_net_name(net), name);
	}
	return e;
}

/* The net can be run, and no weight is missing that a run would not miss. *seen counts its
 * weights. */
static enum det_err
check_net(const struct det_model *m, const char *name, size_t *seen)
{
	struct det_network n;
	struct det_tensor t;
	const char *weight;
	enum det_err e;

	if ((e = det_network_open(&n, m, name, NULL)))
		return e;
	for (size_t i = 0; !e && (weight = det_net_weight(n.net, i, NULL)); i++) {
		if ((e = det_model_tensor(m, weight, &t)))
			(void)det_fail_in(e, "%s", det_model_path(m));
		++*seen;
	}
	if (!e)
		e = check_inputs(m, n.net);
	det_network_close(&n);
	return e;
}

/* The lines of a plan are read with its network. */
static enum det_err
check_plan(const struct det_model *m, const char *name)
{
	char net[256];
	const char *text;
	size_t len;

	(void)snprintf(net, sizeof net, "net/%s", name);
	det_model_text(m, net, &text, &len);
	return text ? DET_OK
		    : det_fail(DET_INVALID, "%s: text 'plan/%s' is of no network",
			  det_model_path(m), net + 4);
}

static enum det_err
check_text(const struct det_model *m, const struct det_record *r, size_t *seen)
{
	const char *name = det_record_name(r), *text = r->size ? r->tensor.data : "";
	struct det_pipeline p = { 0 };
	enum det_err e = DET_OK;

	if (memchr(text, 0, r->size))
		return det_fail(DET_INVALID, "%s: text '%s' holds a NUL byte",
		    det_model_path(m), name);
	if (strncmp(name, "net/", 4) == 0)
		return check_net(m, name + 4, seen);
	if (strncmp(name, "plan/", 5) == 0)
		return check_plan(m, name + 5);
	if (strcmp(name, "anchors") == 0)
		return check_anchors(m);
	if (strcmp(name, "propose") == 0)
		return check_decode(m, name, text, r->size);
	if (strcmp(name, "decode") == 0)
		return (e = check_decode(m, name, text, r->size))
			   ? e
			   : det_lines_parse(text, r->size, NULL, check_classes, &m);
	if (strcmp(name, "pipeline") == 0) {
		if ((e = det_pipeline_parse(&p, text, r->size)))
			e = det_fail_in(e, "%s", det_model_path(m));
		det_pipeline_release(&p);
	}
	return e;
}

enum det_err
det_model_check(const struct det_model *m)
{
	struct det_record r;
	size_t seen = 0, tensors = 0;
	enum det_err e;

	if ((e = det_model_verify(m)))
		return e;
	for (size_t i = 0; det_model_record(m, i, &r); i++) {
		tensors += r.kind == DET_TENSOR;
		if (r.kind == DET_TEXT && (e = check_text(m, &r, &seen)))
			return e;
	}
	if (seen < tensors)
		return det_fail(DET_INVALID,
		    "%s: %zu tensors, of which its nets use %zu", det_model_path(m),
		    tensors, seen);
	return DET_OK;
}
