/* SPDX-License-Identifier: MIT
 *
 * The Caffe importer: texts made of the networks in tests/caffe against those written down
 * (NAME.gold), their outputs against OpenCV's (NAME.out, made by tests/oracle/caffe_gold.py),
 * weights in every form a file can have them, and what must be refused.
 */
#define _GNU_SOURCE
#include "tests/unit/tap.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "model/list.h"
#include "model/names.h"
#include "model/network.h"
#include "tests/unit/caffe_make.h"

static const char *src;

/* A file under tests/caffe; NULL where there is none. */
static char *
read_file(const char *name, const char *end, size_t *len)
{
	char path[400], *text;

	(void)snprintf(path, sizeof path, "%s/tests/caffe/%s.%s", src, name, end);
	return det_file_read(&text, len, path, 1 << 20) ? NULL : text;
}

static struct det_caffe *
parse_net(const char *name)
{
	struct det_caffe_params p = { 0 };
	size_t len;
	char *text = read_file(name, "prototxt", &len),
	     *anchors = read_file(name, "anchors", &p.anchors_len);
	struct det_caffe *c = NULL;

	p.anchors = anchors;
	if (!text || det_caffe_parse(&c, text, len, "net.prototxt", &p))
		(void)printf("# %s\n", det_errmsg());
	free(text);
	free(anchors);
	return c;
}

/* All texts, each after a line with its name. */
static void
all_texts(struct det_buf *b, const struct det_caffe *c)
{
	static const char *const names[] = { "meta", "pipeline", "options/det-image",
		"options/det-propose", "options/det-roipool", "options/det-head",
		"options/det-nms", "anchors", "propose", "decode", "net/backbone",
		"net/rpn", "net/head" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (det_caffe_text(c, names[i]) &&
		    det_buf_printf(
			b, "== %s\n%s", names[i], det_caffe_text(c, names[i])))
			abort();
}

static void
check_texts(const char *name)
{
	struct det_caffe *c = parse_net(name);
	struct det_buf b = { 0 };
	char *gold;
	size_t len;

	ok(c != NULL, "%s: parsed", name);
	if (!c)
		return;
	all_texts(&b, c);
	gold = read_file(name, "gold", &len);
	ok(gold && len == b.len && memcmp(gold, b.text, len) == 0, "%s: its texts",
	    name);
	if (!gold || len != b.len || memcmp(gold, b.text, len) != 0)
		(void)printf("# got:\n%s# end\n", b.text);
	free(gold);
	det_buf_free(&b);
	det_caffe_free(c);
}

static int
memory_file(char path[64], const void *data, size_t n)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	(void)snprintf(path, 64, "/proc/self/fd/%d", fd);
	if (fd < 0 || det_write_all(fd, data, n, "test"))
		abort();
	return fd;
}

/* prototxt and weights of that form to a model; NULL and a message on failure. */
static struct det_model *
import(const char *name, int form, int *fd)
{
	struct det_caffe *c = parse_net(name);
	struct det_source s = { 0 };
	struct det_buf file = { 0 }, notes = { 0 }, names = { 0 };
	struct det_classes classes;
	struct det_writer *w = NULL;
	struct det_model *m = NULL;
	char path[64], model[64];
	int from;

	*fd = memory_file(model, "", 0);
	if (!c)
		return NULL;
	make_caffemodel(&file, c, form);
	from = memory_file(path, file.text, file.len);
	if (det_names_make(&classes, det_caffe_classes(c)))
		abort();
	for (size_t i = 0; i < classes.n; i++)
		if (det_buf_printf(&names, "%s\n", classes.name[i]))
			abort();
	if (det_caffe_weights_open(&s, path) || det_caffe_load(c, &s, "w", &notes) ||
	    det_writer_open_fd(&w, *fd, "model") ||
	    det_writer_make(
		w, DET_STREAM, NULL, names.text ? names.text : "", names.len) ||
	    det_caffe_write(w, c) || det_writer_end(w) || det_model_open(&m, model))
		(void)printf("# %s\n", det_errmsg());
	if (notes.len)
		(void)printf("# %s", notes.text);
	det_writer_free(w);
	det_source_close(&s);
	det_classes_release(&classes);
	det_buf_free(&file);
	det_buf_free(&notes);
	det_buf_free(&names);
	det_caffe_free(c);
	(void)close(from);
	return m;
}

