/* SPDX-License-Identifier: MIT
 *
 * The Darknet importer on small cfgs whose network text, shapes and file layout are worked
 * out by hand from Darknet's rules. Parity with Darknet itself: tests/oracle/darknet.sh.
 */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "model/darknet.h"
#include "model/list.h"
#include "model/model.h"
#include "tests/unit/tap.h"

#define NET "[net]\nwidth=8\nheight=4\nchannels=3\n"

static const struct det_darknet_params defaults = DET_DARKNET_DEFAULTS;

static struct det_darknet *
parse_with(const char *cfg, const struct det_darknet_params *p)
{
	struct det_darknet *d;

	return det_darknet_parse(&d, cfg, strlen(cfg), "t.cfg", p) ? NULL : d;
}

/* Writes d to `path` as a model and opens that; NULL with det_errmsg on failure. */
static struct det_model *
model_of(const struct det_darknet *d, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct det_classes c = { 0 };
	struct det_buf names = { 0 };
	struct det_writer *w = NULL;
	struct det_model *m = NULL;

	if (fd < 0 || det_darknet_names(&c, d, NULL, 0, "") ||
	    det_buf_add(&names, "", 0))
		abort();
	for (size_t i = 0; i < c.n; i++)
		if (det_buf_printf(&names, "%s\n", c.name[i]))
			abort();
	if (!det_writer_open_fd(&w, fd, path) &&
	    !det_writer_make(w, DET_STREAM, NULL, names.text, names.len) &&
	    !det_darknet_write(w, d) && !det_writer_end(w) && det_model_open(&m, path))
		m = NULL;
	det_writer_free(w);
	det_classes_release(&c);
	det_buf_free(&names);
	(void)close(fd);
	return m;
}

static char *
text_of(const struct det_model *m, const char *name)
{
	const char *text;
	size_t n;
	char *copy;

	det_model_text(m, name, &text, &n);
	if (!text)
		return NULL;
	copy = malloc(n + 1);
	if (!copy)
		abort();
	memcpy(copy, text, n);
	copy[n] = 0;
	return copy;
}

static void
same_text(const struct det_model *m, const char *name, const char *want)
{
	char *got = m ? text_of(m, name) : NULL;
	int same = got && strcmp(got, want) == 0;

	ok(same, "%s", name);
	if (!same)
		(void)printf(
		    "# got:\n%s\n# wanted:\n%s\n", got ? got : det_errmsg(), want);
	free(got);
}

/* A seeded model of cfg, checked as a whole; its texts against what is expected. */
static void
texts(const char *what, const char *cfg, const char *net, const char *decode)
{
	struct det_darknet *d = parse_with(cfg, &defaults);
	struct det_model *m = NULL;

	if (d) {
		det_darknet_seed(d, 1);
		m = model_of(d, "d.det");
	}
	ok(m && det_model_check(m) == DET_OK, "%s%s%s", what, m && d ? "" : ": ",
	    m && d ? "" : det_errmsg());
	same_text(m, "net/backbone", net);
	if (decode)
		same_text(m, "decode", decode);
	det_model_close(m);
	det_darknet_free(d);
}

static void
layers(void)
{
	texts("convolutions: pad is size/2, padding without it, defaults",
	    NET "[convolutional]\nfilters=6\nsize=3\nstride=2\npad=1\n"
		"batch_normalize=1\nactivation=leaky\n"
		"[conv]\nfilters=4\nsize=3\npadding=2\ngroups=2\nactivation=linear\n"
		"[convolutional]\n",
	    "net backbone\ninput image 3 4 8\n"
	    "conv0 = conv(image) out=6 k=3 stride=2 pad=1 bn=darknet act=leaky\n"
	    "conv1 = conv(conv0) out=4 k=3 pad=2 groups=2\n"
	    "conv2 = conv(conv1) out=1 act=sigmoid\n"
	    "output features=conv2\n",
	    NULL);
	texts("pools",
	    NET "[maxpool]\nsize=2\nstride=2\n[maxpool]\nsize=3\nstride=1\n"
		"[maxpool]\nstride=2\npadding=0\n",
	    "net backbone\ninput image 3 4 8\n"
	    "pool0 = maxpool(image) k=2 stride=2 pad=1 round=darknet\n"
	    "pool1 = maxpool(pool0) k=3 pad=2 round=darknet\n"
	    "pool2 = maxpool(pool1) k=2 stride=2 round=darknet\n"
	    "output features=pool2\n",
	    NULL);
}

