/* SPDX-License-Identifier: MIT
 *
 * The JSON reader: grammar, limits, places of errors, strings, numbers; COCO's two files.
 */
#include "tests/unit/tap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/coco.h"
#include "data/json.h"

/* Tokens as letters, values in between: {k"a"n1}. */
static enum det_err
spell(char *out, size_t cap, const char *text, size_t n)
{
	static const char letter[] = "$ { } [ ] k s n t f 0";
	struct det_json *j;
	struct det_json_token t = { .kind = DET_JSON_NULL };
	size_t at = 0;
	enum det_err e;

	out[0] = 0;
	if ((e = det_json_open_memory(&j, text, n, "x")))
		return e;
	do {
		if ((e = det_json_next(j, &t)) || at + 64 > cap)
			break;
		out[at++] = letter[2 * (size_t)t.kind];
		if (t.kind == DET_JSON_KEY || t.kind == DET_JSON_TEXT)
			at += (size_t)snprintf(
			    out + at, cap - at, "(%.*s)", (int)t.len, t.text);
		else if (t.kind == DET_JSON_NUM)
			at += (size_t)snprintf(out + at, cap - at, "(%g)", t.number);
		out[at] = 0;
	} while (t.kind != DET_JSON_END);
	det_json_close(j);
	return e;
}

static void
reads(const char *text, const char *want)
{
	char got[512];
	enum det_err e = spell(got, sizeof got, text, strlen(text));

	ok(!e && !strcmp(got, want), "%s is %s (%s)", text, want,
	    e ? det_errmsg() : got);
}

static void
refuses(const char *text, enum det_err code, const char *part)
{
	char got[512];
	enum det_err e = spell(got, sizeof got, text, strlen(text));

	ok(e == code && strstr(det_errmsg(), part), "refused: %s", det_errmsg());
}

static void
test_grammar(void)
{
	reads("{}", "{}$");
	reads(" [ ] ", "[]$");
	reads("3", "n(3)$");
	reads("\xef\xbb\xbf[true,false,null]", "[tf0]$");
	reads("{\"a\": [1, {\"b\":\"c\"}, []], \"d\":-1.5e3}",
	    "{k(a)[n(1){k(b)s(c)}[]]k(d)n(-1500)}$");
	refuses("", DET_TRUNCATED, "at byte 0");
	refuses("[1,]", DET_CORRUPT, "byte 3");
	refuses("[1 2]", DET_CORRUPT, "comma or ]");
	refuses("{\"a\":1,}", DET_CORRUPT, "key in double quotes");
	refuses("{a:1}", DET_CORRUPT, "byte 1");
	refuses("{\"a\" 1}", DET_CORRUPT, "colon");
	refuses("[1] x", DET_CORRUPT, "byte 4");
	refuses("[1}", DET_CORRUPT, "comma or ]");
	refuses("[NaN]", DET_CORRUPT, "NaN");
	refuses("[-Infinity]", DET_CORRUPT, "byte 1");
	refuses("[tru", DET_TRUNCATED, "at byte 4");
	refuses("[trux]", DET_CORRUPT, "value expected");
	refuses("[\n1,\n\n[2", DET_TRUNCATED, "line 4");
	refuses("{\"a", DET_TRUNCATED, "string that began at byte 1");
	refuses("[01]", DET_CORRUPT, "byte 1");
	refuses("[1.]", DET_CORRUPT, "byte 1");
	refuses("[.5]", DET_CORRUPT, "byte 1");
	refuses("[1e]", DET_CORRUPT, "byte 1");
	refuses("[+1]", DET_CORRUPT, "byte 1");
	refuses("[-]", DET_CORRUPT, "byte 1");
	refuses("[1e999]", DET_LIMIT, "too large");
	refuses("-", DET_TRUNCATED, "inside a number");
}