/* Compares outputs one after another with the golden ones, relative to their largest. */
static int
compare(const struct det_engine *e, const char *gold, size_t len)
{
	size_t at = 0, n;
	const char *line;
	int good = 1;

	for (size_t i = 0; i < det_engine_outputs(e); i++) {
		struct det_tensor t;
		const char *name = det_engine_output(e, i, &t);
		size_t count = t.dims[0] * t.dims[1] * t.dims[2] * t.dims[3];
		const float *y = t.data;
		double worst = 0, largest = 0;

		if (!det_line_next(&line, &n, gold, len, &at) ||
		    strncmp(line, name, strlen(name)))
			return 0;
		for (size_t k = 0; k < count; k++) {
			double want;

			if (!det_line_next(&line, &n, gold, len, &at))
				return 0;
			want = strtod(line, NULL);
			worst = fmax(worst, fabs(want - (double)y[k]));
			largest = fmax(largest, fabs(want));
		}
		(void)printf("# %s: largest %g, off by %g\n", name, largest, worst);
		good &= worst <= 2e-6 * fmax(1, largest);
	}
	return good && !det_line_next(&line, &n, gold, len, &at);
}

static void
check_outputs(const char *name, int form, const char *how)
{
	struct det_network net = { 0 };
	struct det_tensor in;
	struct det_model *m;
	char *gold;
	size_t len;
	int fd;

	m = import(name, form, &fd);
	ok(m && det_model_check(m) == DET_OK, "%s, %s: a whole model", name, how);
	if (m && !det_network_open(&net, m, "backbone", NULL)) {
		(void)det_net_input(net.net, 0, &in);
		in.dims[0] = 1;
		in.data = calloc(in.dims[1] * in.dims[2] * in.dims[3], sizeof(float));
		make_image(in.data, in.dims[1] * in.dims[2] * in.dims[3]);
		gold = read_file(name, "out", &len);
		ok(gold && !det_engine_run(net.engine, &in) &&
			compare(net.engine, gold, len),
		    "%s, %s: outputs as OpenCV's", name, how);
		free(gold);
		free(in.data);
	}
	det_network_close(&net);
	if (m)
		det_model_close(m);
	(void)close(fd);
}

/* A text that must be refused, with that in the message. */
static void
refuse(enum det_err want, const char *says, const char *text)
{
	struct det_caffe *c = NULL;
	enum det_err e = det_caffe_parse(&c, text, strlen(text), "f", NULL);

	ok(e == want && strstr(det_errmsg(), says), "refused: %s", says);
	if (e != want || !strstr(det_errmsg(), says))
		(void)printf("# %d %s\n", (int)e, e ? det_errmsg() : "accepted");
	if (!e)
		det_caffe_free(c);
}

#define IN                                                                         \
	"layer{name:'d' type:'Input' top:'d' input_param{shape{dim:1 dim:3 dim:8 " \
	"dim:8}}}\n"