/* Layers that join others, and those that only count. */
static void
joins(void)
{
	texts("shortcut over a dropout, of equal and of other shape",
	    NET "[convolutional]\nfilters=4\nactivation=relu\n[dropout]\n"
		"probability=.25\n[convolutional]\nfilters=4\nactivation=mish\n"
		"[shortcut]\nfrom=-3\nactivation=leaky\n"
		"[convolutional]\nfilters=8\nstride=2\nactivation=swish\n"
		"[shortcut]\nfrom=0\n",
	    "net backbone\ninput image 3 4 8\n"
	    "conv0 = conv(image) out=4 act=relu\n"
	    "drop1 = dropout(conv0) p=0.25\n"
	    "conv2 = conv(drop1) out=4 act=mish\n"
	    "add3 = add(conv2, conv0) act=leaky\n"
	    "conv4 = conv(add3) out=8 stride=2 act=silu\n"
	    "add5 = add(conv4, conv0) darknet\n"
	    "output features=add5\n",
	    NULL);
	texts("route of parts",
	    NET "[convolutional]\nfilters=4\nactivation=linear\n"
		"[route]\nlayers=-1\ngroups=2\ngroup_id=1\n",
	    "net backbone\ninput image 3 4 8\nconv0 = conv(image) out=4\n"
	    "part1.0 = slice(conv0) groups=2 group=1\nroute1 = concat(part1.0)\n"
	    "output features=route1\n",
	    NULL);
	texts("upsample, reorg, route, avgpool",
	    NET "[convolutional]\nfilters=4\nactivation=linear\n[reorg]\nstride=2\n"
		"[route]\nlayers=0\n[maxpool]\nsize=2\nstride=2\n[route]\n"
		"layers = -1, 1 \n[upsample]\nstride=3\nscale=.5\n[avgpool]\n",
	    "net backbone\ninput image 3 4 8\nconv0 = conv(image) out=4\n"
	    "reorg1 = reorg(conv0) stride=2 order=darknet\nroute2 = concat(conv0)\n"
	    "pool3 = maxpool(route2) k=2 stride=2 pad=1 round=darknet\n"
	    "route4 = concat(pool3, reorg1)\nup5 = upsample(route4) scale=3 gain=0.5\n"
	    "avg6 = avgpool(up5) global\noutput features=avg6\n",
	    NULL);
	texts("the fork's batch norm, dilation and two strides",
	    NET "[convolutional]\nfilters=2\nsize=3\npad=1\ndilation=2\n"
		"batch_normalize=1\nactivation=relu6\n"
		"[convolutional]\nfilters=2\nstride_x=2\nstride_y=1\n"
		"activation=linear\n",
	    "net backbone\ninput image 3 4 8\n"
	    "conv0 = conv(image) out=2 k=3 pad=2 dilate=2 bn act=relu6\n"
	    "conv1 = conv(conv0) out=2 stride=1,2\noutput features=conv1\n",
	    NULL);
}

