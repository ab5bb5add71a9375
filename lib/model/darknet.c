/* SPDX-License-Identifier: MIT
 *
 * From a cfg to the texts of a model. The order of the work: sections are split
 * (darknet_cfg.c), keys checked (darknet_keys.c), layers turned into lines and weights
 * (darknet_layers.c), detection layers into decode lines (darknet_decode.c); here the
 * options of the tools are added and everything is written. Weights: darknet_weights.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/darknet_net.h"
#include "model/names.h"

/* The input's size, from [net]. */
static enum det_err
read_net(struct det_darknet *d)
{
	const struct dk_section *s = &d->cfg.section[0];
	long c, h, w;
	enum det_err e;

	if ((e = dk_long(&c, &d->cfg, s, "channels", 0, 0, 1024)) ||
	    (e = dk_long(&h, &d->cfg, s, "height", 0, 0, 65536)) ||
	    (e = dk_long(&w, &d->cfg, s, "width", 0, 0, 65536)))
		return e;
	if (!c || !h || !w)
		return det_fail(DET_INVALID,
		    "%s:%zu: width, height and channels of [net] expected, found "
		    "%ldx%ldx%ld",
		    d->cfg.file, s->line, w, h, c);
	d->in_c = (size_t)c;
	d->in_h = (size_t)h;
	d->in_w = (size_t)w;
	return DET_OK;
}

enum det_err
det_darknet_parse(struct det_darknet **out, const char *text, size_t len,
    const char *file, const struct det_darknet_params *p)
{
	struct det_darknet *d = calloc(1, sizeof *d);
	int cpu;
	enum det_err e;

	*out = NULL;
	if (!d)
		return det_fail(DET_NOMEM, "no memory for a network");
	d->p = *p;
	if ((e = det_buf_add(&d->text, text, len)) ||
	    (e = dk_cfg_parse(&d->cfg, text, len, file)) ||
	    (e = dk_cfg_check(&d->cfg, p->ignore_unknown)) || (e = read_net(d)))
		goto fail;
	if (memchr(text, 0, len)) {
		/* in a comment; the model keeps the text, and texts hold no NUL */
		e = det_fail(
		    DET_INVALID, "%s: a Darknet cfg expected, found a NUL byte", file);
		goto fail;
	}
	cpu = p->bn == DET_DARKNET_BN_CPU ||
	      (p->bn == DET_DARKNET_BN_AUTO && !d->cfg.fork);
	d->bn = cpu ? "bn=darknet" : "bn";
	if ((e = det_buf_printf(&d->net, "net backbone\ninput image %zu %zu %zu\n",
		 d->in_c, d->in_h, d->in_w)))
		goto fail;
	for (size_t i = 1; i < d->cfg.n; i++)
		if ((e = dk_layer_add(d, &d->cfg.section[i])))
			goto fail;
	if ((e = dk_decode_last(d)) ||
	    (e = det_buf_add(&d->net, d->outputs.text, d->outputs.len)))
		goto fail;
	*out = d;
	return DET_OK;
fail:
	det_darknet_free(d);
	return e;
}

void
det_darknet_free(struct det_darknet *d)
{
	if (!d)
		return;
	det_map_close(&d->map);
	dk_cfg_release(&d->cfg);
	free(d->layer);
	free(d->weight);
	free(d->weights_path);
	det_buf_free(&d->text);
	det_buf_free(&d->net);
	det_buf_free(&d->outputs);
	det_buf_free(&d->decode);
	free(d);
}

const char *
det_darknet_notes(const struct det_darknet *d)
{
	return d->cfg.notes.text ? d->cfg.notes.text : "";
}

size_t
det_darknet_classes(const struct det_darknet *d)
{
	return d->classes;
}

size_t
det_darknet_floats(const struct det_darknet *d)
{
	return d->floats;
}

