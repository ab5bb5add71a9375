/* SPDX-License-Identifier: MIT
 *
 * The network text: values, blocks, errors with their lines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/graph.h"
#include "tests/unit/tap.h"

static struct det_net *
parse(const char *text)
{
	struct det_net *net = NULL;

	return det_net_parse(&net, text, strlen(text), "t.net") ? NULL : net;
}

/* The text is refused and the message has both parts. */
static void
refused(const char *text, const char *where, const char *what)
{
	struct det_net *net = NULL;
	enum det_err e = det_net_parse(&net, text, strlen(text), "t.net");

	ok(e != DET_OK && !strncmp(det_errmsg(), where, strlen(where)) &&
		strstr(det_errmsg(), what),
	    "refused: %s", e ? det_errmsg() : "NOTHING");
	det_net_free(net);
}

/* Shape of a layer as text, by full name. */
static const char *
shape(const struct det_net *net, const char *name)
{
	static char buf[96];
	struct det_tensor t = { .dtype = DET_F32, .rank = 4 };
	size_t n;

	if (!net || !det_net_find(net, &n, name))
		return "none";
	memcpy(t.dims, net->node[n].dims, sizeof net->node[n].dims);
	return det_shape_text(buf, sizeof buf, &t);
}

static void
test_text(void)
{
	struct det_net *net =
	    parse("# a comment\r\n\r\nnet backbone # here too\n"
		  "input image 3 32 64\n"
		  "  c0=conv( image )out=8 k=3 stride=2 pad=1 bn=darknet act=leaky\n"
		  "p1 = maxpool( c0 ) k=2 stride=2\n"
		  "u2 = upsample(p1)\n"
		  "r3 = concat(c0 , u2)\n"
		  "output r3 small=p1");
	struct det_tensor t;

	ok(net != NULL, "a text with CR LF, comments, spaces, no last newline: %s",
	    net ? "" : det_errmsg());
	if (!net)
		return;
	ok(!strcmp(det_net_name(net), "backbone"), "its name");
	ok(det_net_inputs(net) == 1 && !strcmp(det_net_input(net, 0, &t), "image") &&
		t.rank == 4 && t.dims[0] == 0 && t.dims[1] == 3 && t.dims[2] == 32 &&
		t.dims[3] == 64,
	    "its input");
	ok(det_net_input(net, 1, NULL) == NULL, "and no other");
	ok(det_net_outputs(net) == 2 && !strcmp(det_net_output(net, 0), "r3") &&
		!strcmp(det_net_output(net, 1), "small") && !det_net_output(net, 2),
	    "its outputs");
	ok(!strcmp(shape(net, "c0"), "0x8x16x32"), "c0 is %s", shape(net, "c0"));
	ok(!strcmp(shape(net, "p1"), "0x8x8x16"), "p1 is %s", shape(net, "p1"));
	ok(!strcmp(shape(net, "r3"), "0x16x16x32"), "r3 is %s", shape(net, "r3"));
	ok(!strcmp(det_net_weight(net, 0, &t), "backbone/c0.weight") && t.rank == 4 &&
		t.dims[0] == 8 && t.dims[1] == 3 && t.dims[2] == 3 && t.dims[3] == 3,
	    "the first weight");
	ok(!strcmp(det_net_weight(net, 1, &t), "backbone/c0.bn.weight") &&
		!strcmp(det_net_weight(net, 4, &t), "backbone/c0.bn.var") &&
		!det_net_weight(net, 5, NULL),
	    "batch normalisation's, and no bias beside it");
	det_net_free(net);
}

static void
test_values(void)
{
	static const struct {
		const char *expr;
		long want;
	} t[] = { { "7", 7 }, { "2*3+4", 10 }, { "2+3*4", 14 }, { "(2+3)*4", 20 },
		{ "64/2/2", 16 }, { "$m*4", 48 }, { "($m+4)/2", 8 }, { "$m", 12 },
		{ "20-3-2", 15 }, { "-3+8", 5 } };
	char text[200];
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++) {
		struct det_net *net;

		(void)snprintf(text, sizeof text,
		    "net n\ninput x 1 9 9\nblock b(x) m\ny = conv(x) out=%s\nreturn "
		    "y\nend\n"
		    "a = b(x) m=12\noutput a",
		    t[i].expr);
		net = parse(text);
		ok(net && (long)net->node[1].dims[1] == t[i].want, "%s = %ld",
		    t[i].expr, t[i].want);
		det_net_free(net);
	}
}