static void
test_strings(void)
{
	char got[512];

	reads("\"a\\n\\\"\\\\\\/\\u0041\"", "s(a\n\"\\/A)$");
	reads("\"\\u00e9\\u20ac\\ud83d\\ude00\"",
	    "s(\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80)$");
	reads("\"\xc3\xa9\"", "s(\xc3\xa9)$");
	refuses("\"\\ud8", DET_TRUNCATED, "string that began");
	refuses("\"\\ud83d\"", DET_CORRUPT, "surrogate");
	refuses("[\"\\ude00xxxxxxxxxxx\"]", DET_CORRUPT, "surrogate");
	refuses("\"\\x12345678901\"", DET_CORRUPT, "escape");
	refuses("\"a\nb\"", DET_CORRUPT, "control");
	refuses("\"\xff\"     ", DET_CORRUPT, "UTF-8");
	refuses("\"\xc0\xaf\"    ", DET_CORRUPT, "UTF-8");
	refuses("\"\xed\xa0\x80\"    ", DET_CORRUPT, "UTF-8");
	ok(!spell(got, sizeof got, "\"a\\u0000b\"", 10) && !memcmp(got, "s(a", 3),
	    "a NUL may be in a string");
	ok(spell(got, sizeof got, "[1,\0 2]", 7) == DET_CORRUPT, "but nowhere else");
}

static void
test_depth(void)
{
	char text[2 * DET_JSON_DEPTH + 3], got[2 * DET_JSON_DEPTH + 100];

	memset(text, '[', DET_JSON_DEPTH);
	memset(text + DET_JSON_DEPTH, ']', DET_JSON_DEPTH);
	text[2 * DET_JSON_DEPTH] = 0;
	ok(!spell(got, sizeof got, text, 2 * DET_JSON_DEPTH), "512 levels");
	memset(text, '[', DET_JSON_DEPTH + 1);
	ok(spell(got, sizeof got, text, DET_JSON_DEPTH + 1) == DET_LIMIT, "not 513: %s",
	    det_errmsg());
}

/* Strings and numbers wherever the window ends. */
static void
test_window(void)
{
	struct det_buf b = { 0 };
	struct det_json *j;
	struct det_json_token t;
	int bad = 0;

	for (size_t shift = 0; shift < 40 && !bad; shift++) {
		b.len = 0;
		bad |= det_buf_printf(&b, "[%*s", (int)shift, "") != DET_OK;
		for (int i = 0; i < 40000; i++)
			bad |= det_buf_printf(&b, "%s\"\\u00e9%d\xc3\xa9\", %d.25",
				   i ? "," : "", i, i) != DET_OK;
		bad |= det_buf_printf(&b, "]") != DET_OK;
		if (bad || det_json_open_memory(&j, b.text, b.len, "x"))
			break;
		bad |= det_json_next(j, &t) != DET_OK;
		for (int i = 0; i < 40000 && !bad; i++) {
			char want[32];

			(void)snprintf(want, sizeof want, "\xc3\xa9%d\xc3\xa9", i);
			bad |= det_json_next(j, &t) || !det_json_is(&t, want);
			bad |= det_json_next(j, &t) || t.number != i + .25;
		}
		bad |= det_json_next(j, &t) || t.kind != DET_JSON_ARRAY_END ||
		       t.at != b.len - 1;
		det_json_close(j);
	}
	ok(!bad, "tokens across the window's end");
	b.len = 0;
	bad = det_buf_printf(&b, "[\"") != DET_OK;
	for (int i = 0; i < 1 << 17; i++)
		bad |= det_buf_printf(&b, "0123456789") != DET_OK;
	bad |= det_buf_printf(&b, "\", 7]") != DET_OK;
	bad |= det_json_open_memory(&j, b.text, b.len, "x") != DET_OK;
	bad = bad || det_json_next(j, &t) || det_json_next(j, &t) ||
	      t.len != 10u << 17 || det_json_next(j, &t) || t.integer != 7;
	det_json_close(j);
	ok(!bad, "a string of 1.3 MB");
	b.len = 1;
	for (int i = 0; i < DET_JSON_NUMBER + 100; i++)
		bad |= det_buf_printf(&b, "1") != DET_OK;
	bad |= det_json_open_memory(&j, b.text, b.len, "x") || det_json_next(j, &t);
	ok(!bad && det_json_next(j, &t) == DET_LIMIT, "a number of 4196 digits: %s",
	    det_errmsg());
	det_json_close(j);
	det_buf_free(&b);
}

static int
same_number(const char *s)
{
	int64_t i;
	int whole;
	double got = det_json_number(s, strlen(s), &i, &whole), want = strtod(s, NULL);

	if (memcmp(&got, &want, sizeof got) == 0)
		return 1;
	printf("# %s: %.17g, not %.17g\n", s, got, want);
	return 0;
}

