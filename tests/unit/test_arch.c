/* SPDX-License-Identifier: MIT
 *
 * Architectures: every one opens and its texts parse; published numbers of weights; name
 * tables against torchvision's state dicts (tests/oracle/tv_keys.py), new spelling and old;
 * what is said of weights that are missing, wrong or of no use.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "box/decode.h"
#include "model/arch.h"
#include "model/pipeline.h"
#include "model/profile.h"
#include "nn/graph.h"
#include "tests/unit/says.h"
#include "tests/unit/tap.h"

/* --- every architecture ---------------------------------------------------------------- */

static const char *const nets[] = { "net/backbone", "net/rpn", "net/head" };

/* Which vectors of a batch normalisation are counted. */
enum norms { FROZEN, SCALES /* and shifts */, ALL /* means and variances too */ };

static int
counts(const char *name, enum norms norms)
{
	const char *bn = strstr(name, ".bn.");

	return !bn || norms == ALL ||
	       (norms == SCALES && strcmp(bn, ".bn.mean") && strcmp(bn, ".bn.var"));
}

/* Weights of all nets; SIZE_MAX where a text does not parse. */
static size_t
count_weights(const struct det_arch *a, enum norms norms)
{
	size_t total = 0;

	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
		const char *text = det_arch_text(a, nets[i]), *name;
		struct det_net *net;
		struct det_tensor t;

		if (!text)
			continue;
		if (det_net_parse(&net, text, strlen(text), nets[i]))
			return (size_t)-1;
		for (size_t k = 0; (name = det_net_weight(net, k, &t)); k++) {
			size_t n = 1;

			for (int d = 0; d < t.rank; d++)
				n *= t.dims[d];
			if (counts(name, norms))
				total += n;
		}
		det_net_free(net);
	}
	return total;
}

static int
decodes(const struct det_arch *a, const char *name)
{
	const char *text = det_arch_text(a, name), *grid = det_arch_text(a, "anchors");
	struct det_anchors *g = NULL;
	struct det_decode *d = NULL;
	int good;

	if (!text)
		return 1;
	good = (!grid || !det_anchors_parse(&g, grid, strlen(grid), "anchors")) &&
	       !det_decode_parse(&d, text, strlen(text), name) &&
	       !det_decode_bind(d, g);
	det_decode_free(d);
	det_anchors_free(g);
	return good;
}

static int
pipes(const struct det_arch *a)
{
	const char *text = det_arch_text(a, "pipeline");
	struct det_pipeline p;

	if (!text || det_pipeline_parse(&p, text, strlen(text)))
		return 0;
	det_pipeline_release(&p);
	return 1;
}

static void
test_all(void)
{
	const char *name, *about;
	char last[128] = "";

	for (size_t i = 0; det_arch_list(i, &name, &about); i++) {
		struct det_arch *a;
		char arch[128];

		(void)snprintf(arch, sizeof arch, "%s", name);
		ok(strcmp(last, arch) != 0 && about[0], "%s: described", arch);
		(void)snprintf(last, sizeof last, "%s", arch);
		if (det_arch_open(&a, arch, NULL, 0)) {
			ok(0, "%s opens: %s", arch, det_errmsg());
			continue;
		}
		ok(count_weights(a, ALL) != (size_t)-1 && det_arch_classes(a)->n > 0,
		    "%s: its nets parse", arch);
		ok(decodes(a, "decode") && decodes(a, "propose"),
		    "%s: anchors and decoders parse and fit", arch);
		ok(pipes(a), "%s: its pipeline parses", arch);
		det_arch_close(a);
	}
	ok(last[0] != 0, "there are architectures");
}

/* Published counts. Of frozen normalisation torchvision counts nothing, of others scales and
 * shifts; Darknet's files hold all. The two small SSDs': of the convolutions in ncnn's
 * benchmark/NAME.param, less the biases that batch normalisation was folded into, and the
 * four vectors of SqueezeNet-SSD's own normalisation. */