static void
test_blocks(void)
{
	struct det_net *net = parse("net backbone\n"
				    "input image 3 16 16\n"
				    "block unit(x) out act=relu b=none\n"
				    " y = conv(x) out=$out k=3 pad=1 bn=$b act=$act\n"
				    " return y\n"
				    "end\n"
				    "block pair(x) mid\n"
				    "\tu = unit(x) out=$mid*2 b=standard\n"
				    "\tv = unit(u) out=$mid act=leaky\n"
				    "\treturn v\n"
				    "end\n"
				    "block join(a, b)\n"
				    "  y = concat(a, b)\n"
				    "  return y\n"
				    "end\n"
				    "l.0 = unit(image) out=4\n"
				    "l = pair(l.0) mid=2*2 times=3 first=1\n"
				    "j = join(l, l.2)\n"
				    "output j deep=l.3.u.y");
	size_t a, b;

	ok(net != NULL, "nested blocks, chains, two inputs: %s",
	    net ? "" : det_errmsg());
	if (!net)
		return;
	ok(!strcmp(shape(net, "l.1.u.y"), "0x8x16x16"), "l.1.u.y is %s",
	    shape(net, "l.1.u.y"));
	ok(!strcmp(shape(net, "l.3.v.y"), "0x4x16x16"), "l.3.v.y");
	ok(det_net_find(net, &a, "l") && det_net_find(net, &b, "l.3.v.y") && a == b,
	    "a chain is named as its last");
	ok(!det_net_find(net, &a, "l.4.v.y"), "and has no more than asked for");
	ok(!strcmp(shape(net, "j"), "0x8x16x16"), "a block of two inputs");
	ok(det_net_find(net, &a, "l.1.u.y") &&
		((struct det_act_args *)net->node[a].args)->act == DET_ACT_RELU,
	    "a default of a parameter");
	ok(det_net_find(net, &a, "l.1.v.y") &&
		((struct det_act_args *)net->node[a].args)->act == DET_ACT_LEAKY,
	    "a word as a parameter");
	det_net_free(net);
}

#define HEAD "net n\ninput x 3 8 8\n"

/* --- weights=NAME --- */

/* The names of all weights, without the net's, in a row. */
static const char *
weights_of(const struct det_net *net)
{
	static char buf[2000];
	const char *name;
	size_t i, n = 0;

	buf[0] = 0;
	for (i = 0; net && (name = det_net_weight(net, i, NULL)); i++)
		n += (size_t)snprintf(buf + n, sizeof buf - n, "%s%s", i ? " " : "",
		    strchr(name, '/') + 1);
	return net ? buf : det_errmsg();
}

static void
expect_weights(const char *text, const char *want)
{
	struct det_net *net = parse(text);
	const char *got = weights_of(net);

	ok(!strcmp(got, want), "weights %s", got);
	det_net_free(net);
}

#define SUBNET                                                                        \
	"block conv3(x) act\n y = conv(x) out=3 k=3 pad=1 act=$act\n return y\nend\n" \
	"block head(x) a=relu\n t = conv3(x) act=$a\n cls = conv(t) out=2\n "         \
	"return cls\nend\n"

