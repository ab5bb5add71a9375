/* SPDX-License-Identifier: MIT
 *
 * Runs one network inside Darknet's own library and writes what comes out, for comparison
 * with this project's tools. Links against a libdarknet.a built from Darknet's public
 * source (tests/oracle/darknet.sh builds it); with -DALEXEYAB against AlexeyAB's fork,
 * whose functions of the same names take other arguments.
 *
 *   darknet_dump CFG WEIGHTS INPUT OUTDIR THRESH NMS [LAYER ...]
 *
 * INPUT is a raw little-endian f32 file of 3*H*W values, or a picture: "fit:FILE" is
 * letterboxed and "warp:FILE" stretched by Darknet to the network's size. With "-" for
 * WEIGHTS only input.f32 is written.
 *
 * OUTDIR gets:
 *   meta.txt      lines: net W H C / map INDEX TYPE C H W (the layer's input) / out
 *                 INDEX TYPE N / layer INDEX TYPE C H W / thresh T / nms T
 *   input.f32     the tensor that went in
 *   in_I.f32      what went into detection layer I (the feature map); out_I.f32 what came out
 *   layer_I.f32   the output of every LAYER asked for ("all": of every layer), and of the
 *                 last layer (but [cost]) where the net has no detection layer
 *   raw.tsv       class score x1 y1 x2 y2 source, network input pixels, every score > THRESH
 *   nms.tsv       the same after Darknet's do_nms_sort, sorted by score
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "darknet.h"

#ifdef ALEXEYAB
void do_nms_sort(detection *dets, int total, int classes, float thresh);
image letterbox_image(image im, int w, int h);
image resize_image(image im, int w, int h);
#endif

struct line {
	int class, source;
	float score;
	double x1, y1, x2, y2;
};

static void
fail(const char *what)
{
	perror(what);
	exit(2);
}

static FILE *
out_file(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f)
		fail(path);
	return f;
}

static void
dump(const char *dir, const char *what, int i, const float *data, size_t n)
{
	char name[64];
	FILE *f;

	if (i < 0)
		(void)snprintf(name, sizeof name, "%s.f32", what);
	else
		(void)snprintf(name, sizeof name, "%s_%d.f32", what, i);
	f = out_file(dir, name);
	if (fwrite(data, sizeof *data, n, f) != n || fclose(f))
		fail(name);
}

static float *
input(const char *arg, int w, int h, int c)
{
	size_t n = (size_t)w * (size_t)h * (size_t)c;
	float *x;
	FILE *f;
	image im;

	if (strncmp(arg, "fit:", 4) == 0) {
		im = load_image_color((char *)arg + 4, 0, 0);
		return letterbox_image(im, w, h).data;
	}
	if (strncmp(arg, "warp:", 5) == 0) {
		im = load_image_color((char *)arg + 5, 0, 0);
		return resize_image(im, w, h).data;
	}
	x = calloc(n, sizeof *x);
	f = fopen(arg, "rb");
	if (!x || !f || fread(x, sizeof *x, n, f) != n)
		fail(arg);
	(void)fclose(f);
	return x;
}

static const char *
type_name(const layer *l)
{
	switch (l->type) {
	case YOLO: return "yolo";
	case REGION: return "region";
	case DETECTION: return "detection";
	case CONVOLUTIONAL: return "conv";
	case MAXPOOL: return "maxpool";
	case SHORTCUT: return "shortcut";
	case ROUTE: return "route";
	case CONNECTED: return "connected";
	case LOCAL: return "local";
	case SOFTMAX: return "softmax";
	case AVGPOOL: return "avgpool";
	case UPSAMPLE: return "upsample";
	case REORG: return "reorg";
	case DROPOUT: return "dropout";
	case CROP: return "crop";
	default: return "other";
	}
}

static int
by_score(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->class != y->class)
		return x->class - y->class;
	return x->source - y->source;
}

static void
boxes(const char *dir, const char *name, detection *d, int n, int w, int h)
{
	FILE *f = out_file(dir, name);
	struct line *l = NULL;
	size_t at = 0, cap = 0;

	for (int i = 0; i < n; i++)
		for (int k = 0; k < d[i].classes; k++) {
			if (!(d[i].prob[k] > 0))
				continue;
			if (at == cap) {
				cap = cap ? 2 * cap : 256;
				l = realloc(l, cap * sizeof *l);
				if (!l)
					fail("memory");
			}
			l[at++] = (struct line){
				k,
				i,
				d[i].prob[k],
				((double)d[i].bbox.x - (double)d[i].bbox.w / 2) * w,
				((double)d[i].bbox.y - (double)d[i].bbox.h / 2) * h,
				((double)d[i].bbox.x + (double)d[i].bbox.w / 2) * w,
				((double)d[i].bbox.y + (double)d[i].bbox.h / 2) * h,
			};
		}
	if (at)
		qsort(l, at, sizeof *l, by_score);
	for (size_t i = 0; i < at; i++)
		fprintf(f, "%d\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%d\n", l[i].class,
		    l[i].score, l[i].x1, l[i].y1, l[i].x2, l[i].y2, l[i].source);
	free(l);
	if (fclose(f))
		fail(name);
}

/* Whether the user asked for layer i, or it is all there is to see. */
static int
wanted(int i, int last, int argc, char *argv[])
{
	if (i == last)
		return 1;
	for (int k = 7; k < argc; k++)
		if (strcmp(argv[k], "all") == 0 || atoi(argv[k]) == i)
			return 1;
	return 0;
}