static void
test_numbers(void)
{
	static const char *const hard[] = { "0", "-0", "0.0", "-0.0e5", "1e22", "1e23",
		"9007199254740993", "9007199254740992.5", "9007199254740993.0", "0.1",
		"0.30000000000000004",
		"0.500000000000000166533453693773481063544750213623046875",
		"2.2250738585072011e-308", "4.9e-324", "2.4703282292062327e-324",
		"1.7976931348623157e308", "9223372036854775807", "9223372036854775808",
		"18446744073709551615", "18446744073709551616", "1844674407370955161.5",
		"0.9999999999999999999", "0.0000000000000000001",
		"123456789012345678e-19", "4503599627370496.5", "4503599627370497.5",
		"9007199254740991.5", "1e-400", "100000000000000000000000e-23",
		"1.0000000000000002220446049250313" };
	struct det_random r;
	int same = 1, whole;
	int64_t v;
	char s[64];

	for (size_t i = 0; i < sizeof hard / sizeof *hard; i++)
		same &= same_number(hard[i]);
	ok(same, "hard numbers as strtod reads them");
	det_random_seed(&r, 1, 0);
	for (int i = 0; i < 300000 && same; i++) {
		uint64_t bits = det_random_next(&r);

		switch (i % 5) {
		case 0:
			(void)snprintf(s, sizeof s, "%.17g", det_random_uniform(&r));
			break;
		case 1:
			(void)snprintf(s, sizeof s, "%.*f", (int)(bits % 18),
			    1000 * det_random_uniform(&r));
			break;
		case 2:
			(void)snprintf(s, sizeof s, "%llu", (unsigned long long)bits);
			break;
		case 3:
			(void)snprintf(s, sizeof s, "0.%llu",
			    (unsigned long long)(bits >> (bits & 31)));
			break;
		default: {
			/* half way between two doubles, in 17 digits and a few */
			double d = ldexp((double)(bits >> 11 | 1) + .5, -53);

			(void)snprintf(s, sizeof s, "%.*f", 15 + (int)(bits % 6), d);
		}
		}
		same &= same_number(s);
	}
	ok(same, "300000 numbers as strtod reads them");
	(void)det_json_number("-9223372036854775807", 20, &v, &whole);
	ok(whole && v == -INT64_MAX, "whole numbers are exact");
	(void)det_json_number("9223372036854775808", 19, &v, &whole);
	ok(!whole, "beyond 64 bits they are not whole");
	(void)det_json_number("1.0", 3, &v, &whole);
	ok(!whole, "nor with a point");
}

static void
test_skip(void)
{
	static const char text[] = "{\"a\":[[1,2],{\"b\":\"\\u00e9\"}],\"c\":3}";
	struct det_json *j = NULL;
	struct det_json_token t;

	ok(!det_json_open_memory(&j, text, sizeof text - 1, "x") &&
		!det_json_next(j, &t) && !det_json_next(j, &t) && !det_json_skip(j) &&
		!det_json_next(j, &t) && det_json_is(&t, "c") && !det_json_skip(j) &&
		!det_json_next(j, &t) && t.kind == DET_JSON_OBJECT_END,
	    "values are skipped");
	det_json_close(j);
}

struct seen {
	size_t images, categories, annotations, results, duplicates;
	struct det_coco_annotation a;
	struct det_coco_result r;
	char name[64];
};

static enum det_err
on_image(void *ctx, const struct det_coco_image *v)
{
	struct seen *s = ctx;

	s->images++;
	(void)snprintf(s->name, sizeof s->name, "%s %lld %g %g", v->file_name,
	    (long long)v->id, v->width, v->height);
	return DET_OK;
}

static enum det_err
on_category(void *ctx, const struct det_coco_category *v)
{
	struct seen *s = ctx;

	s->categories += v->name[0] != 0;
	return DET_OK;
}

static enum det_err
on_annotation(void *ctx, const struct det_coco_annotation *v)
{
	struct seen *s = ctx;

	s->annotations++;
	s->a = *v;
	return DET_OK;
}

static enum det_err
on_result(void *ctx, const struct det_coco_result *v)
{
	struct seen *s = ctx;

	s->results++;
	s->r = *v;
	return DET_OK;
}