static void
test_refusals(void)
{
	refuse(DET_INVALID, "f:2: ':' or '{' expected", "name: 'x'\nlayer");
	refuse(DET_INVALID, "f:1: the string's closing quote", "name: 'x");
	refuse(DET_INVALID, "found the end of the text", "layer { name: 'x'");
	refuse(DET_INVALID, "a field's name expected, found '}'", "}");
	refuse(DET_INVALID, "no layer", "name: 'x'");
	refuse(DET_UNSUPPORTED, "'nmae' is not known", "nmae: 'x' " IN);
	refuse(DET_UNSUPPORTED, "f:2: layer 't' (TanH): the type is not supported",
	    IN "layer{name:'t' type:'TanH' bottom:'d' top:'t'}");
	refuse(DET_UNSUPPORTED, "f:2: layer 'r' (ReLU): 'slope' is not known",
	    IN "layer{name:'r' type:'ReLU' bottom:'d' top:'r' relu_param{slope:1}}");
	refuse(DET_INVALID, "bottom 'x' is no top of a layer before it",
	    IN "layer{name:'r' type:'ReLU' bottom:'x' top:'r'}");
	refuse(DET_UNSUPPORTED, "oldest form (V0)",
	    "layers{layer{name:'c' type:'conv'} bottom:'d' top:'c'}");
	refuse(DET_INVALID, "one 'num_output' expected, found another",
	    IN "layer{name:'c' type:'Convolution' bottom:'d' top:'c'\n"
	       "convolution_param{num_output:3 kernel_size:1 num_output:4}}");
	refuse(DET_INVALID, "num_output and kernel_size expected",
	    IN "layer{name:'c' type:'Convolution' bottom:'d' top:'c'}");
	refuse(DET_INVALID, "f:2: num_output",
	    IN "layer{name:'c' type:'Convolution' bottom:'d' top:'c' "
	       "convolution_param{num_output:0}}");
	refuse(DET_UNSUPPORTED, "operation: SUM expected, found 'MAX'",
	    IN "layer{name:'e' type:'Eltwise' bottom:'d' bottom:'d' top:'e' "
	       "eltwise_param{operation:MAX}}");
	refuse(DET_UNSUPPORTED, "order: 0 2 3 1 expected",
	    IN "layer{name:'p' type:'Permute' bottom:'d' top:'p' "
	       "permute_param{order:0 order:3 order:2 order:1}}");
	refuse(DET_UNSUPPORTED, "a map expected, found a permuted map",
	    IN "layer{name:'p' type:'Permute' bottom:'d' top:'p' "
	       "permute_param{order:0 order:2 order:3 order:1}}"
	       "layer{name:'r' type:'ReLU' bottom:'p' top:'p'}");
	refuse(DET_UNSUPPORTED, "only rpn.proposal_layer.ProposalLayer is known",
	    IN "layer{name:'p' type:'Python' bottom:'d' top:'p' "
	       "python_param{module:'os' layer:'system' param_str:'ls'}}");
	refuse(DET_UNSUPPORTED, "across_spatial: only false",
	    IN "layer{name:'n' type:'Normalize' bottom:'d' top:'n'}");
	refuse(DET_INVALID, "an input of four dims expected",
	    "layer{name:'s' type:'Silence' bottom:'d'}");
	refuse(DET_UNSUPPORTED, "a network with an output expected", IN);
}

static void
refuse_weights(enum det_err want, const char *says, const void *data, size_t n)
{
	struct det_source s;
	char path[64];
	int fd = memory_file(path, data, n);
	enum det_err e = det_caffemodel_open(&s, path);

	ok(e == want && strstr(det_errmsg(), says), "refused: %s", says);
	if (e != want || !strstr(det_errmsg(), says))
		(void)printf("# %d %s\n", (int)e, e ? det_errmsg() : "accepted");
	if (!e)
		det_source_close(&s);
	(void)close(fd);
}