static void
heads(void)
{
	texts("yolo: masked anchors, blanks, CR LF, comments",
	    "# a comment\r\n[ net ]\r\nwidth = 8\r\nheight=4\r\nchannels=3\r\n; "
	    "more\r\n"
	    "[convolutional]\r\nfilters=14\r\nactivation=linear # so\r\n"
	    "[yolo]\r\nmask = 2,0\r\nanchors = 1,2,  3.5,4, "
	    "5,6\r\nclasses=2\r\nnum=3\r\n"
	    "[route]\r\nlayers=-2\r\n"
	    "[convolutional]\r\nfilters=7\r\nactivation=linear\r\n"
	    "[yolo]\r\nmask=1\r\nanchors=1,2,3.5,4,5,6\r\nclasses=2\r\nnum=3\r\n"
	    "scale_x_y = 1.05\r\n",
	    "net backbone\ninput image 3 4 8\nconv0 = conv(image) out=14\n"
	    "route2 = concat(conv0)\nconv3 = conv(route2) out=7\n"
	    "output y1=conv0\noutput y4=conv3\n",
	    "yolo3(y1) anchors=5,6,1,2 classes=2 net=8x4 scale_xy=1\n"
	    "yolo3(y4) anchors=3.5,4 classes=2 net=8x4 scale_xy=1.05\n");
	texts("region",
	    NET
	    "[convolutional]\nfilters=14\nactivation=linear\n"
	    "[region]\nanchors=1,2, .5,1.25\nclasses=2\ncoords=4\nnum=2\nsoftmax=1\n",
	    "net backbone\ninput image 3 4 8\nconv0 = conv(image) out=14\n"
	    "output y1=conv0\n",
	    "region(y1) anchors=1,2,0.5,1.25 classes=2 coords=4 softmax=1 background=0 "
	    "net=8x4\n");
	texts("detection after local, dropout and connected",
	    NET "[local]\nfilters=2\nsize=3\npad=1\nactivation=leaky\n[dropout]\n"
		"[connected]\noutput=52\nactivation=linear\n"
		"[detection]\nclasses=3\ncoords=4\nside=2\nnum=2\nsqrt=1\n",
	    "net backbone\ninput image 3 4 8\n"
	    "local0 = local(image) out=2 k=3 pad=1 act=leaky\n"
	    "drop1 = dropout(local0) p=0.5\nfc2 = fc(drop1) out=52\noutput y3=fc2\n",
	    "detection(y3) side=2 num=2 classes=3 coords=4 sqrt=1 softmax=0 net=8x4\n");
	texts("a classifier, with crop and cost",
	    NET "[crop]\ncrop_width=6\ncrop_height=4\n[connected]\noutput=5\n"
		"batch_normalize=1\nactivation=linear\n[softmax]\ntemperature=2\n"
		"[cost]\ntype=sse\n",
	    "net backbone\ninput image 3 4 8\ncrop0 = crop(image) h=4 w=6 gain=2 "
	    "shift=-1\n"
	    "fc1 = fc(crop0) out=5 bn=darknet\nsoftmax2 = softmax(fc1) over=all "
	    "temp=2\n"
	    "output prob=softmax2\n",
	    "classes(prob) classes=5 top=5 net=8x4\n");
	texts("norms and plain activations",
	    NET
	    "[batchnorm]\n[normalization]\nsize=3\nalpha=.5\n[l2norm]\n[activation]\n"
	    "activation=relu\n[logistic]\n",
	    "net backbone\ninput image 3 4 8\nbn0 = bn(image) form=darknet\n"
	    "lrn1 = lrn(bn0) size=3 alpha=0.5 beta=0.75 k=1 form=darknet\n"
	    "l2norm2 = l2norm(lrn1) affine=0 eps=0\nact3 = act(l2norm2) act=relu\n"
	    "logistic4 = sigmoid(act3)\noutput prob=logistic4\n",
	    "classes(prob) classes=96 top=5 net=8x4\n");
}