static enum det_err
on_duplicate(void *ctx, const char *what, int64_t id, struct det_coco_place place)
{
	struct seen *s = ctx;

	(void)what;
	(void)id;
	s->duplicates += place.line > 0;
	return DET_OK;
}

static enum det_err
coco(struct seen *s, const char *text, int lenient)
{
	struct det_coco_sink sink = { s, on_image, on_category, on_annotation,
		on_result, lenient ? on_duplicate : NULL };

	*s = (struct seen){ 0 };
	return det_coco_read_memory(text, strlen(text), "f", &sink);
}

static void
coco_refuses(const char *text, const char *part)
{
	struct seen s;
	enum det_err e = coco(&s, text, 0);

	ok(e && strstr(det_errmsg(), part), "refused: %s", det_errmsg());
}

static void
test_coco(void)
{
	struct seen s;

	ok(!coco(&s,
	       "{\"annotations\":[{\"segmentation\":[[1,2]],\"bbox\":[1,2,3.5,4],"
	       "\"area\":"
	       "9,\"image_id\":0,\"category_id\":7,\"iscrowd\":1,\"id\":0}],\"info\":{}"
	       ","
	       "\"images\":[{\"id\":0,\"width\":10,\"height\":20,\"file_name\":\"a."
	       "jpg\"}"
	       "],\"categories\":[{\"name\":\"x\",\"id\":7}]}",
	       0) &&
		s.images == 1 && s.annotations == 1 && s.categories == 1,
	    "instances, lists in any order");
	ok(!strcmp(s.name, "a.jpg 0 10 20"), "the picture: %s", s.name);
	ok(s.a.bbox[2] == 3.5 && s.a.area == 9 && s.a.crowd && !s.a.ignore &&
		s.a.given == (DET_COCO_ID | DET_COCO_AREA | DET_COCO_CROWD) &&
		s.a.category_id == 7 && s.a.place.at == 16,
	    "the annotation");
	ok(!coco(&s,
	       "[{\"score\":0.5,\"bbox\":[1,2,3,4],\"category_id\":1.0,\"image_id\":-3}"
	       ","
	       "{\"image_id\":\"007\",\"category_id\":2,\"bbox\":[0,0,1,1],\"score\":1}"
	       "]",
	       0) &&
		s.results == 2 && s.r.category_id == 2 && s.r.image_name,
	    "results: %s", s.results == 2 ? "2" : det_errmsg());
	ok(!coco(&s, "[]", 0) && s.results == 0, "no results");
	ok(!coco(&s, "{\"images\":[{\"id\":1,\"width\":null},{\"id\":1}]}", 1) &&
		s.images == 2 && s.duplicates == 1,
	    "duplicates can be reported");
	coco_refuses("{\"images\":[{\"id\":1},{\"id\":1}]}", "image id 1 comes twice");
	coco_refuses("{}", "images");
	coco_refuses("3", "COCO");
	coco_refuses("{\"images\":3}", "images: an array expected, found a number");
	coco_refuses("{\"images\":[4]}", "objects expected");
	coco_refuses("{\"images\":[],\"images\":[]}", "second list");
	coco_refuses("{\"images\":[{\"id\":\"a\"}]}", "id: a whole number expected");
	coco_refuses("{\"images\":[{\"id\":1.5}]}", "found 1.5");
	coco_refuses("{\"images\":[{\"id\":1e30}]}", "64 bits");
	coco_refuses("{\"images\":[{\"id\":1,\"id\":2}]}", "comes twice");
	coco_refuses("{\"images\":[{\"file_name\":\"a\\u0000b\"}]}", "NUL");
	coco_refuses("{\"images\":[{}]}", "byte 11 (line 1): an entry without id");
	coco_refuses("[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3]}]", "bbox");
	coco_refuses(
	    "[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4,5]}]", "bbox");
	coco_refuses(
	    "[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,3,4]}]", "score");
	coco_refuses(
	    "[{\"image_id\":1,\"category_id\":1,\"bbox\":[1,2,NaN,4]}]", "NaN");
	coco_refuses("[{\"image_id\":1", "input ended early, at byte 14");
}

int
main(void)
{
	test_grammar();
	test_strings();
	test_depth();
	test_window();
	test_numbers();
	test_skip();
	test_coco();
	return done();
}
