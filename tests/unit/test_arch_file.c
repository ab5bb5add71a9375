/* SPDX-License-Identifier: MIT
 *
 * Architectures of a user: where their files and what they include come from, that what can't
 * be read is told with file and line, that nothing asks for more than the limits; a built-in
 * one as text, and whole; patterns with many marks.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/arch_impl.h"
#include "model/arch_match.h"
#include "tests/unit/says.h"
#include "tests/unit/tap.h"

#define NET "[net/backbone]\nnet backbone\ninput x 2 4 4\n"

static void
put_bytes(const char *path, const char *text, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(text, 1, n, f) != n || fclose(f))
		(void)printf("Bail out! can't write %s\n", path);
}

static void
put(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

/* A text of the architecture of a file is `want`. */
static int
gives(const char *path, const char *section, const char *want)
{
	struct det_arch *a;
	const char *text;
	int same;

	if (det_arch_open(&a, path, NULL, 0)) {
		(void)printf("# said: %s\n", det_errmsg());
		return 0;
	}
	text = det_arch_text(a, section);
	same = text && strcmp(text, want) == 0;
	if (!same)
		(void)printf("# found: '%s'\n", text ? text : "(none)");
	det_arch_close(a);
	return same;
}

/* A file of this text fails so. */
static int
fails(const char *text, enum det_err code, const char *what)
{
	struct det_arch *a;
	enum det_err e;

	put("bad.arch", text);
	e = det_arch_open(&a, "bad.arch", NULL, 0);
	det_arch_close(a);
	if (e != code)
		(void)printf("# code %d, wanted %d\n", (int)e, (int)code);
	return e == code && says(what) && !strchr(det_errmsg(), '\n');
}

/* --- files ------------------------------------------------------------------------------- */

static void
test_names(void)
{
	struct det_arch *a;

	ok(det_arch_is_file("x.arch") && det_arch_is_file("./x") &&
		det_arch_is_file("/dev/stdin") && !det_arch_is_file("tiny_ssd") &&
		!det_arch_is_file("x.part") && !det_arch_is_file(".arch"),
	    "what is the name of a file");
	(void)mkdir("sub", 0700);
	put("sub/mine.arch", "[meta]\nk=v\n");
	put("plain", "[meta]\nk=v\n");
	ok(!det_arch_open(&a, "sub/mine.arch", NULL, 0) && !strcmp(a->name, "mine"),
	    "a model is called after the stem");
	det_arch_close(a);
	ok(!det_arch_open(&a, "./plain", NULL, 0) && !strcmp(a->name, "plain"),
	    "or the whole name");
	det_arch_close(a);
	put("new\nline.arch", "[meta]\nk=v\n");
	ok(det_arch_open(&a, "new\nline.arch", NULL, 0) == DET_INVALID &&
		says("without control characters"),
	    "which is one line");
	ok(det_arch_open(&a, "none.arch", NULL, 0) == DET_IO &&
		says("none.arch: No such file"),
	    "no such file");
	ok(det_arch_open(&a, "tiny_ssd.arch", NULL, 0) == DET_IO &&
		says("the one that is built in is called tiny_ssd"),
	    "where there is a built-in one");
	ok(det_arch_open(&a, "sub/", NULL, 0) == DET_INVALID && says("directory"),
	    "a folder");
}

static void
test_lines(void)
{
	put("crlf.arch", "set n=3\r\n\r\n[meta]\r\na=${n}\r\nb=\tc");
	ok(gives("crlf.arch", "meta", "a=3\nb=\tc\n"),
	    "CR-LF; no line feed at the end");
	put_bytes("nul.arch", "set n=3\n[meta]\na\0b=c\n", 22);
	ok(!gives("nul.arch", "meta", "") &&
		says("nul.arch:3: text expected, found byte 0"),
	    "a NUL byte");
	put("esc.arch", "[meta]\n\x1b]0;x");
	ok(!gives("esc.arch", "meta", "") && says("esc.arch:2: text expected"),
	    "a control character");
	put("empty.arch", "");
	ok(!gives("empty.arch", "meta", ""), "an empty file has no texts");
}