static void
test_weights(void)
{
	expect_weights(HEAD "a = conv(x) out=3\nb = conv(a) out=3 weights=a\noutput b",
	    "a.weight a.bias");
	expect_weights(HEAD "a = conv(x) out=3 weights=b\nb = conv(a) out=3\noutput b",
	    "b.weight b.bias");
	expect_weights(HEAD "a = conv(x) out=3 weights=q\nb = conv(a) out=3 weights=q\n"
			    "output b",
	    "q.weight q.bias");
	expect_weights(HEAD "a = conv(x) out=3 weights=a\noutput a", "a.weight a.bias");
	expect_weights(HEAD "a = conv(x) out=3\nb = conv(a) out=3 bias=0 weights=a\n"
			    "c = conv(b) out=3 bn weights=b\noutput c",
	    "a.weight a.bias a.bn.weight a.bn.bias a.bn.mean a.bn.var");
	expect_weights(HEAD SUBNET "u = head(x) weights=s\nv = head(x) weights=s\n"
				   "output u v=v.cls",
	    "s.t.y.weight s.t.y.bias s.cls.weight s.cls.bias");
	expect_weights(HEAD SUBNET "u = head(x)\nv = head(x) weights=u a=linear\n"
				   "w = head(x) weights=v\noutput u v w",
	    "u.t.y.weight u.t.y.bias u.cls.weight u.cls.bias");
	expect_weights(HEAD SUBNET "u = conv3(x) act=relu times=2\n"
				   "v = conv3(u) act=relu times=2 weights=u\n"
				   "w = conv(v) out=3 k=3 weights=v.1.y\noutput w",
	    "u.0.y.weight u.0.y.bias u.1.y.weight u.1.y.bias");
	expect_weights(HEAD
	    "block b(x) from\n p = conv(x) out=3\n q = conv(p) out=3 weights=p\n "
	    "r = conv(q) out=3 weights=$from\n return r\nend\n"
	    "u = b(x) from=p\nv = b(x) from=q weights=u\nw = b(x) from=z\n"
	    "output u v w",
	    "u.p.weight u.p.bias w.p.weight w.p.bias w.z.weight w.z.bias");
	/* what one user leaves open another settles */
	expect_weights("net n\ninput x 0 8 8\ninput z 3 8 8\n"
		       "a = conv(x) out=3 weights=s\nb = conv(z) out=3 weights=s\n"
		       "output a b",
	    "s.weight s.bias");
	refused(HEAD "a = conv(x) out=3\nb = conv(a) out=4 weights=a\noutput b",
	    "t.net:4: layer 'b'", "wants 'n/a.weight' as 4x3x1x1, a layer before it");
	refused(HEAD SUBNET "u = head(x) weights=s\nt = maxpool(x) k=2\n"
			    "v = conv(t) out=3 weights=s.cls\noutput u v",
	    "t.net:14: layer 'v'", "wants 'n/s.cls.weight'");
	refused(HEAD "a = conv(x) out=3 weights=x\noutput a", "t.net:3: layer 'a'",
	    "weights=x has no weights");
	refused(HEAD "m = maxpool(x) k=2\na = conv(x) out=3 weights=m\noutput a",
	    "t.net:4:", "has no weights");
	refused(HEAD "m = maxpool(x) k=2 weights=m\noutput m",
	    "t.net:3:", "maxpool has no weights");
	refused(HEAD "a = conv(x) out=3 weights=b\nb = conv(x) out=3 weights=a\n"
		     "output a b",
	    "t.net:3:", "from layer to layer");
	refused(
	    HEAD "a = conv(x) out=3 weights\noutput a", "t.net:3:", "needs a value");
	refused(
	    HEAD "a = conv(x) out=3 weights=b:c\noutput a", "t.net:3:", "not a name");
	refused(HEAD "a = conv(x) out=3 weights=$b\noutput a", "t.net:3:", "$b");
	refused(HEAD "a = conv(x) out=3 weights=b weights=c\noutput a",
	    "t.net:3:", "given twice");
	refused(HEAD "block b(y) weights\nreturn y\nend\na = b(x)\noutput a",
	    "t.net:3:", "can't be a parameter");
}

