/* SPDX-License-Identifier: MIT
 *
 * One file of PASCAL VOC annotations (VOCdevkit, "annotation" format 1.00):
 *
 *   annotation / filename
 *              / size / width, height
 *              / object / name, difficult, bndbox / xmin ymin xmax ymax
 *
 * Elements are known by their whole path, because an object's parts have a bndbox of their
 * own. Everything else is passed over. expat reads the XML; a document that declares entities
 * is refused, since no annotation needs one and they can be made to grow without bound.
 */
#include "data/truth_impl.h"

#include <expat.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define MAX_DEPTH 32
#define MAX_TEXT  1023

enum element {
	OTHER,
	FILENAME,
	WIDTH,
	HEIGHT,
	OBJECT,
	NAME,
	DIFFICULT,
	XMIN, /* the four corners follow one another */
	YMIN,
	XMAX,
	YMAX,
};

static const struct {
	const char *path;
	enum element element;
} elements[] = {
	{ "/annotation/filename", FILENAME },
	{ "/annotation/size/width", WIDTH },
	{ "/annotation/size/height", HEIGHT },
	{ "/annotation/object", OBJECT },
	{ "/annotation/object/name", NAME },
	{ "/annotation/object/difficult", DIFFICULT },
	{ "/annotation/object/bndbox/xmin", XMIN },
	{ "/annotation/object/bndbox/ymin", YMIN },
	{ "/annotation/object/bndbox/xmax", XMAX },
	{ "/annotation/object/bndbox/ymax", YMAX },
};

struct voc {
	struct det_voc *out;
	XML_Parser xml;
	const char *file;
	char path[256];
	size_t end[MAX_DEPTH]; /* of the path above each open element */
	size_t depth;
	enum element open; /* whose text is gathered */
	char text[MAX_TEXT + 1];
	size_t n;
	unsigned seen; /* of the object: bit XMIN .. YMAX, NAME, DIFFICULT */
	enum det_err e;
};

static void
stop(struct voc *v, enum det_err code, const char *what, const char *found)
{
	if (v->e)
		return;
	v->e = det_fail(code, "%s:%lu: %s%s", v->file,
	    (unsigned long)XML_GetCurrentLineNumber(v->xml), what, found);
	(void)XML_StopParser(v->xml, XML_FALSE);
}

static void
begin_object(struct voc *v)
{
	struct det_voc *o = v->out;

	v->seen = 0;
	v->e = det_grow(&o->object, &o->cap, o->n + 1, sizeof *o->object);
	if (v->e) {
		(void)XML_StopParser(v->xml, XML_FALSE);
		return;
	}
	memset(&o->object[o->n], 0, sizeof *o->object);
	o->object[o->n++].line = XML_GetCurrentLineNumber(v->xml);
}

static void
on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	struct voc *v = ctx;
	size_t at = v->depth ? strlen(v->path) : 0, n = strlen(name);

	(void)attributes;
	if (v->e)
		return;
	if (v->depth == 0 && strcmp(name, "annotation") != 0) {
		stop(v, DET_INVALID, "an element 'annotation' expected, found ", name);
		return;
	}
	if (v->depth == MAX_DEPTH) {
		stop(v, DET_LIMIT, "elements nested deeper than 32 levels", "");
		return;
	}
	v->end[v->depth++] = at;
	if (at + 1 + n >= sizeof v->path) { /* deep or long: none of ours */
		if (at + 1 < sizeof v->path)
			memcpy(v->path + at, "/", 2);
	} else {
		v->path[at] = '/';
		memcpy(v->path + at + 1, name, n + 1);
	}
	v->open = OTHER;
	v->n = 0;
	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
		if (!strcmp(v->path, elements[i].path))
			v->open = elements[i].element;
	if (v->open == OBJECT)
		begin_object(v);
}

static void
on_text(void *ctx, const XML_Char *s, int n)
{
	struct voc *v = ctx;

	if (v->open == OTHER || v->open == OBJECT || v->e)
		return;
	if ((size_t)n > MAX_TEXT - v->n) {
		stop(v, DET_LIMIT, "a text of more than 1023 bytes", "");
		return;
	}
	memcpy(v->text + v->n, s, (size_t)n);
	v->n += (size_t)n;
}

/* The text without blanks around it. */
static char *
trimmed(struct voc *v)
{
	char *s = v->text;

	while (v->n && strchr(" \t\r\n", v->text[v->n - 1]))
		v->n--;
	v->text[v->n] = 0;
	return s + strspn(s, " \t\r\n");
}