static void
test_includes(void)
{
	struct det_buf b = { 0 };

	put("sub/i.arch", "[meta]\ninclude a.part v=1\n");
	put("sub/a.part", "a=${v}\ninclude deep/b.part\n");
	(void)mkdir("sub/deep", 0700);
	put("sub/deep/b.part", "include c.part\n");
	put("sub/deep/c.part", "c=${v}\n");
	put("sub/c.part", "wrong\n");
	ok(gives("sub/i.arch", "meta", "a=1\nc=1\n"),
	    "beside the file that includes, and below");
	put("sub/j.arch", "[classes]\ninclude voc20.part\n[meta]\nx=y\n");
	ok(!det_arch_source(&b, "voc20.part") && gives("sub/j.arch", "classes", b.text),
	    "built in, where nothing is beside");
	det_buf_free(&b);
	put("sub/voc20.part", "thing\n");
	ok(gives("sub/j.arch", "classes", "thing\n"), "beside goes before built in");
	put("sub/rcnn_tv_second.part", "[anchors]\nmine\n");
	put("sub/k.arch", "set rpn_std=1\nset cls_std=1\nset box_std=1\nset classes=2\n"
			  "include rcnn_tv.part\n");
	ok(!gives("sub/k.arch", "anchors", "mine\n") &&
		gives("sub/k.arch", "pipeline",
		    "det-image\ndet-backbone\ndet-anchors\ndet-propose\n"
		    "det-roipool\ndet-head\ndet-nms\n"),
	    "a built-in file includes built-in ones only");
	put("sub/k.arch", "set classes=2\ninclude rcnn_tv_second.part\n");
	ok(gives("sub/k.arch", "anchors", "mine\n"), "where the user's own does not");
	ok(fails("\ninclude ../x.part", DET_INVALID,
	       "bad.arch:2: include: the name of a file in the same folder or below "
	       "expected, found '../x.part'"),
	    "not above");
	ok(fails("include sub/../../x", DET_INVALID, "or below") &&
		fails("include /etc/passwd", DET_INVALID, "or below") &&
		fails("include sub//a.part", DET_INVALID, "or below") &&
		fails("include sub/", DET_INVALID, "or below") &&
		fails("include ", DET_INVALID, "or below"),
	    "nor round about");
	ok(fails("include none.part", DET_INVALID,
	       "bad.arch:1: include: no file 'none.part' is beside this one or "
	       "built in"),
	    "nowhere");
	ok(fails("include sub", DET_INVALID, "bad.arch:1: sub: a file expected"),
	    "what is beside and no file is not looked for elsewhere");
	put("x.part", "set a=1\ninclude y.part\n");
	put("y.part", "# here\n\n[meta]\n${b}\n");
	ok(fails("\n\ninclude x.part\n", DET_INVALID,
	       "bad.arch:3: y.part:4: no variable 'b' is set"),
	    "an error tells where, and by which line of the first file");
}

static void
test_once(void)
{
	struct det_arch *a;

	put("once.arch", "set classes=2\n[meta]\ninclude once.part\n");
	put("once.part", "n=${classes}\n");
	if (det_arch_open(&a, "once.arch", NULL, 0)) {
		ok(0, "once.arch: %s", det_errmsg());
		return;
	}
	put("once.arch", "[meta]\nn=other\n");
	put("once.part", "n=other\n");
	ok(!det_arch_names(a, "a\nb\nc\n", 6, "n") &&
		!strcmp(det_arch_text(a, "meta"), "n=3\n"),
	    "files are read once");
	det_arch_close(a);
}

/* --- mistakes ---------------------------------------------------------------------------- */