int
main(int argc, char *argv[])
{
	const char *dir;
	float thresh, nms, *x;
	LAYER_TYPE last = BLANK;
	int n = 0, any = 0, classes = 0, end;
	network *net;
	detection *d;
	FILE *meta;

	if (argc < 7) {
		fprintf(stderr, "usage: darknet_dump CFG WEIGHTS INPUT OUTDIR THRESH "
				"NMS [LAYER ... | all]\n");
		return 2;
	}
	dir = argv[4];
	thresh = (float)atof(argv[5]);
	nms = (float)atof(argv[6]);
	net = load_network(argv[1], strcmp(argv[2], "-") ? argv[2] : NULL, 0);
	set_batch_network(net, 1);
	x = input(argv[3], net->w, net->h, net->c);
	dump(dir, "input", -1, x, (size_t)net->w * (size_t)net->h * (size_t)net->c);
	if (strcmp(argv[2], "-") == 0)
		return 0;
#ifdef ALEXEYAB
	network_predict_ptr(net, x);
#else
	network_predict(net, x);
#endif
	meta = out_file(dir, "meta.txt");
	fprintf(meta, "net %d %d %d\n", net->w, net->h, net->c);
	for (int i = 0; i < net->n; i++) {
		layer *l = &net->layers[i], *p = l - 1;

		if (l->type != YOLO && l->type != REGION && l->type != DETECTION)
			continue;
		any = 1;
		last = l->type;
		classes = l->classes;
		fprintf(meta, "map %d %s %d %d %d\nout %d %s %d\n", i, type_name(l),
		    p->out_c ? p->out_c : p->outputs, p->out_h ? p->out_h : 1,
		    p->out_w ? p->out_w : 1, i, type_name(l), l->outputs);
		dump(dir, "in", i, p->output, (size_t)p->outputs);
		dump(dir, "out", i, l->output, (size_t)l->outputs);
	}
	for (end = net->n - 1; end > 0 && net->layers[end].type == COST;)
		end--;
	for (int i = 0; i < net->n; i++) {
		layer *l = &net->layers[i];
		int only = any ? -1 : end;

		if (!l->output || !wanted(i, only, argc, argv))
			continue;
		fprintf(meta, "layer %d %s %d %d %d\n", i, type_name(l),
		    l->out_c ? l->out_c : l->outputs, l->out_h ? l->out_h : 1,
		    l->out_w ? l->out_w : 1);
		dump(dir, "layer", i, l->output, (size_t)l->outputs);
	}
	fprintf(meta, "thresh %.9g\nnms %.9g\n", thresh, nms);
	if (fclose(meta))
		fail("meta.txt");
	if (!any)
		return 0;
	/* Boxes as fractions of the network's input. The decoders of v2 and v3 are asked for
	 * a picture of the network's own size, so that there is no letterbox to undo; that
	 * of v1 multiplies by the size it is given. */
	{
		int w = last == DETECTION ? 1 : net->w,
		    h = last == DETECTION ? 1 : net->h;

#ifdef ALEXEYAB
		d = get_network_boxes(net, w, h, thresh, .5f, 0, 1, &n, 0);
#else
		d = get_network_boxes(net, w, h, thresh, .5f, 0, 1, &n);
#endif
	}
	for (int i = 0; i < n; i++)
		d[i].classes = classes; /* some decoders leave it unset */
	boxes(dir, "raw.tsv", d, n, net->w, net->h);
	do_nms_sort(d, n, classes, nms);
	boxes(dir, "nms.tsv", d, n, net->w, net->h);
	return 0;
}