static void
take_number(struct voc *v, double *out, const char *s)
{
	if (det_parse_double(out, s, -1e15, 1e15))
		stop(v, DET_INVALID, "a number expected, found ", s);
}

static void
take_text(struct voc *v, enum element what)
{
	struct det_voc *o = v->out;
	struct det_voc_object *b = o->n ? &o->object[o->n - 1] : NULL;
	char *s = trimmed(v);
	double d = 0;

	if (what == FILENAME) {
		memcpy(o->filename, s, strlen(s) + 1);
	} else if (what == WIDTH || what == HEIGHT) {
		take_number(v, what == WIDTH ? &o->width : &o->height, s);
	} else if (!b) {
		return;
	} else if (v->seen >> what & 1) {
		stop(v, DET_INVALID, "an object has two of ", v->path);
	} else if (what == NAME) {
		if (strlen(s) >= sizeof b->name || !*s)
			stop(v, DET_INVALID, "a class name of 1 to 255 bytes expected",
			    "");
		else
			memcpy(b->name, s, strlen(s) + 1);
	} else if (what == DIFFICULT) {
		/* empty or "Unspecified": some tools leave it open */
		if (*s && strcmp(s, "Unspecified") != 0)
			take_number(v, &d, s);
		b->difficult = d != 0;
	} else {
		take_number(v, &b->corner[what - XMIN], s);
	}
	v->seen |= 1u << what;
}

static void
end_object(struct voc *v)
{
	static const char *const names[] = { "xmin", "ymin", "xmax", "ymax" };

	if (!(v->seen >> NAME & 1))
		stop(v, DET_INVALID, "an object without a name", "");
	for (int i = 0; i < 4; i++)
		if (!(v->seen >> (XMIN + i) & 1))
			stop(v, DET_INVALID, "an object without ", names[i]);
}

static void
on_end(void *ctx, const XML_Char *name)
{
	struct voc *v = ctx;

	(void)name;
	if (v->e)
		return;
	if (v->open != OTHER && v->open != OBJECT)
		take_text(v, v->open);
	if (!strcmp(v->path, "/annotation/object"))
		end_object(v);
	v->open = OTHER;
	v->path[v->end[--v->depth]] = 0;
}

static void
on_entity(void *ctx, const XML_Char *name, int parameter, const XML_Char *value,
    int length, const XML_Char *base, const XML_Char *system, const XML_Char *public,
    const XML_Char *notation)
{
	struct voc *v = ctx;

	(void)parameter, (void)value, (void)length, (void)base, (void)system,
	    (void)public, (void)notation;
	stop(v, DET_UNSUPPORTED,
	    "annotations that declare entities are refused: ", name);
}

void
det_voc_release(struct det_voc *v)
{
	free(v->object);
	*v = (struct det_voc){ 0 };
}

enum det_err
det_voc_parse(struct det_voc *out, const char *text, size_t n, const char *name)
{
	struct voc v = { .out = out, .file = name };

	*out = (struct det_voc){ 0 };
	if (n > INT_MAX)
		return det_fail(DET_LIMIT, "%s: annotations of %zu bytes", name, n);
	if (n == 0) /* of which the parser gives no place */
		return det_fail(DET_TRUNCATED, "%s: XML expected, found nothing", name);
	v.xml = XML_ParserCreate(NULL);
	if (!v.xml)
		return det_fail(DET_NOMEM, "no memory for an XML parser");
	XML_SetUserData(v.xml, &v);
	XML_SetElementHandler(v.xml, on_start, on_end);
	XML_SetCharacterDataHandler(v.xml, on_text);
	XML_SetEntityDeclHandler(v.xml, on_entity);
	if (XML_Parse(v.xml, text, (int)n, 1) != XML_STATUS_OK && !v.e) {
		enum XML_Error code = XML_GetErrorCode(v.xml);
		int cut = code == XML_ERROR_NO_ELEMENTS ||
			  code == XML_ERROR_UNCLOSED_TOKEN ||
			  (size_t)XML_GetCurrentByteIndex(v.xml) >= n;
		long at =
		    (long)XML_GetCurrentByteIndex(v.xml); /* -1 in an empty text */

		v.e = det_fail(cut ? DET_TRUNCATED : DET_CORRUPT,
		    "%s:%lu: no XML at byte %ld: %s", name,
		    (unsigned long)XML_GetCurrentLineNumber(v.xml), at < 0 ? 0 : at,
		    XML_ErrorString(code));
	}
	XML_ParserFree(v.xml);
	if (v.e)
		det_voc_release(out);
	return v.e;
}