static void
test_mistakes(void)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "hello\n", "bad.arch:1: about, set, include, each or [SECTION]" },
		{ "set a\n", "bad.arch:1: a variable NAME=VALUE expected, found 'a'" },
		{ "set =1\n", "a variable NAME=VALUE expected" },
		{ "set a=1 2\n", "bad.arch:1: 'a=1 2': a value without blanks" },
		{ "set a=$b\n", "a value without blanks, '#' and '$'" },
		{ "[meta\n", "bad.arch:1: [NAME] expected, found '[meta'" },
		{ "[meta] x\n", "[NAME] expected" },
		{ "[ancors]\n", "bad.arch:1: a section net/NAME, anchors, " },
		{ "[net/]\n", "found '[net/]'" },
		{ "[net/a/b]\n", "found '[net/a/b]'" },
		{ "[]\n", "found '[]'" },
		{ "[meta]\n\n${x}", "bad.arch:3: no variable 'x' is set" },
		{ "[meta]\n${x", "bad.arch:2: '${x' without a '}'" },
		{ "[meta]\n${}", "no variable '' is set" },
		{ "include voc20.part x", "NAME=VALUE expected, found 'x'" },
		{ "include anchors:none", "include: no text 'anchors:none'" },
		{ "[meta]\ninclude profile:tv:det-x", "bad.arch:2: include: no text" },
		{ "each a=1,2", "each NAME=A,B,...: LINE expected" },
		{ "each a: b", "each NAME=A,B,...: LINE expected" },
		{ "each a b=1: c", "'a b=1': a value without blanks" },
		{ "set classes=x\n", "bad: classes: 'x' is not a whole number" },
		{ "[classes]\na\tb\n", "bad: [classes]:1: the class's number" },
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ok(fails(bad[i].text, DET_INVALID, bad[i].says), "refused: %.*s",
		    (int)strcspn(bad[i].text, "\n"), bad[i].text);
}

/* n times `piece`, between `begin` and `end`. */
static int
fails_many(
    const char *begin, const char *piece, size_t n, const char *end, const char *what)
{
	struct det_buf b = { 0 };
	enum det_err e = det_buf_printf(&b, "%s", begin);
	int good;

	for (size_t i = 0; !e && i < n; i++)
		e = strstr(piece, "%zu") ? det_buf_printf(&b, "v%zu=1\n", i)
					 : det_buf_printf(&b, "%s", piece);
	if (!e)
		e = det_buf_printf(&b, "%s", end);
	good = !e && fails(b.text, DET_LIMIT, what);
	det_buf_free(&b);
	return good;
}