static void
options(void)
{
	static const struct {
		const char *cfg, *image;
		enum det_darknet_fit fit;
	} cases[] = {
		{ NET "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nanchors=1,2\n",
		    "size=8x4\nfit=letterbox\nkernel=darknet\n", DET_DARKNET_FIT_AUTO },
		{ NET "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nanchors=1,2\n"
		      "iou_loss=ciou\n",
		    "size=8x4\nfit=stretch\nkernel=darknet\n", DET_DARKNET_FIT_AUTO },
		{ NET "letter_box=1\n[convolutional]\nfilters=7\n[yolo]\nclasses=2\n"
		      "anchors=1,2\n",
		    "size=8x4\nfit=letterbox\nkernel=darknet\n", DET_DARKNET_FIT_AUTO },
		{ NET "[connected]\noutput=7\n[detection]\nclasses=2\nside=1\n"
		      "coords=4\n",
		    "size=8x4\nfit=stretch\nkernel=darknet\n", DET_DARKNET_FIT_AUTO },
		{ NET "[connected]\noutput=7\n[detection]\nclasses=2\nside=1\n"
		      "coords=4\n",
		    "size=8x4\nfit=letterbox\nkernel=darknet\n",
		    DET_DARKNET_FIT_LETTERBOX },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_darknet_params p = DET_DARKNET_DEFAULTS;
		struct det_darknet *d;
		struct det_model *m = NULL;

		p.fit = cases[i].fit;
		d = parse_with(cases[i].cfg, &p);
		if (d) {
			det_darknet_seed(d, 1);
			m = model_of(d, "d.det");
		}
		same_text(m, "options/det-image", cases[i].image);
		det_model_close(m);
		det_darknet_free(d);
	}
}