static void
test_published(void)
{
	static const struct {
		const char *name;
		enum norms norms;
		size_t weights;
	} want[] = {
		{ "fasterrcnn_resnet50_fpn", FROZEN, 41755286 },
		{ "retinanet_resnet50_fpn", FROZEN, 34014999 },
		{ "retinanet_resnet50_fpn_v2", SCALES, 38198935 },
		{ "ssd300_vgg16", FROZEN, 35641826 },
		{ "ssd300_caffe", FROZEN, 26285486 },
		{ "mobilenet_ssd", FROZEN, 5770745 },
		{ "squeezenet_ssd", FROZEN, 5525536 },
		{ "alexnet", FROZEN, 60965224 },
		/* these without the 1000 classes of ImageNet, with 20 and nothing */
		{ "rcnn_alexnet", FROZEN, 60965224 - 4097000 + 86037 },
		{ "rcnn_vgg16", FROZEN, 138357544 - 4097000 + 86037 },
		{ "fast_rcnn_vgg16", FROZEN, 138357544 - 4097000 + 86037 + 344148 },
		{ "spp_zf", FROZEN, 3726464 + 52432896 + 16781312 + 86037 },
		{ "vgg16", FROZEN, 138357544 },
		{ "squeezenet1_0", FROZEN, 1248424 },
		{ "squeezenet1_1", FROZEN, 1235496 },
		{ "resnet18", SCALES, 11689512 },
		{ "resnet50", SCALES, 25557032 },
		{ "resnet101", SCALES, 44549160 },
		{ "darknet19", ALL, 20856776 },
		{ "darknet53", ALL, 41645640 },
		{ "yolov1", ALL, 197328243 },
		{ "yolov2", ALL, 50983561 },
		{ "yolov3", ALL, 62001757 },
		{ "yolov3-tiny", ALL, 8858734 },
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct det_arch *a;
		size_t n = 0;

		if (!det_arch_open(&a, want[i].name, NULL, 0)) {
			n = count_weights(a, want[i].norms);
			det_arch_close(a);
		}
		ok(n == want[i].weights, "%s: %zu weights, wanted %zu", want[i].name, n,
		    want[i].weights);
	}
}

/* C, H and W of a layer of the backbone; all 0 where there is none. */
static void
shape_of(size_t out[3], const char *arch, const char *layer, int size)
{
	static const char open[] = "input image 3 0 0\n";
	struct det_buf b = { 0 };
	struct det_arch *a;
	struct det_net *net;
	const char *text, *at;
	size_t n;

	memset(out, 0, 3 * sizeof *out);
	if (det_arch_open(&a, arch, NULL, 0))
		return;
	text = det_arch_text(a, "net/backbone");
	/* one that takes any size is given one */
	if (size && (at = strstr(text, open)))
		(void)!det_buf_printf(&b, "%.*sinput image 3 %d %d\n%s",
		    (int)(at - text), text, size, size, at + strlen(open));
	if (b.len)
		text = b.text;
	if (!det_net_parse(&net, text, strlen(text), arch)) {
		if (det_net_find(net, &n, layer))
			memcpy(out, net->node[n].dims + 1, 3 * sizeof *out);
		det_net_free(net);
	}
	det_buf_free(&b);
	det_arch_close(a);
}