/* Names of tensors may be paths, names of layers not. */
static void
test_paths(void)
{
	struct det_net *net = parse("net n\ninput p2/cls 3 8 8\ninput p3/a/b 3 8 8\n"
				    "c = concat(p2/cls , p3/a/b)\n"
				    "output p2/cls/all=c p2/cls c");

	ok(net && !strcmp(det_net_input(net, 1, NULL), "p3/a/b") &&
		!strcmp(det_net_output(net, 0), "p2/cls/all") &&
		!strcmp(det_net_output(net, 1), "p2/cls"),
	    "inputs and outputs with /: %s", net ? "" : det_errmsg());
	det_net_free(net);
	refused("net n\ninput /a 3 8 8", "t.net:2:", "expected 'input");
	refused("net n\ninput a/ 3 8 8", "t.net:2:", "expected 'input");
	refused("net n\ninput a//b 3 8 8", "t.net:2:", "expected 'input");
	refused("net n\ninput a/.. 3 8 8", "t.net:2:", "expected 'input");
	refused(HEAD "a/b = conv(x) out=2", "t.net:3:", "expected 'name = operator");
	refused(HEAD "output a/=x", "t.net:3:", "can't be the name");
	refused(HEAD "block b(y/z)\nreturn y\nend", "t.net:3:", "input of a block");
}

static void
test_errors(void)
{
	static const char *const t[][3] = {
		{ "", "t.net:0:", "expected 'net NAME'" },
		{ "input x 1 1 1", "t.net:1:", "expected 'net NAME' first" },
		{ "net n\nnet m", "t.net:2:", "second 'net'" },
		{ "net n\ninput x 3 4", "t.net:2:", "no width" },
		{ "net n\ninput x 3 4 5 6", "t.net:2:", "'6' after" },
		{ "net n\ninput x 3 -4 5", "t.net:2:", "outside" },
		{ HEAD, "t.net:2:", "no output" },
		{ HEAD "output y", "t.net:3:", "no input or layer 'y'" },
		{ HEAD "a = convo(x) out=3\noutput a",
		    "t.net:3:", "no operator or block" },
		{ HEAD "a = conv(y) out=3\noutput a",
		    "t.net:3:", "no input or layer 'y'" },
		{ HEAD "a = conv(a) out=3\noutput a",
		    "t.net:3:", "no input or layer 'a'" },
		{ HEAD "a = conv(x)\noutput a", "t.net:3:", "needs out=" },
		{ HEAD "a = conv(x) out=0", "t.net:3:", "outside 1 to" },
		{ HEAD "a = conv(x) out=3 out=4", "t.net:3:", "given twice" },
		{ HEAD "a = conv(x) out=3 kk=4", "t.net:3:", "no key 'kk'" },
		{ HEAD "a = conv(x) out=3x", "t.net:3:", "not a whole number" },
		{ HEAD "a = conv(x) out=7/2", "t.net:3:", "evenly" },
		{ HEAD "a = conv(x) out=-1099511627776*8388608/-1",
		    "t.net:3:", "evenly" },
		{ HEAD "a = conv(x) out=-(-1099511627776*8388608)",
		    "t.net:3:", "too large" },
		{ HEAD "a = conv(x) out=99999999999999999999",
		    "t.net:3:", "too large" },
		{ HEAD "a = conv(x) out=$m", "t.net:3:", "no parameter '$m'" },
		{ HEAD "a = conv(x) out=3 act=tanh", "t.net:3:", "one of linear relu" },
		{ HEAD "a = conv(x) out=3 act", "t.net:3:", "needs a value" },
		{ HEAD "a = conv(x) out=3 k=1,2,3", "t.net:3:", "more than 2" },
		{ HEAD "a = conv(x) out=3 pad=1,2,3",
		    "t.net:3:", "expected 1, 2 or 4" },
		{ HEAD "a = conv(x) out=3 eps=nan", "t.net:3:", "not a number" },
		{ HEAD "a = conv(x) out=4 groups=2\noutput a",
		    "t.net:3:", "do not divide" },
		{ HEAD "a = conv(x) out=4 k=9\noutput a", "t.net:3:", "does not fit" },
		{ HEAD "a = conv(x, x) out=4", "t.net:3:", "takes 1 input" },
		{ HEAD "a = add(x)", "t.net:3:", "at least 2" },
		{ HEAD "x = conv(x) out=4", "t.net:3:", "taken" },
		{ HEAD "end = conv(x) out=4", "t.net:3:", "can't be the name" },
		{ HEAD "a = maxpool(x)", "t.net:3:", "k=... or global" },
		{ HEAD "a = maxpool(x) k=2 stride=2\nb = concat(a, x)\noutput b",
		    "t.net:4:", "layer 'b': input 2 is 8x8" },
		{ HEAD "a = maxpool(x) k=2\nb = add(a, x)\noutput b",
		    "t.net:4:", "layer 'b'" },
		{ HEAD "a b c", "t.net:3:", "expected 'name = operator" },
		{ HEAD "a = conv x", "t.net:3:", "expected '('" },
		{ HEAD "a = conv(x", "t.net:3:", "',' or ')'" },
		{ HEAD "block b(y)\nz = conv(y) out=1", "t.net:4:", "no end" },
		{ HEAD "block b(y)\nend", "t.net:4:", "without a return" },
		{ HEAD "block b(y) m\nreturn y\nend\na = b(x)\noutput a",
		    "t.net:6:", "needs m=" },
		{ HEAD "block b(y)\nreturn y\nend\na = b(x) q=1\noutput a",
		    "t.net:6:", "no parameter 'q'" },
		{ HEAD "block b(y)\nreturn x\nend\na = b(x)\noutput a",
		    "t.net:4: in a:", "no input or layer 'x'" },
		{ HEAD "block b(y)\nz = b(y)\nreturn z\nend\na = b(x)\noutput a",
		    "t.net:4: in a", "nested deeper" },
		{ HEAD
		    "block b(y) m\nz = conv(y) out=$m/3\nreturn z\nend\na = b(x) m=4",
		    "t.net:4: in a:", "evenly" },
		{ HEAD "block conv(y)\nreturn y\nend", "t.net:3:", "already" },
		{ HEAD "block b(y)\nreturn y\nend\na = b(x) times=0",
		    "t.net:6:", "outside 1" },
		{ HEAD "block b(y, z)\nreturn y\nend\na = b(x, x) times=2",
		    "t.net:6:", "one input" },
		{ HEAD "return x", "t.net:3:", "outside a block" },
		{ HEAD "output x x", "t.net:3:", "twice" },
		{ HEAD "output x=", "t.net:3:", "no input or layer ''" },
		{ "net n\ninput x 3 8 8\n\001", "t.net:3:", "byte of value 1" },
		{ "net n\ninput x 2000000000 1 1\noutput x", "t.net:2:", "outside" },
		{ "net n\ninput x 1000000000 1000000000 1\noutput x", "t.net:2:", "" },
	};
	size_t i;

	for (i = 0; i < sizeof t / sizeof *t; i++)
		refused(t[i][0], t[i][1], t[i][2]);
}