static void
test_bad_weights(void)
{
	refuse_weights(DET_INVALID, "no layer in it", "", 0);
	refuse_weights(DET_CORRUPT, "no caffemodel", "\0\0\0\0", 4);
	refuse_weights(DET_CORRUPT, "a length that passes the end", "\xa2\x06\x09", 3);
	refuse_weights(DET_CORRUPT, "a number above 64 bits",
	    "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x01", 12);
	refuse_weights(DET_CORRUPT, "unknown wire type", "\x0b", 1);
	/* layer { name "a", blobs { shape { dim 2 } data: one float } } */
	refuse_weights(DET_CORRUPT, "a blob with 1 numbers, of which its shape wants 2",
	    "\xa2\x06\x0e\x0a\x01"
	    "a\x3a\x09\x3a\x02\x08\x02\x2d\0\0\0\0",
	    17);
	/* data of five bytes */
	refuse_weights(DET_CORRUPT, "5 bytes are no whole numbers of 4",
	    "\xa2\x06\x09\x3a\x07\x2a\x05\0\0\0\0\0", 12);
	/* blobs { raw_data } */
	refuse_weights(
	    DET_UNSUPPORTED, "fork's raw data", "\xa2\x06\x04\x3a\x02\x60\x01", 7);
	/* layers { layer { } } */
	refuse_weights(DET_UNSUPPORTED, "oldest form (V0)", "\x12\x02\x0a\0", 4);
}

/* What a file lacks, has too much of, or in another shape. */
static void
test_fit(void)
{
	static const char text[] =
	    IN "layer{name:'a/b' type:'Convolution' bottom:'d' top:'c' "
	       "convolution_param{num_output:2 kernel_size:1}}";
	static const char other[] =
	    IN "layer{name:'a/b' type:'Convolution' bottom:'d' top:'c' "
	       "convolution_param{num_output:3 kernel_size:1 bias_term:false}}"
	       "layer{name:'left' type:'Scale' bottom:'c' top:'c'}";
	struct det_caffe *want, *have;
	struct det_buf file = { 0 }, notes = { 0 };
	struct det_source s;
	char path[64];
	int fd;

	if (det_caffe_parse(&want, text, strlen(text), "f", NULL) ||
	    det_caffe_parse(&have, other, strlen(other), "g", NULL))
		abort();
	make_caffemodel(&file, have, MAKE_V2);
	fd = memory_file(path, file.text, file.len);
	ok(!det_caffemodel_open(&s, path), "a file of another network");
	ok(det_caffe_load(want, &s, "w", &notes) == DET_INVALID &&
		strstr(det_errmsg(),
		    "layer 'a/b' (Convolution) wants a weight of 2x3x1x1, "
		    "w has 3x3x1x1"),
	    "a weight of another shape is told: %s", det_errmsg());
	s.t[0].name[0] = 'x';
	ok(det_caffe_load(want, &s, "w", &notes) == DET_INVALID &&
		strstr(det_errmsg(), "w lacks what f wants: a/b.weight, a/b.bias"),
	    "what is missing is told: %s", det_errmsg());
	s.t[0].name[0] = 'a';
	ok(!det_caffe_load(have, &s, "w", &notes) && notes.len == 0,
	    "what fits is taken");
	det_caffe_free(want);
	det_caffe_free(have);
	det_source_close(&s);
	det_buf_free(&file);
	det_buf_free(&notes);
	(void)close(fd);
}