static void
test_limits(void)
{
	struct det_buf b = { 0 };

	put("none.part", "");
	put("self.part", "include self.part\n");
	ok(fails("include bad.arch\n", DET_LIMIT, "nested deeper than 16") &&
		fails("[meta]\ninclude self.part", DET_LIMIT,
		    "bad.arch:2: self.part:1: include and each nested deeper"),
	    "a file that includes itself");
	put("twice.part", "include twice.part\ninclude twice.part\n");
	ok(fails("include twice.part", DET_LIMIT, "nested deeper"), "and again");
	ok(fails("each a=1,2,3,4,5,6,7,8: each b=1,2,3,4,5,6,7,8: each "
		 "c=1,2,3,4,5,6,7,8: each d=1,2,3,4,5,6,7,8: each e=1,2,3,4,5,6,7,8: "
		 "include none.part",
	       DET_LIMIT, "more than 32768 lines, with what it includes and repeats"),
	    "each inside each");
	ok(fails("each a=,,,,,,,,: each b=,,,,,,,,: each c=,,,,,,,,: each "
		 "d=,,,,,,,,: each e=,,,,,,,,: set x=1",
	       DET_LIMIT, "more than 32768 lines"),
	    "of nothing too");
	ok(fails_many("[meta]\n", "each i=a: ", 1000, "x", "nested deeper than 16"),
	    "each in a long row");
	ok(fails_many("[net/b]\nset x=", "0123456789", 1639, "\n",
	       "bad.arch:2: a line of at most 16384 bytes expected, found 16396"),
	    "a long line");
	ok(fails_many("set v=0123456789\n[net/b]\n", "${v}", 1639, "\n",
	       "bad.arch:3: a line above 16384 bytes"),
	    "one that variables make long");
	ok(fails_many("set v=\n[net/b]\neach i=1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7: ",
	       "${v}", 4000, "\n",
	       "bad.arch:3: the architecture has more than 65536 "
	       "values put in"),
	    "values without end");
	ok(fails_many("include none.part v=", "0123456789", 103, "\n",
	       "values of at most 1024 bytes expected, found 1032"),
	    "long values of an include");
	ok(fails_many("", "set v0=1\n", 40000, "", "more than 32768 lines"),
	    "many lines");
	ok(fails_many("[decode]\n", "0123456789abcde\n", 2100, "",
	       "[decode] is above 32768 bytes"),
	    "a long section");
	/* 128 lines of 511 bytes, read 32 times */
	for (int i = 0; i < 128 && !det_buf_printf(&b, "%0510d\n", i); i++)
		;
	put("long.part", b.text);
	ok(fails("[net/b]\neach a=1,2,3,4: each b=1,2,3,4,5,6,7,8: include long.part",
	       DET_LIMIT, "more than 1048576 bytes of text"),
	    "much text");
	b.len = 0;
	for (int i = 0; i < 257 && !det_buf_printf(&b, "set v%d=1\n", i); i++)
		;
	ok(fails(b.text, DET_LIMIT, "bad.arch:257: more than 256 variables"),
	    "variables");
	b.len = 0;
	for (int i = 0; i < 65 && !det_buf_printf(&b, "[net/n%d]\n", i); i++)
		;
	ok(fails(b.text, DET_LIMIT, "bad.arch:65: more than 64 sections"), "sections");
	b.len = 0;
	for (int i = 0; i < 64; i++) {
		char name[32];

		(void)snprintf(name, sizeof name, "f%d.part", i);
		put(name, "# nothing\n");
		if (det_buf_printf(&b, "include f%d.part\n", i))
			break;
	}
	ok(fails(b.text, DET_LIMIT, "bad.arch:64: at most 64 files"), "files");
	b.len = 0;
	for (int i = 0; i < (1 << 16) && !det_buf_printf(&b, "# 3456789abcdef\n"); i++)
		;
	ok(!det_buf_printf(&b, "#") &&
		fails(b.text, DET_LIMIT, "bad.arch: larger than the limit of 1048576"),
	    "a large file");
	det_buf_free(&b);
}

/* --- as text ----------------------------------------------------------------------------- */

static int
same_sections(const struct det_arch *a, const struct det_arch *b)
{
	for (size_t i = 0; i < a->n_sections; i++) {
		const char *name = a->section[i].name, *text = det_arch_text(b, name);

		if (strcmp(name, "classes") != 0 &&
		    (!text || strcmp(text, det_arch_text(a, name)) != 0)) {
			(void)printf("# [%s] differs\n", name);
			return 0;
		}
	}
	return 1;
}

static int
same_classes(const struct det_classes *a, const struct det_classes *b)
{
	if (a->n != b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->name[i], b->name[i]) != 0 || a->source[i] != b->source[i])
			return 0;
	return 1;
}

/* A built-in one, its text as a file, and its whole as a file are the same. */
static void
test_text(void)
{
	const char *name, *about;

	for (size_t i = 0; det_arch_list(i, &name, &about); i++) {
		struct det_buf b = { 0 };
		struct det_arch *a, *copy;
		char arch[128];

		(void)snprintf(arch, sizeof arch, "%s", name);
		if (det_arch_open(&a, arch, NULL, 0) || det_arch_source(&b, arch))
			continue;
		put("copy.arch", b.text);
		ok(!det_arch_open(&copy, "copy.arch", NULL, 0) &&
			same_sections(a, copy) && same_sections(copy, a) &&
			copy->n_vars == a->n_vars &&
			same_classes(&a->classes, &copy->classes),
		    "%s: its text", arch);
		det_arch_close(copy);
		b.len = 0;
		if (!det_arch_expanded(&b, a))
			put("copy.arch", b.text);
		ok(!det_arch_open(&copy, "copy.arch", NULL, 0) &&
			same_sections(a, copy) && same_sections(copy, a) &&
			copy->n_vars == 0 && same_classes(&a->classes, &copy->classes),
		    "%s: its whole text", arch);
		det_arch_close(copy);
		det_arch_close(a);
		det_buf_free(&b);
	}
}

