/* SPDX-License-Identifier: MIT
 *
 * The line grammar that decode texts use.
 */
#include <string.h>

#include "base/line.h"
#include "tests/unit/tap.h"

static struct det_line l;

static enum det_err
parse(const char *s)
{
	det_line_release(&l);
	return det_line_parse(&l, s, strlen(s));
}

static void
refused(const char *s, const char *says)
{
	enum det_err e = parse(s);

	ok(e == DET_INVALID || e == DET_LIMIT, "'%.40s' is refused", s);
	ok(strstr(det_errmsg(), says) != NULL, "because: %s", det_errmsg());
}

int
main(void)
{
	double v[4];
	size_t n = 0;
	long w = 0, h = 0;
	int b = 0;
	char many[4096] = "op(";

	ok(!parse("c0 = conv(image, x1) out=32 bn k=3 # a comment") && l.name &&
		!strcmp(l.name, "c0") && !strcmp(l.word, "conv") && l.n_inputs == 2 &&
		!strcmp(l.input[0], "image") && !strcmp(l.input[1], "x1") &&
		l.n_args == 3,
	    "name, word, inputs, arguments");
	ok(!det_line_bool(&b, &l, "bn") && b == 1 &&
		!det_line_long(&w, &l, "out", 1, 99) && w == 32,
	    "flag and number");
	ok(det_line_unused(&l) == DET_INVALID && strstr(det_errmsg(), "'k'"),
	    "unused: %s", det_errmsg());
	ok(!det_line_long(&h, &l, "k", 1, 9) && !det_line_unused(&l), "all used");
	ok(!parse("yolo3(y82)anchors=1,2.5,-3 net=416x320") && !l.name &&
		l.n_inputs == 1 && !det_line_list(v, &n, 4, &l, "anchors", -9, 9) &&
		n == 3 && v[1] == 2.5 && !det_line_size(&w, &h, &l, "net", 9999) &&
		w == 416 && h == 320,
	    "list and size");
	ok(!parse("  \t ") && !l.word, "a blank line");
	ok(!parse("# only a comment") && !l.word, "a comment");
	ok(!parse("") && !l.word, "an empty line");
	ok(!parse("output c0 r2") && !strcmp(l.word, "output") && l.n_args == 2 &&
		!l.arg[0].value,
	    "a word and flags");
	ok(!parse("a=b ( x , y ) k=1") && l.n_inputs == 2 && !strcmp(l.name, "a") &&
		l.n_args == 1,
	    "blanks are free");
	ok(!parse("f() k=1") && l.n_inputs == 0, "no inputs");
	ok(!parse("f(x) bn=0") && !det_line_bool(&b, &l, "bn") && b == 0, "bn=0");

	refused("a = ", "operator");
	refused("f(x", "',' or ')'");
	refused("f(x y)", "',' or ')'");
	refused("f(,)", "input");
	refused("f(x) k=", "value expected");
	refused("f(x) k=1 k=2", "twice");
	refused("f(x) =3", "key=value");
	refused("f(x) a;b", "key=value");
	refused("!", "a name");
	refused("a!b", "'('");
	for (int i = 0; i < 40; i++)
		strcat(many, i ? ",x" : "x");
	strcat(many, ")");
	refused(many, "inputs");
	ok(det_line_parse(&l, "f(x)\0k", 6) == DET_INVALID, "a NUL byte: %s",
	    det_errmsg());

	ok(!parse("f(x) a=1,2,3,4,5 b=1,,2 c=3 d=4x5x6 e f=2"), "for errors:");
	ok(det_line_list(v, &n, 4, &l, "a", 0, 9) == DET_LIMIT, "%s", det_errmsg());
	ok(det_line_list(v, &n, 4, &l, "b", 0, 9) == DET_INVALID, "%s", det_errmsg());
	ok(det_line_size(&w, &h, &l, "c", 9) == DET_INVALID, "%s", det_errmsg());
	ok(det_line_size(&w, &h, &l, "d", 9) == DET_INVALID, "%s", det_errmsg());
	ok(det_line_long(&w, &l, "e", 0, 9) == DET_INVALID, "%s", det_errmsg());
	ok(det_line_bool(&b, &l, "f") == DET_INVALID, "%s", det_errmsg());
	det_line_release(&l);
	return done();
}