static void
mistakes(void)
{
	static const struct {
		enum det_err e;
		const char *cfg, *says;
	} cases[] = {
		{ DET_INVALID, "", "[net] section expected first, found nothing" },
		{ DET_INVALID, "[convolutional]\n", "found convolutional" },
		{ DET_INVALID, "width=3\n", "t.cfg:1: a [net] section expected first" },
		{ DET_INVALID, "hello\n", "t.cfg:1: '[section]' or 'key = value'" },
		{ DET_INVALID, "[net]\nwidth=8\nheight=4\n",
		    "width, height and channels" },
		{ DET_INVALID, NET, "no layer after [net]" },
		{ DET_INVALID, NET "[convolutional\n",
		    "t.cfg:5: '[section]' expected" },
		{ DET_INVALID, NET "[conwolutional]\n",
		    "t.cfg:5: unknown section [conwolutional]" },
		{ DET_UNSUPPORTED, NET "[gru]\n",
		    "t.cfg:5: no support for section [gru]" },
		{ DET_INVALID, NET "[maxpool]\nfilters=3\n",
		    "t.cfg:6: unknown key 'filters' in [maxpool]" },
		{ DET_UNSUPPORTED, NET "[convolutional]\nxnor=1\n",
		    "t.cfg:6: 'xnor = 1' in [convolutional] is not supported" },
		{ DET_INVALID, NET "[convolutional]\nfilters=3x\n",
		    "t.cfg:6: filters: " },
		{ DET_INVALID, NET "[convolutional]\nfilters=0\n",
		    "t.cfg:6: filters: " },
		{ DET_UNSUPPORTED, NET "[convolutional]\nactivation=elu\n",
		    "t.cfg:6: activation 'elu'" },
		{ DET_INVALID, NET "[convolutional]\nsize=9\n",
		    "t.cfg:5: [convolutional] (layer 0): nothing is left of an input "
		    "of "
		    "3x4x8" },
		{ DET_INVALID, NET "[convolutional]\ngroups=2\nfilters=2\n",
		    "groups=2 does not divide 3 input" },
		{ DET_INVALID, NET "[route]\nlayers=-1\n", "no such layer before it" },
		{ DET_INVALID, NET "[avgpool]\n[route]\nlayers=1\n",
		    "no such layer before it" },
		{ DET_INVALID, NET "[avgpool]\n[route]\n", "layers= with" },
		{ DET_INVALID, NET "[avgpool]\n[route]\nlayers=0,x\n",
		    "t.cfg:7: layers" },
		{ DET_INVALID,
		    NET
		    "[maxpool]\nstride=2\n[maxpool]\nstride=2\n[route]\nlayers=0,1\n",
		    "can't be joined" },
		{ DET_INVALID, NET "[shortcut]\nfrom=-3\n", "no such layer before it" },
		{ DET_INVALID,
		    NET
		    "[avgpool]\n[route]\nlayers=0\n[upsample]\nstride=2\n"
		    "[maxpool]\nsize=2\n[upsample]\nstride=2\n[upsample]\nstride=2\n"
		    "[shortcut]\nfrom=-1\n[crop]\ncrop_width=3\ncrop_height=8\n"
		    "[shortcut]\nfrom=2\n",
		    "maps of 3x8 and 2x2 can't be added" },
		{ DET_INVALID, NET "[reorg]\nstride=3\n", "stride=3 does not divide" },
		{ DET_INVALID, NET "[crop]\ncrop_width=9\ncrop_height=2\n",
		    "9x2 does not fit into 8x4" },
		{ DET_INVALID, NET "[yolo]\nclasses=1\n", "as the first layer" },
		{ DET_INVALID,
		    NET "[convolutional]\nfilters=8\n[yolo]\nclasses=2\nanchors=1,2\n",
		    "takes 7 channels, 1 anchors x (5 + 2 classes); layer 0 gives 8" },
		{ DET_INVALID,
		    NET "[convolutional]\nfilters=14\n[yolo]\nclasses=2\nnum=2\n"
			"anchors=1,2,3\n",
		    "4 numbers in anchors= expected, found 3" },
		{ DET_INVALID,
		    NET "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nanchors=1,2\n"
			"mask=1\n",
		    "t.cfg:10: mask 1: one of the 1 anchors" },
		{ DET_UNSUPPORTED,
		    NET "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nanchors=1,2\n"
			"[avgpool]\n",
		    "a [route] expected after [yolo]" },
		{ DET_UNSUPPORTED,
		    NET "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nanchors=1,2\n"
			"[route]\nlayers=-1\n",
		    "whose output nothing else can take" },
		{ DET_UNSUPPORTED,
		    NET "[convolutional]\nfilters=7\n[region]\nclasses=2\nanchors=1,2\n"
			"tree=9k.tree\n",
		    "'tree = 9k.tree' in [region] is not supported" },
		{ DET_INVALID,
		    NET "[connected]\noutput=9\n[detection]\nclasses=2\n"
			"coords=4\nside=1\n",
		    "takes 7 numbers" },
		{ DET_INVALID, NET "[net]\n", "only the first section can be [net]" },
		{ DET_INVALID, "\x89PNG\r\n",
		    "a Darknet cfg expected, found byte 0x89" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_darknet *d;
		enum det_err e = det_darknet_parse(
		    &d, cases[i].cfg, strlen(cases[i].cfg), "t.cfg", &defaults);

		ok(e == cases[i].e && strstr(det_errmsg(), cases[i].says),
		    "refused: %s", e ? det_errmsg() : "not at all");
		det_darknet_free(d);
	}
}

static void
notes(void)
{
	struct det_darknet_params p = DET_DARKNET_DEFAULTS;
	struct det_darknet *d;

	p.ignore_unknown = 1;
	d = parse_with(NET "[convolutional]\nfilters=2\nfilters=3\nfoo=1\n", &p);
	ok(d && strstr(det_darknet_notes(d), "t.cfg:7: 'filters' a second time") &&
		strstr(det_darknet_notes(d), "t.cfg:8: unknown key 'foo'"),
	    "repeated and ignored keys are noted");
	det_darknet_free(d);
	d = parse_with(NET "burn_in=7\n[convolutional]\nlearning_rate=3\n", &defaults);
	ok(d && !*det_darknet_notes(d), "keys of training are passed over in silence");
	det_darknet_free(d);
}

/* A cfg with every kind of weight, and what its file is to hold. */
static const char weighty[] =
    NET "[convolutional]\nfilters=2\nsize=1\nbatch_normalize=1\nactivation=linear\n"
	"[connected]\noutput=3\nactivation=linear\n"
	"[connected]\noutput=2\nbatch_normalize=1\nactivation=linear\n";
/* bias scale mean var weights | bias weights | bias weights scale mean var */
#define FLOATS (2 + 2 + 2 + 2 + 2 * 3 + 3 + 3 * 64 + 2 + 2 * 3 + 2 + 2 + 2)

static void
put_file(const char *path, const unsigned char *head, size_t n_head, const float *v,
    size_t n)
{
	FILE *f;

	(void)unlink(path);
	f = fopen(path, "wb");
	if (!f || fwrite(head, 1, n_head, f) != n_head ||
	    fwrite(v, sizeof *v, n, f) != n || fclose(f))
		abort();
}

static struct det_darknet *
load(const char *cfg, const char *path, enum det_err *e)
{
	struct det_darknet *d = parse_with(cfg, &defaults);

	if (!d)
		abort();
	*e = det_darknet_load(d, path);
	return d;
}

/* First value of a tensor, and the one after it. */
static int
begins(const struct det_model *m, const char *name, float a, float b)
{
	struct det_tensor t;
	const float *v;

	if (det_model_tensor(m, name, &t))
		return 0;
	v = t.data;
	return fabsf(v[0] - a) < 1e-6f && fabsf(v[1] - b) < 1e-6f;
}

static void
headers(void)
{
	static const struct {
		unsigned char head[20];
		size_t n;
		const char *what, *note;
	} cases[] = {
		{ { 0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 7 }, 20,
		    "20 bytes, version 0.2", NULL },
		{ { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7 }, 16,
		    "16 bytes, version 0.1", NULL },
		{ { 0, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 7 }, 16,
		    "16 bytes that say 0.2, as a 32-bit Darknet wrote",
		    "a header of 16 bytes, its version asks for 20" },
		{ { 0 }, 0, "no header", "a header of 0 bytes" },
	};
	float v[FLOATS];

	for (size_t i = 0; i < FLOATS; i++)
		v[i] = (float)i + 1;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_darknet *d;
		struct det_model *m;
		enum det_err e;

		put_file("w.weights", cases[i].head, cases[i].n, v, FLOATS);
		d = load(weighty, "w.weights", &e);
		m = e ? NULL : model_of(d, "d.det");
		ok(m && begins(m, "backbone/conv0.bn.bias", 1, 2) &&
			begins(m, "backbone/conv0.bn.weight", 3, 4) &&
			begins(m, "backbone/conv0.bn.mean", 5, 6) &&
			begins(m, "backbone/conv0.bn.var", 7, 8) &&
			begins(m, "backbone/conv0.weight", 9, 10) &&
			begins(m, "backbone/fc1.bias", 15, 16) &&
			begins(m, "backbone/fc1.weight", 18, 19) &&
			begins(m, "backbone/fc2.bn.bias", 210, 211) &&
			begins(m, "backbone/fc2.weight", 212, 213) &&
			begins(m, "backbone/fc2.bn.weight", 218, 219) &&
			begins(m, "backbone/fc2.bn.mean", 220, 221) &&
			begins(m, "backbone/fc2.bn.var", 222, 223),
		    "weights are where they belong: %s", cases[i].what);
		ok(cases[i].note ? strstr(det_darknet_notes(d), cases[i].note) != NULL
				 : !*det_darknet_notes(d),
		    "and it is %s",
		    cases[i].note ? "remarked on" : "nothing to remark on");
		det_model_close(m);
		det_darknet_free(d);
	}
}