static void
test_source(void)
{
	struct det_buf b = { 0 };
	struct det_arch *a;

	ok(!det_arch_source(&b, "tiny_ssd.arch") && strstr(b.text, "\n[decode]\n"),
	    "a file by its whole name");
	ok(det_arch_source(&b, "tiny_sdd") == DET_INVALID &&
		says("no architecture 'tiny_sdd': is tiny_ssd meant?"),
	    "none of that name");
	put("names.arch", "[classes]\n #a\n [b]\t7\n each c=d: e\n include f\n");
	b.len = 0;
	ok(!det_arch_open(&a, "names.arch", NULL, 0) && a->classes.n == 4 &&
		!det_arch_expanded(&b, a) &&
		!strcmp(b.text, "[classes]\n #a\n [b]\t7\n each c=d: e\n include f\n"),
	    "class names that look like something else");
	det_arch_close(a);
	det_buf_free(&b);
}

/* --- names ------------------------------------------------------------------------------- */

static int
matches(const char *pattern, const char *name, const char *marks)
{
	struct arch_marks m;
	char text[256] = "";

	if (!arch_match(pattern, name, &m))
		return 0;
	for (size_t i = 0; i < m.n; i++)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s;",
		    (int)m.len[i], m.at[i]);
	return strcmp(text, marks) == 0;
}

static void
test_match(void)
{
	char name[1025];

	ok(matches("a*b*", "axbyb", "x;yb;") && matches("*", "", ";") &&
		matches("*b", "abab", "aba;"),
	    "as few characters as do");
	ok(matches("a%.%", "a12.3", "12;3;") && matches("%%", "123", "12;3;") &&
		!arch_match("a%", "a", NULL) && !arch_match("a%b", "axb", NULL),
	    "digits, as many as do");
	ok(matches("*%*", "ab12cd", "ab;12;cd;"), "both");
	memset(name, 'a', 1024);
	name[1024] = 0;
	ok(!arch_match("*a*a*a*a*a*a*a*ab", name, NULL) &&
		arch_match("*a*a*a*a*a*a*a*a", name, NULL),
	    "many marks and a long name");
	memset(name, '1', 1024);
	ok(!arch_match("%%%%%%%%b", name, NULL), "of digits too");
}

static void
test_tables(void)
{
	static const struct {
		const char *line, *says;
	} bad[] = {
		{ "x", "OURS = THEIRS ..., ignore, count or default expected" },
		{ "x =y", "OURS = THEIRS" },
		{ "count classes", "count VAR TENSOR" },
		{ "count n t per=0", "0 is outside 1 to" },
		{ "count n t minus=-9223372036854775808",
		    "-9223372036854775808 is outside 0 to" },
		{ "count n t by=2", "per=N or minus=M expected, found 'by=2'" },
		{ "default n", "a variable NAME=VALUE expected, found 'n'" },
		{ "default", "default VAR=VALUE expected" },
	};
	struct det_source none = { 0 };

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[256];
		struct det_arch *a;

		(void)snprintf(text, sizeof text,
		    "set n=1\n" NET
		    "a = fc(x) out=2\noutput a\n[names torch]\n* = *\n%s\n",
		    bad[i].line);
		put("names.arch", text);
		if (det_arch_open(&a, "names.arch", NULL, 0)) {
			ok(0, "names.arch: %s", det_errmsg());
			continue;
		}
		ok(det_arch_fit(a, &none, "torch") == DET_INVALID &&
			says("names: [names torch]: '") && says(bad[i].says),
		    "names: %s", bad[i].line);
		det_arch_close(a);
	}
}

int
main(void)
{
	test_names();
	test_lines();
	test_includes();
	test_once();
	test_mistakes();
	test_limits();
	test_text();
	test_source();
	test_match();
	test_tables();
	return done();
}