/* Where the weights do not tell: strides, and how pooling rounds. */
static void
test_shapes(void)
{
	static const struct {
		const char *arch, *layer;
		size_t dims[3];
		int size; /* where the architecture takes any */
	} want[] = {
		{ "alexnet", "pool5", { 256, 6, 6 }, 0 },
		{ "zf", "conv5", { 256, 15, 15 }, 0 },
		{ "vgg16", "pool5", { 512, 7, 7 }, 0 },
		{ "squeezenet1_1", "fire9.concat", { 512, 13, 13 }, 0 },
		{ "squeezenet1_1_caffe", "fire9.concat", { 512, 14, 14 }, 0 },
		{ "mobilenet_ssd", "conv11.sep", { 512, 19, 19 }, 0 },
		{ "mobilenet_ssd", "conv17.2", { 128, 1, 1 }, 0 },
		{ "squeezenet_ssd", "fire5_norm", { 256, 37, 37 }, 0 },
		{ "squeezenet_ssd", "fire9.concat", { 512, 18, 18 }, 0 },
		{ "squeezenet_ssd", "fire11.concat", { 768, 4, 4 }, 0 },
		{ "darknet19", "c23", { 1000, 8, 8 }, 256 },
		{ "darknet53", "s5", { 1024, 8, 8 }, 256 },
		{ "yolov2", "y30", { 425, 13, 13 }, 416 },
		{ "yolov2", "y30", { 425, 10, 10 }, 320 },
		{ "yolov3-tiny", "y23", { 255, 20, 20 }, 320 },
		{ "yolov3", "y8", { 255, 52, 52 }, 416 },
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		size_t d[3];

		shape_of(d, want[i].arch, want[i].layer, want[i].size);
		ok(memcmp(d, want[i].dims, sizeof d) == 0, "%s: %s is %zux%zux%zu",
		    want[i].arch, want[i].layer, d[0], d[1], d[2]);
	}
}

/* --- variables ------------------------------------------------------------------------- */

static void
test_variables(void)
{
	static const char *const four[] = { "classes=4" },
				 *const bad[] = { "clases=4" },
				 *const line[] = { "eps=1 x" },
				 *const bare[] = { "eps" };
	static const char five[] = "a\nb\nc\nd\ne\n";
	struct det_arch *a;

	ok(!det_arch_open(&a, "tiny_frcnn", four, 1) && det_arch_classes(a)->n == 4 &&
		!strcmp(det_arch_classes(a)->name[3], "class3") &&
		strstr(det_arch_text(a, "decode"), "classes=4 "),
	    "classes=4: names and texts follow");
	ok(det_arch_names(a, five, strlen(five), "five") == DET_INVALID &&
		says("5 names for its 4 classes"),
	    "names that are not as many");
	det_arch_close(a);
	ok(!det_arch_open(&a, "tiny_frcnn", NULL, 0) &&
		!det_arch_names(a, five, strlen(five), "five") &&
		det_arch_classes(a)->n == 5 &&
		strstr(det_arch_text(a, "net/head"), "out=5+1"),
	    "names alone: their number is taken");
	det_arch_close(a);
	ok(!det_arch_open(&a, "fasterrcnn_resnet50_fpn", NULL, 0) &&
		!strcmp(det_arch_classes(a)->name[0], "person") &&
		det_arch_classes(a)->source[89] == 90,
	    "COCO's classes with their numbers");
	det_arch_close(a);
	ok(det_arch_open(&a, "tiny_frcnn", bad, 1) == DET_INVALID &&
		says("no variable 'clases'"),
	    "a variable that is not");
	ok(det_arch_open(&a, "tiny_frcnn", line, 1) == DET_INVALID &&
		says("without blanks"),
	    "a value that would be two words");
	ok(det_arch_open(&a, "tiny_frcnn", bare, 1) == DET_INVALID &&
		says("NAME=VALUE expected"),
	    "no value");
	ok(det_arch_open(&a, "fasterrcnn_resnet50_fpm", NULL, 0) == DET_INVALID &&
		says("is fasterrcnn_resnet50_fpn meant?"),
	    "a name that is nearly one");
	ok(det_arch_open(&a, "none/x", NULL, 0) == DET_IO && says("none/x: No such"),
	    "a path of no file");
}

/* --- name tables ----------------------------------------------------------------------- */

static const float one = 1;

/* A source with names and shapes of a file, every value 1. */
static void
read_keys(struct det_source *s, const char *name)
{
	const char *src = getenv("DET_SRC"), *line;
	char path[512], *text;
	size_t len, at = 0, n;

	*s = (struct det_source){ 0 };
	(void)snprintf(
	    path, sizeof path, "%s/tests/unit/golden/%s.keys", src ? src : ".", name);
	if (det_file_read(&text, &len, path, 1 << 20))
		return;
	s->t = calloc(1000, sizeof *s->t);
	while (s->t && s->n < 1000 && det_line_next(&line, &n, text, len, &at)) {
		struct det_source_tensor *t = &s->t[s->n++];
		size_t k = strcspn(line, " \n");
		const char *p = line + k;

		t->name = strndup(line, k < n ? k : n);
		t->data = (const unsigned char *)&one;
		while (p < line + n && *p == ' ') {
			char *end;

			t->dims[t->rank++] = strtoul(p, &end, 10);
			p = end;
		}
	}
	free(text);
}