enum det_err
det_darknet_names(struct det_classes *c, const struct det_darknet *d, const char *text,
    size_t len, const char *file)
{
	enum det_err e;

	if (!text)
		return det_names_make(c, d->classes);
	if ((e = det_names_parse(c, text, len, file)))
		return e;
	if (c->n != d->classes) {
		e = det_fail(DET_INVALID,
		    "%s: %zu names, but %s has %zu classes: a name a line expected",
		    file, c->n, d->cfg.file, d->classes);
		det_classes_release(c);
	}
	return e;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static enum det_err
write_text(struct det_writer *w, const char *name, struct det_buf *b)
{
	enum det_err e = det_writer_text(w, name, b->text ? b->text : "", b->len);

	det_buf_free(b);
	return e;
}

static enum det_err
write_meta(struct det_writer *w, const struct det_darknet *d, const char *origin)
{
	static const char *const kinds[] = {
		[DK_FEATURES] = "features",
		[DK_CLASSIFIER] = "classifier",
		[DK_V1] = "yolov1",
		[DK_V2] = "yolov2",
		[DK_V3] = "yolov3",
	};
	struct det_buf b = { 0 };
	enum det_err e;

	if ((e = det_buf_printf(&b,
		 "format=darknet\nprofile=darknet\nkind=%s\ncfg=%s\n", kinds[d->kind],
		 base_name(d->cfg.file))))
		goto fail;
	if (origin)
		e = det_buf_printf(&b, "%s", origin);
	else if (d->seeded)
		e = det_buf_printf(&b, "weights=random\nseed=%llu\n%s%s%s",
		    (unsigned long long)d->seed, d->begun ? "start=" : "",
		    d->begun ? base_name(d->weights_path) : "", d->begun ? "\n" : "");
	else if (d->header)
		e = det_buf_printf(&b, "weights=%s\nversion=%d.%d.%d\nseen=%llu\n",
		    base_name(d->weights_path), d->version[0], d->version[1],
		    d->version[2], (unsigned long long)d->seen);
	else
		e = det_buf_printf(&b, "weights=%s\n", base_name(d->weights_path));
	if (!e && !origin && d->odd_header && d->header)
		e = det_buf_printf(&b, "header=%zu\n", d->header);
	if (!e)
		return write_text(w, "meta", &b);
fail:
	det_buf_free(&b);
	return e;
}

/* Letterbox as `darknet detector test` and `classifier predict` do; YOLOv1's commands and
 * the fork stretch. */
static int
letterboxed(const struct det_darknet *d)
{
	const struct dk_option *o = dk_find(&d->cfg.section[0], "letter_box");

	if (d->p.fit != DET_DARKNET_FIT_AUTO)
		return d->p.fit == DET_DARKNET_FIT_LETTERBOX;
	if (d->cfg.fork)
		return o && strcmp(o->value, "0") != 0;
	return d->kind != DK_V1;
}

static enum det_err
write_options(struct det_writer *w, const struct det_darknet *d)
{
	struct det_buf b = { 0 };
	enum det_err e;

	if ((e = det_buf_printf(&b, "size=%zux%zu\nfit=%s\nkernel=%s\n", d->in_w,
		 d->in_h, letterboxed(d) ? "letterbox" : "stretch", d->p.kernel)) ||
	    (e = write_text(w, "options/det-image", &b)))
		goto fail;
	if (d->decode.len == 0)
		return DET_OK;
	/* a classifier's few scores are all wanted, and there is nothing to suppress */
	if ((e = det_buf_printf(
		 &b, "thresh=%s\n", d->kind == DK_CLASSIFIER ? "0" : "0.25")) ||
	    (e = write_text(w, "options/det-head", &b)) ||
	    (e = det_buf_printf(
		 &b, "iou=%s\n", d->kind == DK_CLASSIFIER ? "1" : "0.45")))
		goto fail;
	return write_text(w, "options/det-nms", &b);
fail:
	det_buf_free(&b);
	return e;
}

static enum det_err
write_tensors(struct det_writer *w, const struct det_darknet *d)
{
	enum det_err e = DET_OK;

	for (size_t i = 0; !e && i < d->n_weights; i++) {
		const struct dk_weight *x = &d->weight[i];
		struct det_tensor t = { .dtype = DET_F32, .rank = x->rank };
		const float *data;
		float *own = NULL;

		memcpy(t.dims, x->dims, (size_t)x->rank * sizeof *x->dims);
		if ((e = dk_weight_get(&data, &own, d, i)))
			return e;
		t.data = (void *)(uintptr_t)data;
		e = det_writer_tensor(w, x->name, &t, NULL);
		free(own);
	}
	return e;
}

enum det_err
dk_write_texts(struct det_writer *w, const struct det_darknet *d, const char *origin)
{
	static const char detect[] = "det-image\ndet-backbone\ndet-head\ndet-nms\n",
			  features[] = "det-image\ndet-backbone\n";
	int decodes = d->decode.len > 0;
	enum det_err e;

	if ((e = write_meta(w, d, origin)) ||
	    (e = det_writer_text(w, "cfg", d->text.text, d->text.len)) ||
	    (e = det_writer_text(w, "pipeline", decodes ? detect : features,
		 (decodes ? sizeof detect : sizeof features) - 1)) ||
	    (e = write_options(w, d)) ||
	    (decodes &&
		(e = det_writer_text(w, "decode", d->decode.text, d->decode.len))))
		return e;
	return det_writer_text(w, "net/backbone", d->net.text, d->net.len);
}

enum det_err
det_darknet_write(struct det_writer *w, const struct det_darknet *d)
{
	const enum det_err e = dk_write_texts(w, d, NULL);

	return e ? e : write_tensors(w, d);
}