static void
misfits(void)
{
	static const unsigned char head[20] = { [4] = 2, [8] = 5 };
	float v[FLOATS + 1] = { 0 };
	struct det_darknet *d;
	struct det_model *m;
	enum det_err e;
	size_t wrong = 0;

	for (size_t n = 0; n <= FLOATS + 1; n++) {
		/* those that are whole under another header are rightly taken */
		if (n == FLOATS || n + 1 == FLOATS || n + 5 == FLOATS)
			continue;
		put_file("w.weights", head, sizeof head, v, n);
		d = load(weighty, "w.weights", &e);
		wrong += e != DET_INVALID || !strstr(det_errmsg(), "w.weights");
		det_darknet_free(d);
	}
	ok(wrong == 0, "files of any other length are refused");
	put_file("w.weights", head, sizeof head, v, FLOATS + 1);
	d = load(weighty, "w.weights", &e);
	ok(e && strstr(det_errmsg(), "4 bytes left after the last layer"),
	    "too long: %s", det_errmsg());
	det_darknet_free(d);
	put_file("w.weights", head, sizeof head, v, 100);
	d = load(weighty, "w.weights", &e);
	ok(e && strstr(det_errmsg(),
		    "492 bytes missing; it ends in the weights of layer 1"),
	    "too short: %s", det_errmsg());
	det_darknet_free(d);
	put_file("w.weights", head, 7, v, 0);
	d = load(weighty, "w.weights", &e);
	ok(e && strstr(det_errmsg(), "found 7 bytes"), "hardly a file: %s",
	    det_errmsg());
	det_darknet_free(d);
	v[4] = strtof("nan", NULL);
	put_file("w.weights", head, sizeof head, v, FLOATS);
	d = load(weighty, "w.weights", &e);
	m = model_of(d, "d.det");
	ok(!e && !m && strstr(det_errmsg(), "layer 0") &&
		strstr(det_errmsg(), "bn.mean'): number 0 is not finite"),
	    "a NaN: %s", det_errmsg());
	det_model_close(m);
	det_darknet_free(d);
}