/* Text that would expand without end is stopped by a limit, soon. */
static void
test_limits(void)
{
	char text[4000] = HEAD "block b0(y)\nreturn y\nend\n", line[200];
	char *big = malloc(2000001);
	struct det_net *net = NULL;
	int i;

	for (i = 1; i < 10; i++) {
		(void)snprintf(line, sizeof line,
		    "block b%d(y)\nz = b%d(y) times=1000\nreturn z\nend\n", i, i - 1);
		(void)strcat(text, line);
	}
	(void)strcat(text, "a = b9(x)\noutput a\n");
	ok(det_net_parse(&net, text, strlen(text), "t.net") != DET_OK &&
		strstr(det_errmsg(), "more than"),
	    "10^27 empty instances: %s", det_errmsg());
	if (!big)
		return;
	memset(big, 'a', 2000000);
	big[2000000] = 0;
	ok(det_net_parse(&net, big, 2000000, "t.net") == DET_LIMIT, "a text of 2 MB");
	ok(det_net_parse(&net, big, 5000, "t.net") != DET_OK, "a line of 5000 bytes");
	memset(big, '(', 3000);
	(void)snprintf(line, sizeof line, HEAD "a = conv(x) out=");
	memcpy(big, line, strlen(line));
	big[900] = 0;
	ok(det_net_parse(&net, big, 900, "t.net") != DET_OK,
	    "hundreds of parentheses: %s", det_errmsg());
	free(big);
}

int
main(void)
{
	test_text();
	test_values();
	test_blocks();
	test_errors();
	test_weights();
	test_paths();
	test_limits();
	return done();
}