/* Variants of two stages: other scales in a param_str, a fork's layer, Fast R-CNN. */
static void
test_two_stages(void)
{
#define MAP                                                        \
	IN "layer{name:'m' type:'Convolution' bottom:'d' top:'m' " \
	   "convolution_param{num_output:4 kernel_size:1}}"
#define RPN                                                         \
	MAP "layer{name:'s' type:'Convolution' bottom:'m' top:'s' " \
	    "convolution_param{num_output:24 kernel_size:1}}"       \
	    "layer{name:'b' type:'Convolution' bottom:'m' top:'b' " \
	    "convolution_param{num_output:48 kernel_size:1}}"       \
	    "layer{name:'r' type:'Reshape' bottom:'s' top:'r' "     \
	    "reshape_param{shape{dim:0 dim:2 dim:-1 dim:0}}}"       \
	    "layer{name:'p' type:'Softmax' bottom:'r' top:'p'}"     \
	    "layer{name:'q' type:'Reshape' bottom:'p' top:'q' "     \
	    "reshape_param{shape{dim:0 dim:24 dim:-1 dim:0}}}"
#define HEAD                                                                       \
	"layer{name:'pool' type:'ROIPooling' bottom:'m' bottom:'rois' top:'pool' " \
	"roi_pooling_param{pooled_h:2 pooled_w:2 spatial_scale:.125}}"             \
	"layer{name:'cls' type:'InnerProduct' bottom:'pool' top:'cls' "            \
	"inner_product_param{num_output:3}}"                                       \
	"layer{name:'box' type:'InnerProduct' bottom:'pool' top:'box' "            \
	"inner_product_param{num_output:8}}"                                       \
	"layer{name:'prob' type:'Softmax' bottom:'cls' top:'prob'}"
	static const struct {
		const char *what, *text, *name, *has;
	} cases[] = {
		{ "scales in a param_str",
		    RPN
		    "layer{name:'x' type:'Python' bottom:'q' bottom:'b' bottom:'d' "
		    "top:'rois' python_param{module:'rpn.proposal_layer' "
		    "layer:'ProposalLayer' param_str:\"'feat_stride': 8\\n'scales': "
		    "!!python/tuple [4, 8, 16, 32]\"}}" HEAD,
		    "anchors",
		    "grid(m) sizes=64,128,256,512 ratios=0.5,1,2 round=base base=16 "
		    "stride=8\n" },
		{ "a Proposal layer",
		    RPN
		    "layer{name:'x' type:'Proposal' bottom:'q' bottom:'b' bottom:'d' "
		    "top:'rois' proposal_param{feat_stride:8 scale:4 scale:8 "
		    "ratio:.5 ratio:1 ratio:1.5 ratio:2 ratio:3 ratio:4 "
		    "post_nms_topn:100}}" HEAD,
		    "options/det-propose",
		    "pre-nms=6000\npost-nms=100\niou=0.7\nge=1\nplus-one=1\n" },
		{ "Fast R-CNN, agnostic deltas",
		    "input:'rois' input_shape{dim:1 dim:5}" MAP HEAD, "decode",
		    "rcnn(cls, box) boxes=proposals classes=2 background=first "
		    "score=softmax agnostic weights=1,1,1,1 clamp=none plus_one "
		    "unscaled clip=inclusive\n" },
		{ "Fast R-CNN has no pipe",
		    "input:'rois' input_shape{dim:1 dim:5}" MAP HEAD, "pipeline",
		    NULL },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_caffe *c = NULL;
		const char *text = cases[i].text, *got = NULL;
		enum det_err e = det_caffe_parse(&c, text, strlen(text), "f", NULL);

		if (!e)
			got = det_caffe_text(c, cases[i].name);
		ok(!e && (got && cases[i].has ? strcmp(got, cases[i].has) == 0
					      : !got && !cases[i].has),
		    "%s", cases[i].what);
		if (e || (got && !cases[i].has))
			(void)printf("# %s\n", e ? det_errmsg() : got);
		if (!e)
			det_caffe_free(c);
	}
}

int
main(void)
{
	static const char *const nets[] = { "layers", "v1", "ssd", "rows", "rcnn" };

	src = getenv("DET_SRC");
	if (!src)
		src = ".";
	for (size_t i = 0; i < sizeof nets / sizeof *nets; i++)
		check_texts(nets[i]);
	check_outputs("layers", MAKE_V2, "V2");
	check_outputs("layers", MAKE_V2 | MAKE_UNPACKED, "numbers one by one");
	check_outputs("layers", MAKE_V2 | MAKE_DOUBLE, "doubles");
	check_outputs("layers", MAKE_OLD_DIMS, "old dims");
	check_outputs("v1", MAKE_V1, "V1");
	check_outputs("ssd", MAKE_V2, "V2");
	check_outputs("rows", MAKE_V2, "V2");
	test_two_stages();
	test_refusals();
	test_bad_weights();
	test_fit();
	return done();
}