/* major above 1000: connected weights lie the other way round; and a flipped kernel. */
static void
transposed(void)
{
	static const char cfg[] =
	    NET "[convolutional]\nfilters=2\nsize=1\nflipped=1\nactivation=linear\n"
		"[avgpool]\n[connected]\noutput=3\nactivation=linear\n";
	unsigned char head[16] = { 0 };
	float v[2 + 6 + 3 + 6];
	struct det_darknet *d;
	struct det_model *m;
	enum det_err e;

	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		v[i] = (float)i;
	det_put32(head, 1001);
	put_file("w.weights", head, sizeof head, v, sizeof v / sizeof *v);
	d = load(cfg, "w.weights", &e);
	m = e ? NULL : model_of(d, "d.det");
	ok(m && begins(m, "backbone/conv0.weight", 2, 4), "flipped kernels are turned");
	ok(m && begins(m, "backbone/fc2.weight", 11, 14),
	    "and so are connected weights of old versions");
	det_model_close(m);
	det_darknet_free(d);
}

/* Random weights written as a .weights file and read again are the same model. */
static void
round_trip(void)
{
	struct det_darknet *d = parse_with(weighty, &defaults), *r;
	int fd = open("w.weights", O_WRONLY | O_CREAT | O_TRUNC, 0600), same = 1;
	struct det_model *a, *b;
	struct det_record x, y;
	enum det_err e;

	if (!d || fd < 0)
		abort();
	det_darknet_seed(d, 5);
	e = det_darknet_write_weights(fd, d, "w.weights");
	(void)close(fd);
	ok(!e, "weights are written");
	r = load(weighty, "w.weights", &e);
	a = model_of(d, "a.det");
	b = e ? NULL : model_of(r, "b.det");
	for (size_t i = 0; a && b && det_model_record(a, i, &x); i++)
		if (x.kind == DET_TENSOR)
			same &= det_model_record(b, i, &y) && x.size == y.size &&
				!memcmp(x.tensor.data, y.tensor.data, x.size);
	ok(a && b && same, "and read again they are the same");
	det_model_close(a);
	det_model_close(b);
	det_darknet_free(d);
	det_darknet_free(r);
}