static void
free_keys(struct det_source *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->t[i].name);
	free(s->t);
}

static struct det_source_tensor *
key(struct det_source *s, const char *name)
{
	struct det_source_tensor *t = det_source_find(s, name);

	if (!t)
		(void)printf("# no key %s\n", name);
	return t ? t : &s->t[0];
}

/* Fits and imports; what is written is thrown away. */
static enum det_err
import(const char *arch, struct det_source *s, int strict, struct det_buf *notes,
    struct det_arch **keep)
{
	struct det_arch *a;
	struct det_writer *w = NULL;
	int fd = open("/dev/null", O_WRONLY);
	enum det_err e;

	if ((e = det_arch_open(&a, arch, NULL, 0)))
		return e;
	if (!(e = det_arch_fit(a, s, "torch")) &&
	    !(e = det_writer_open_fd(&w, fd, "null")))
		e = det_arch_import(w, a, s, "torch", strict, notes);
	det_writer_free(w);
	(void)close(fd);
	if (keep && !e)
		*keep = a;
	else
		det_arch_close(a);
	return e;
}

/* "a.1.0.weight" -> "a.1.weight" for names that begin so; a number times `times`. */
static void
respell(struct det_source *s, const char *begin, long times)
{
	size_t n = strlen(begin);

	for (size_t i = 0; i < s->n; i++) {
		char *name = s->t[i].name, *dot, *end, next[256];

		if (strncmp(name, begin, n) != 0)
			continue;
		dot = name + n + strspn(name + n, "0123456789");
		if (strncmp(dot, ".0.", 3) != 0)
			continue;
		end = dot + 2;
		(void)snprintf(next, sizeof next, "%s%ld%s", begin,
		    times * strtol(name + n, NULL, 10), end);
		free(name);
		s->t[i].name = strdup(next);
	}
}

static void
test_names(void)
{
	static const char *const archs[] = { "fasterrcnn_resnet50_fpn",
		"retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", "ssd300_vgg16",
		"vgg16", "resnet18", "squeezenet1_0", "squeezenet1_1" };

	for (size_t i = 0; i < sizeof archs / sizeof *archs; i++) {
		struct det_source s;
		struct det_buf notes = { 0 };
		enum det_err e;

		read_keys(&s, archs[i]);
		e = import(archs[i], &s, 1, &notes, NULL);
		ok(s.n > 20 && !e && notes.len == 0,
		    "%s: torchvision's %zu names, all used%s%s", archs[i], s.n,
		    e ? ": " : "", e ? det_errmsg() : "");
		det_buf_free(&notes);
		free_keys(&s);
	}
}

static void
test_old_names(void)
{
	struct det_source s;
	struct det_buf notes = { 0 };
	enum det_err e;

	read_keys(&s, "fasterrcnn_resnet50_fpn");
	respell(&s, "backbone.fpn.inner_blocks.", 1);
	respell(&s, "backbone.fpn.layer_blocks.", 1);
	for (size_t i = 0; i < s.n; i++)
		if (!strncmp(s.t[i].name, "rpn.head.conv.0.0.", 18))
			memmove(s.t[i].name + 14, s.t[i].name + 18,
			    strlen(s.t[i].name + 18) + 1);
	ok(det_source_find(&s, "rpn.head.conv.weight") &&
		det_source_find(&s, "backbone.fpn.inner_blocks.3.bias"),
	    "names before 0.13");
	e = import("fasterrcnn_resnet50_fpn", &s, 1, &notes, NULL);
	ok(!e, "fasterrcnn_resnet50_fpn takes them%s%s", e ? ": " : "",
	    e ? det_errmsg() : "");
	free_keys(&s);
	read_keys(&s, "retinanet_resnet50_fpn");
	respell(&s, "backbone.fpn.inner_blocks.", 1);
	respell(&s, "backbone.fpn.layer_blocks.", 1);
	respell(&s, "head.classification_head.conv.", 2);
	respell(&s, "head.regression_head.conv.", 2);
	ok(det_source_find(&s, "head.regression_head.conv.6.weight") != NULL,
	    "where activations count");
	e = import("retinanet_resnet50_fpn", &s, 1, &notes, NULL);
	ok(!e, "retinanet_resnet50_fpn takes them%s%s", e ? ": " : "",
	    e ? det_errmsg() : "");
	free_keys(&s);
	det_buf_free(&notes);
}