static void
seeded(void)
{
	static const char cfg[] = NET
	    "[convolutional]\nfilters=64\nsize=3\nbatch_normalize=1\nactivation=leaky\n"
	    "[convolutional]\nfilters=64\nbatch_normalize=1\nactivation=linear\n"
	    "[shortcut]\nfrom=-2\n"
	    "[convolutional]\nfilters=14\nactivation=linear\n"
	    "[yolo]\nclasses=2\nanchors=1,2,3,4\nnum=2\n";
	struct det_model *m[3];
	struct det_tensor t;
	double v = 0, scale = 0;
	int low = 0;
	const float *x;

	for (int i = 0; i < 3; i++) {
		struct det_darknet *d = parse_with(cfg, &defaults);
		char path[] = "s0.det";

		if (!d)
			abort();
		path[1] = (char)('0' + i);
		det_darknet_seed(d, i == 2 ? 6 : 5);
		m[i] = model_of(d, path);
		det_darknet_free(d);
		if (!m[i])
			abort();
	}
	ok(!strcmp(det_model_digest(m[0]), det_model_digest(m[1])),
	    "a seed is a model");
	ok(strcmp(det_model_digest(m[0]), det_model_digest(m[2])) != 0,
	    "another another");
	if (det_model_tensor(m[0], "backbone/conv0.weight", &t))
		abort();
	x = t.data;
	for (size_t i = 0; i < 64 * 27; i++)
		v += (double)x[i] * (double)x[i] / (64 * 27);
	ok(fabs(v * 27 / 2 - 1) < .15, "kernels have variance 2 / fan-in (%.3f of it)",
	    v * 27 / 2);
	if (det_model_tensor(m[0], "backbone/conv0.bn.var", &t))
		abort();
	x = t.data;
	for (size_t i = 0; i < 64; i++)
		low += !(x[i] > .5f);
	ok(low == 0, "variances are positive");
	if (det_model_tensor(m[0], "backbone/conv1.bn.weight", &t))
		abort();
	for (size_t i = 0; i < 64; i++)
		scale += (double)((const float *)t.data)[i] / 64;
	ok(scale > .15 && scale < .25, "what is added to another is damped (%.2f)",
	    scale);
	if (det_model_tensor(m[0], "backbone/conv3.bias", &t))
		abort();
	x = t.data;
	ok(x[4] == -3 && x[11] == -3 && x[0] == 0 && x[5] == 0,
	    "objectness is biased down, nothing else");
	for (int i = 0; i < 3; i++)
		det_model_close(m[i]);
}

static void
names(void)
{
	struct det_darknet *d = parse_with(NET
	    "[convolutional]\nfilters=7\n[yolo]\nclasses=2\nanchors=1,2\n",
	    &defaults);
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "cat\n", "n.names: 1 names, but t.cfg has 2 classes" },
		{ "cat\ndog\nbird\n", "n.names: 3 names" },
		{ "cat\n\ndog\n", "n.names:2: an empty line" },
		{ "cat\nd\x01g\n", "n.names:2: a class name expected, found byte 0x1" },
		{ "", "n.names: 0 names" },
		{ "cat\nd\tog\n", "n.names:2: the class's number after the tab" },
		{ "cat\t-3\ndog\n", "n.names:1: the class's number after the tab" },
	};
	struct det_classes c;
	const char *numbered = "cat\t17\r\ndog\t18\n";
	const char *good = " cat \r\npotted plant\r\n\r\n\n";

	ok(det_darknet_classes(d) == 2, "classes are counted");
	ok(!det_darknet_names(&c, d, good, strlen(good), "n.names") && c.n == 2 &&
		!strcmp(c.name[0], "cat") && !strcmp(c.name[1], "potted plant"),
	    "names: CR LF, blanks around them and empty lines at the end");
	det_classes_release(&c);
	ok(!det_darknet_names(&c, d, numbered, strlen(numbered), "n.names") &&
		c.n == 2 && !strcmp(c.name[0], "cat") && c.source[0] == 17 &&
		!strcmp(c.name[1], "dog") && c.source[1] == 18,
	    "names: numbers of the data set after a tab");
	det_classes_release(&c);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(det_darknet_names(&c, d, bad[i].text, strlen(bad[i].text),
		       "n.names") == DET_INVALID &&
			strstr(det_errmsg(), bad[i].says),
		    "refused: %s", det_errmsg());
	det_darknet_free(d);
}

int
main(void)
{
	layers();
	joins();
	heads();
	options();
	mistakes();
	notes();
	headers();
	misfits();
	transposed();
	round_trip();
	seeded();
	names();
	for (const char *const *f = (const char *const[]){ "d.det", "w.weights",
		 "a.det", "b.det", "s0.det", "s1.det", "s2.det", NULL };
	     *f; f++)
		(void)unlink(*f);
	return done();
}