static void
test_fit(void)
{
	struct det_source s;
	struct det_buf notes = { 0 };
	struct det_arch *a = NULL;
	enum det_err e;

	read_keys(&s, "fasterrcnn_resnet50_fpn");
	key(&s, "roi_heads.box_predictor.cls_score.weight")->dims[0] = 5;
	key(&s, "roi_heads.box_predictor.cls_score.bias")->dims[0] = 5;
	key(&s, "roi_heads.box_predictor.bbox_pred.weight")->dims[0] = 20;
	key(&s, "roi_heads.box_predictor.bbox_pred.bias")->dims[0] = 20;
	e = import("fasterrcnn_resnet50_fpn", &s, 1, &notes, &a);
	ok(!e && det_arch_classes(a)->n == 4,
	    "number of classes from the head's shape");
	ok(!e && strstr(det_arch_text(a, "net/backbone"), "eps=0 ") &&
		!strstr(det_arch_text(a, "net/backbone"), "eps=1e-5"),
	    "epsilon of published weights is 0");
	det_arch_close(a);

	key(&s, "rpn.head.cls_logits.bias")->dims[0] = 4;
	free(key(&s, "backbone.body.bn1.bias")->name);
	key(&s, "backbone.body.bn1.weight")[1].name = strdup("something.else");
	e = import("fasterrcnn_resnet50_fpn", &s, 0, &notes, NULL);
	ok(e == DET_INVALID && says("2 of the weights") &&
		says("backbone/conv1.bn.bias is missing") &&
		says("rpn/head.cls_logits.bias should be 3, but "
		     "rpn.head.cls_logits.bias is 4"),
	    "missing weights and wrong shapes are named");
	free_keys(&s);

	read_keys(&s, "squeezenet1_1");
	s.t[s.n] = (struct det_source_tensor){ .name = strdup("more.weight"),
		.data = (const unsigned char *)&one };
	s.n++;
	notes.len = 0;
	e = import("squeezenet1_1", &s, 0, &notes, NULL);
	ok(!e && notes.len && !strcmp(notes.text, "not used: more.weight\n"),
	    "a tensor of no use is noted");
	e = import("squeezenet1_1", &s, 1, &notes, NULL);
	ok(e == DET_INVALID && says("the first is more.weight"), "or refused");
	ok(det_arch_open(&a, "yolov3", NULL, 0) == DET_OK &&
		det_arch_fit(a, &s, "torch") == DET_UNSUPPORTED,
	    "an architecture without names");
	det_arch_close(a);
	free_keys(&s);
	det_buf_free(&notes);
}

static void
test_profiles(void)
{
	const char *name, *about;
	size_t n = 0;

	for (; det_profile_list(n, &name, &about); n++)
		ok(about[0] && det_profile_options(name, "det-image") &&
			(det_profile_options(name, "det-nms") ||
			    det_profile_options(name, "det-propose")),
		    "profile %s: %s", name, about);
	ok(n >= 6, "profiles");
	ok(!det_profile_options("tv", "det-draw") &&
		!det_profile_options("x", "det-nms"),
	    "none of that name");
}

int
main(void)
{
	test_all();
	test_published();
	test_shapes();
	test_variables();
	test_names();
	test_old_names();
	test_fit();
	test_profiles();
	return done();
}
