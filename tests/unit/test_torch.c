/* SPDX-License-Identifier: MIT
 *
 * Files of torch.save: two that torch made (torch_golden.h), damaged ones, and pickles and
 * archives written by hand for what torch never makes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tests/unit/tap.h"
#include "tests/unit/torch_golden.h"
#include "weights/source_impl.h"

#define PATH "t.pth"

static void
put(const void *p, size_t n)
{
	FILE *f = fopen(PATH, "wb");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f))
		abort();
}

static enum det_err
open_bytes(struct det_source *s, const void *p, size_t n)
{
	put(p, n);
	return det_source_open(s, PATH);
}

/* Name, type, shape and values of a tensor. */
static void
holds(const struct det_source *s, const char *name, enum det_source_type type,
    const char *shape, size_t n, const float *want)
{
	const struct det_source_tensor *t = det_source_find(s, name);
	char text[64] = "";
	float v[16] = { 0 };
	int same =
	    t && t->type == type && det_source_count(t) == n && !det_source_read(v, t);

	for (int d = 0; t && d < t->rank; d++)
		(void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%zu",
		    d ? "x" : "", t->dims[d]);
	for (size_t i = 0; same && i < n; i++)
		same = v[i] == want[i];
	ok(same && !strcmp(text, shape), "%s", name);
}

#define V(...)              \
	(const float[])     \
	{                   \
		__VA_ARGS__ \
	}

static void
golden(const char *what, const unsigned char *p, size_t n)
{
	struct det_source s;

	if (open_bytes(&s, p, n)) {
		ok(0, "%s: %s", what, det_errmsg());
		return;
	}
	ok(s.n == 10 && !strcmp(s.t[0].name, "conv.weight") &&
		!strcmp(s.t[9].name, "empty"),
	    "%s: ten tensors in order", what);
	holds(&s, "conv.weight", DET_SOURCE_F32, "3x4", 12,
	    V(0, .25f, .5f, .75f, 1, 1.25f, 1.5f, 1.75f, 2, 2.25f, 2.5f, 2.75f));
	holds(&s, "conv.turned", DET_SOURCE_F32, "4x3", 12,
	    V(0, 1, 2, .25f, 1.25f, 2.25f, .5f, 1.5f, 2.5f, .75f, 1.75f, 2.75f));
	holds(&s, "conv.part", DET_SOURCE_F32, "2x2", 4, V(1, 1.5f, 2, 2.5f));
	holds(&s, "conv.same", DET_SOURCE_F32, "2x4", 8,
	    V(0, .25f, .5f, .75f, 0, .25f, .5f, .75f));
	holds(&s, "half", DET_SOURCE_F16, "3", 3, V(1.5f, -2, 65504));
	holds(&s, "double", DET_SOURCE_F64, "2x1", 2, V(.1f, 0));
	holds(&s, "count", DET_SOURCE_I64, "", 1, V(7));
	holds(&s, "flags", DET_SOURCE_BOOL, "2", 2, V(1, 0));
	holds(&s, "empty", DET_SOURCE_F32, "0x3", 0, V(0));
	ok(det_source_find(&s, "conv.weight")->data ==
		det_source_find(&s, "conv.turned")->data,
	    "%s: a shared storage is shared", what);
	det_source_close(&s);
}

/* Every prefix and every byte changed: an error, or the same tensors in the end; never a
 * crash, and under the sanitizers never a step out of the file. */
static void
damage(const char *what, const unsigned char *p, size_t n)
{
	unsigned char *copy = malloc(n);
	size_t taken = 0, changed = 0;
	struct det_source s = { 0 };

	if (!copy)
		abort();
	for (size_t i = 0; i < n; i += 7) {
		taken += !torch_parse(&s, p, i);
		det_source_close(&s);
	}
	ok(taken == 0, "%s: no prefix is taken", what);
	for (size_t i = 0; i < n; i++) {
		float v[16];

		memcpy(copy, p, n);
		copy[i] = (unsigned char)~copy[i];
		if (torch_parse(&s, copy, n)) {
			det_source_close(&s);
			continue;
		}
		for (size_t k = 0; k < s.n; k++)
			if (det_source_count(&s.t[k]) <= 16)
				changed += !det_source_read(v, &s.t[k]);
		det_source_close(&s);
	}
	ok(changed > 0, "%s: %zu tensors read with a byte changed", what, changed);
	free(copy);
}

/* --- by hand ---------------------------------------------------------------------------- */

/* A legacy file around a pickle of the object and one of the keys; then `n` bytes of data. */
static size_t
legacy(unsigned char *out, const char *object, size_t n_object, const char *keys,
    size_t n_keys, const char *data, size_t n)
{
	static const char head[] = "\x80\2\x8a\nl\xfc\x9c"
				   "F\xf9 j\xa8P\x19.\x80\2M\xe9\3.\x80\2}"
				   "X\r\0\0\0little_endian\x88s.";
	size_t at = sizeof head - 1;

	memcpy(out, head, at);
	memcpy(out + at, object, n_object);
	at += n_object;
	memcpy(out + at, keys, n_keys);
	at += n_keys;
	memcpy(out + at, data, n);
	return at + n;
}

/* An object that is one tensor of storage '0', f32, two numbers: offset, sizes, strides. */
#define STORAGE(count)                                     \
	"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" \
	"0X\3\0\0\0cpuK" count "tQ"
#define TENSOR(count, view, offset, size, stride)                             \
	"\x80\2}X\1\0\0\0tctorch._utils\n_rebuild_tensor\n((X\7\0\0\0storage" \
	"ctorch\nFloatStorage\nX\1\0\0\0"                                     \
	"0X\3\0\0\0cpu" count view "tQ" offset size stride "tRs."
#define KEYS  "\x80\2]X\1\0\0\0000a."
#define DATA  "\2\0\0\0\0\0\0\0\0\0\x80\x3f\0\0\0\x40"
#define PLAIN TENSOR("K\2", "N", "K\0", "K\2\x85", "K\1\x85")

struct by_hand {
	enum det_err e;
	const char *object;
	size_t n;
	const char *keys;
	size_t n_keys;
	const char *data;
	size_t n_data;
	const char *says;
};

#define B(s) s, sizeof s - 1

static void
hand(const struct by_hand *cases, size_t n)
{
	static unsigned char file[4096];

	for (size_t i = 0; i < n; i++) {
		const struct by_hand *c = &cases[i];
		struct det_source s = { 0 };
		size_t size = legacy(
		    file, c->object, c->n, c->keys, c->n_keys, c->data, c->n_data);
		enum det_err e = open_bytes(&s, file, size);

		ok(e == c->e && (!e || strstr(det_errmsg(), c->says)), "%s: %s",
		    c->says, e ? det_errmsg() : "taken");
		det_source_close(&s);
	}
}

static void
tensors(void)
{
	static const struct by_hand cases[] = {
		{ DET_OK, B(PLAIN), B(KEYS), B(DATA), "plain" },
		{ DET_OK, B(TENSOR("K\2", "", "K\0", "K\2\x85", "K\1\x85")), B(KEYS),
		    B(DATA), "without a view" },
		{ DET_OK,
		    B(TENSOR("K\2", "(X\1\0\0\0vK\1K\1t", "K\0", "K\1\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "a view" },
		{ DET_CORRUPT,
		    B(TENSOR("K\2", "(X\1\0\0\0vK\1K\1t", "K\1", "K\1\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "number 1 of a storage of 1" },
		{ DET_CORRUPT,
		    B(TENSOR("K\2", "(X\1\0\0\0vK\1K\2t", "K\0", "K\1\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "view that is not inside" },
		{ DET_CORRUPT,
		    B(TENSOR("K\2", "(X\1\0\0\0vJ\xff\xff\xff\xffK\1t", "K\0",
			"K\1\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "view that is not inside" },
		{ DET_CORRUPT, B(TENSOR("K\2", "N", "K\1", "K\2\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "reaches number 2 of a storage of 2" },
		{ DET_CORRUPT, B(TENSOR("K\2", "N", "K\0", "K\2\x85", "K\2\x85")),
		    B(KEYS), B(DATA), "reaches number 2 of a storage of 2" },
		{ DET_CORRUPT,
		    B(TENSOR(
			"K\2", "N", "K\0", "K\3\x85", "\x8a\10\0\0\0\0\0\0\0\x7f\x85")),
		    B(KEYS), B(DATA), "reaches" },
		{ DET_CORRUPT,
		    B(TENSOR("K\2", "N", "J\xff\xff\xff\xff", "K\1\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "offset is -1" },
		{ DET_CORRUPT,
		    B(TENSOR("K\2", "N", "K\1", "K\2\x85", "J\xff\xff\xff\xff\x85")),
		    B(KEYS), B(DATA), "strides: whole numbers" },
		{ DET_CORRUPT,
		    B(TENSOR("K\2", "N", "K\1", "J\xff\xff\xff\xff\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "sizes: whole numbers" },
		{ DET_CORRUPT, B(TENSOR("K\2", "N", "K\0", "K\2\x85", ")")), B(KEYS),
		    B(DATA), "0 strides for 1 dimensions" },
		{ DET_LIMIT,
		    B(TENSOR("K\2", "N", "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t",
			"(K\1K\1K\1K\1K\1K\1K\1K\1K\1t")),
		    B(KEYS), B(DATA), "9 dimensions" },
		{ DET_LIMIT,
		    B(TENSOR("K\2", "N", "K\0",
			"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86", "K\0K\0\x86")),
		    B(KEYS), B(DATA), "numbers in one tensor" },
		{ DET_CORRUPT,
		    B(TENSOR("J\xff\xff\xff\xff", "N", "K\0", "K\2\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "class, key, location and size" },
		{ DET_TRUNCATED, B(TENSOR("K\4", "N", "K\0", "K\2\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "before its 4 numbers do" },
		{ DET_CORRUPT, B(TENSOR("K\1", "N", "K\0", "K\1\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "1 numbers expected, found 2" },
		{ DET_LIMIT,
		    B(TENSOR(
			"\x8a\10\0\0\0\0\0\0\0\x7f", "N", "K\0", "K\1\x85", "K\1\x85")),
		    B(KEYS), B(DATA), "the limit is 1099511627776" },
		{ DET_CORRUPT, B(PLAIN), B(KEYS), B(DATA "x"), "1 bytes after" },
		{ DET_CORRUPT, B(PLAIN), B("\x80\2]."), B(""), "does not follow" },
		{ DET_CORRUPT, B(PLAIN), B("\x80\2]X\1\0\0\0001a."), B(DATA),
		    "that no tensor uses" },
		{ DET_CORRUPT, B(PLAIN), B("\x80\2](X\1\0\0\0000X\1\0\0\0000e."),
		    B(DATA DATA), "follows twice" },
		{ DET_CORRUPT, B(PLAIN), B("\x80\2N."), B(DATA), "a list of storages" },
	};

	hand(cases, sizeof cases / sizeof *cases);
}

/* Where a dimension is 1 its stride leads nowhere, and may be any number. */
static void
strides_of_one(void)
{
	static const char object[] = TENSOR("K\2", "N", "K\0", "K\2K\1\x86",
	    "K\1\x8a\10\xfc\xff\xff\xff\xff\xff\xff\x3f\x86");
	static unsigned char file[4096];
	struct det_source s = { 0 };
	size_t n = legacy(file, B(object), B(KEYS), B(DATA));
	float v[2] = { 0 };

	if (open_bytes(&s, file, n))
		ok(0, "%s", det_errmsg());
	else
		ok(!det_source_read(v, &s.t[0]) && v[0] == 1 && v[1] == 2,
		    "a giant stride where a dimension is 1");
	det_source_close(&s);
}

/* Pickles that ask for more than weights need, or make no sense. */
static void
pickles(void)
{
	static const struct by_hand cases[] = {
		{ DET_UNSUPPORTED, B("\x80\2cos\nsystem\nX\2\0\0\0id\x85R."), B(KEYS),
		    B(DATA), "'os.system'" },
		{ DET_UNSUPPORTED, B("\x80\4\x8c\2os\x8c\6system\x93."), B(KEYS),
		    B(DATA), "'os.system'" },
		{ DET_UNSUPPORTED, B("\x80\2ctorch.storage\n_load_from_bytes\n."),
		    B(KEYS), B(DATA), "'torch.storage._load_from_bytes'" },
		{ DET_UNSUPPORTED, B("\x80\2(ios\nsystem\n."), B(KEYS), B(DATA),
		    "opcode 0x69" },
		{ DET_UNSUPPORTED, B("\x80\2\x82\1."), B(KEYS), B(DATA),
		    "opcode 0x82" },
		{ DET_UNSUPPORTED, B("\x80\1N."), B(KEYS), B(DATA), "protocol 2 to 5" },
		{ DET_UNSUPPORTED, B("\x80\2(X\6\0\0\0moduletQ."), B(KEYS), B(DATA),
		    "no storage" },
		{ DET_CORRUPT, B("\x80\2NQ."), B(KEYS), B(DATA), "no tuple" },
		{ DET_CORRUPT, B("\x80\2."), B(KEYS), B(DATA), "found 0" },
		{ DET_CORRUPT, B("\x80\2NN."), B(KEYS), B(DATA), "found 2" },
		{ DET_CORRUPT, B("\x80\2(N."), B(KEYS), B(DATA), "end, found 1" },
		{ DET_CORRUPT, B("\x80\2t."), B(KEYS), B(DATA), "no mark" },
		{ DET_INVALID, B("\x80\2(t."), B("\x80\2]."), B(""), "no tensors" },
		{ DET_CORRUPT, B("\x80\2\x85."), B(KEYS), B(DATA), "stack is empty" },
		{ DET_CORRUPT, B("\x80\2N(\x85."), B(KEYS), B(DATA), "stack is empty" },
		{ DET_CORRUPT, B("\x80\2(Ne."), B(KEYS), B(DATA), "stack is empty" },
		{ DET_CORRUPT, B("\x80\2N(Ne."), B(KEYS), B(DATA), "does not hold" },
		{ DET_CORRUPT, B("\x80\2}(Nu."), B(KEYS), B(DATA), "without a value" },
		{ DET_CORRUPT, B("\x80\2(Nd."), B(KEYS), B(DATA), "without a value" },
		{ DET_CORRUPT, B("\x80\2h\0."), B(KEYS), B(DATA), "no memo entry 0" },
		{ DET_CORRUPT, B("\x80\2Nr\xff\xff\xff\xff."), B(KEYS), B(DATA),
		    "memo entry 4294967295" },
		{ DET_CORRUPT, B("\x80\2N}b."), B(KEYS), B(DATA), "state for" },
		{ DET_CORRUPT, B("\x80\2N)R."), B(KEYS), B(DATA), "can't be called" },
		{ DET_CORRUPT, B("\x80\2ctorch\nFloatStorage\n)R."), B(KEYS), B(DATA),
		    "storage class" },
		{ DET_CORRUPT, B("\x80\2ctorch._utils\n_rebuild_tensor\n)R."), B(KEYS),
		    B(DATA), "4 to 4 arguments" },
		{ DET_CORRUPT, B("\x80\2ctorch._utils\n_rebuild_tensor\n(NNNNtR."),
		    B(KEYS), B(DATA), "storage, offset" },
		{ DET_CORRUPT, B("\x80\2ccollections\nOrderedDict\n]N\x86R."), B(KEYS),
		    B(DATA), "0 to 1 arguments" },
		{ DET_CORRUPT, B("\x80\2ccollections\nOrderedDict\n]Na\x85R."), B(KEYS),
		    B(DATA), "pairs expected" },
		{ DET_INVALID, B("\x80\2N."), B("\x80\2]."), B(""), "no tensors" },
		{ DET_INVALID, B("\x80\2}X\1\0\0\0aK\1s."), B("\x80\2]."), B(""),
		    "no tensors" },
		/* a dict in itself, and one whose parts are shared */
		{ DET_LIMIT, B("\x80\2}q\0X\1\0\0\0ah\0s."), B("\x80\2]."), B(""),
		    "deeper than 32" },
		{ DET_LIMIT,
		    B("\x80\2(]q\0(K\1K\1K\1K\1e"
		      "]q\1(h\0h\0h\0h\0h\0h\0h\0h\0e"
		      "]q\2(h\1h\1h\1h\1h\1h\1h\1h\1e"
		      "]q\3(h\2h\2h\2h\2h\2h\2h\2h\2e"
		      "]q\4(h\3h\3h\3h\3h\3h\3h\3h\3e"
		      "]q\5(h\4h\4h\4h\4h\4h\4h\4h\4e"
		      "]q\6(h\5h\5h\5h\5h\5h\5h\5h\5e"
		      "]q\7(h\6h\6h\6h\6h\6h\6h\6h\6e"
		      "]q\10(h\7h\7h\7h\7h\7h\7h\7h\7et."),
		    B("\x80\2]."), B(""), "values in dicts and lists" },
	};

	hand(cases, sizeof cases / sizeof *cases);
}

/* Names: joined, numbered, unwrapped, stripped; and those that may not be. */
static void
names(void)
{
#define ONE       "ctorch._utils\n_rebuild_tensor\n(" STORAGE("\2") "K\0K\2\x85K\1\x85tR"
#define KEY(n, s) "X" n "\0\0\0" s
	static const struct {
		const char *object;
		size_t n;
		const char *want, *notes;
	} cases[] = {
		{ B("\x80\2" ONE "."), "tensor", "" },
		{ B("\x80\2}" KEY("\1", "a") "}" KEY("\1", "b") "]" ONE "ass."),
		    "a.b.0", "" },
		{ B("\x80\2}K\5" ONE "s."), "5", "" },
		{ B("\x80\2}" KEY("\10", "module.x") ONE "s."), "x",
		    "'module.' taken off" },
		{ B("\x80\2}" KEY("\5", "model") "}" KEY("\1", "w") ONE "ss."), "w",
		    "" },
		{ B("\x80\2}(" KEY("\5", "epoch") "K\3" KEY("\5", "model") "}" KEY(
		      "\1", "w") ONE "s" KEY("\11", "optimizer") "]" ONE "a" ONE "a" ONE
								 "au."),
		    "w", "1 tensors under 'model' taken, 3 beside" },
		{ B("\x80\2}(" KEY("\1", "w") ONE KEY("\1", "n") "Nu."), "w",
		    "1 values that are no tensors left, 'n' the first" },
		{ B("\x80\2}(" KEY("\1", "w") ONE KEY("\11", "optimizer") ONE "u."),
		    "w", "" },
		{ B("\x80\2ccollections\nOrderedDict\n]]" KEY("\1", "w") "a" ONE
									 "aa\x85R."),
		    "w", "" },
	};
	static const struct by_hand bad[] = {
		{ DET_CORRUPT, B("\x80\2}(" KEY("\1", "a") ONE KEY("\1", "a") ONE "u."),
		    B(KEYS), B(DATA), "two tensors named 'a'" },
		{ DET_CORRUPT,
		    B("\x80\2}(" KEY("\3", "a.b") ONE KEY("\1", "a") "}" KEY("\1", "b")
			    ONE "su."),
		    B(KEYS), B(DATA), "two tensors named 'a.b'" },
		{ DET_CORRUPT, B("\x80\2}" KEY("\1", "\n") ONE "s."), B(KEYS), B(DATA),
		    "byte 0xa" },
		{ DET_CORRUPT, B("\x80\2}" KEY("\0", "") ONE "s."), B(KEYS), B(DATA),
		    "without a name" },
	};
	static unsigned char file[4096];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct det_source s = { 0 };
		size_t n = legacy(file, cases[i].object, cases[i].n, B(KEYS), B(DATA));
		enum det_err e = open_bytes(&s, file, n);
		const char *notes = s.notes.text ? s.notes.text : "";

		ok(!e && s.n == 1 && !strcmp(s.t[0].name, cases[i].want), "name '%s'%s",
		    cases[i].want, e ? det_errmsg() : "");
		ok(*cases[i].notes ? strstr(notes, cases[i].notes) != NULL : !*notes,
		    "and what is said of it: %.60s", cases[i].notes);
		det_source_close(&s);
	}
	hand(bad, sizeof bad / sizeof *bad);
}

/* --- zip -------------------------------------------------------------------------------- */

/* Offset of the i-th signature "PK" a b in a file. */
static size_t
find(const unsigned char *p, size_t n, int a, int b)
{
	for (size_t i = n - 4; i > 0; i--)
		if (p[i] == 'P' && p[i + 1] == 'K' && p[i + 2] == a && p[i + 3] == b)
			return i;
	abort();
}

static void
zips(void)
{
	static unsigned char z[sizeof golden_zip];
	const size_t n = sizeof z, end = find(golden_zip, n, 5, 6),
		     entry = det_le32(golden_zip + end + 16);
	const struct {
		size_t at;
		unsigned char byte;
		enum det_err e;
		const char *says;
	} cases[] = {
		{ end + 4, 1, DET_UNSUPPORTED, "several parts" },
		{ end + 10, 1, DET_UNSUPPORTED, "several parts" },
		{ end + 18, 9, DET_CORRUPT, "outside the archive" },
		{ end + 20, 1, DET_TRUNCATED, "no end record" },
		{ entry, 'Q', DET_CORRUPT, "directory is damaged" },
		{ entry + 8, 1, DET_UNSUPPORTED, "encrypted" },
		{ entry + 10, 8, DET_UNSUPPORTED, "compressed (method 8)" },
		{ entry + 16, 1, DET_CORRUPT, "does not match" },
		{ entry + 20, 1, DET_CORRUPT, "of two sizes" },
		{ entry + 44, 9, DET_CORRUPT, "no local header" },
		{ entry + 28, 0xff, DET_CORRUPT, "" },
		{ 30, 'Q', DET_CORRUPT, "another name" },
	};
	struct det_source s;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum det_err e;

		memcpy(z, golden_zip, n);
		z[cases[i].at] = cases[i].byte;
		e = open_bytes(&s, z, n);
		ok(e == cases[i].e && strstr(det_errmsg(), cases[i].says),
		    "zip refused: %s", e ? det_errmsg() : "not at all");
		det_source_close(&s);
	}
	memcpy(z, golden_zip, n);
	memset(z + entry + 16, 0, 4);
	ok(!open_bytes(&s, z, n), "a check of 0 is none");
	det_source_close(&s);
}

/* The same archive with a 64-bit end record, its 32-bit one full of ones. */
static void
zip64(void)
{
	static unsigned char z[sizeof golden_zip + 76];
	const size_t n = sizeof golden_zip, end = find(golden_zip, n, 5, 6);
	unsigned char *e = z + end, *l = e + 56, *old = l + 20;
	struct det_source s;

	memcpy(z, golden_zip, end);
	memcpy(e, "PK\6\6", 4);
	det_put64(e + 4, 44);
	det_put64(e + 24, det_le16(golden_zip + end + 10));
	det_put64(e + 32, det_le16(golden_zip + end + 10));
	det_put64(e + 40, det_le32(golden_zip + end + 12));
	det_put64(e + 48, det_le32(golden_zip + end + 16));
	memcpy(l, "PK\6\7", 4);
	det_put64(l + 8, end);
	det_put32(l + 16, 1);
	memcpy(old, golden_zip + end, 22);
	memset(old + 8, 0xff, 12);
	ok(!open_bytes(&s, z, sizeof z) && s.n == 10, "64-bit end record: %s",
	    det_errmsg());
	det_source_close(&s);
	det_put64(l + 8, end + 1);
	ok(open_bytes(&s, z, sizeof z) == DET_CORRUPT, "refused: %s", det_errmsg());
	det_put64(l + 8, (uint64_t)1 << 63);
	ok(open_bytes(&s, z, sizeof z) == DET_CORRUPT, "refused: %s", det_errmsg());
	det_put64(l + 8, end);
	det_put64(e + 48, UINT64_MAX);
	ok(open_bytes(&s, z, sizeof z) == DET_CORRUPT, "refused: %s", det_errmsg());
	det_put64(e + 48, det_le32(golden_zip + end + 16));
	det_put64(e + 24, UINT64_MAX);
	det_put64(e + 32, UINT64_MAX);
	ok(open_bytes(&s, z, sizeof z) == DET_CORRUPT, "refused: %s", det_errmsg());
	l[0] = 'Q';
	ok(open_bytes(&s, z, sizeof z) == DET_CORRUPT, "refused: %s", det_errmsg());
}

/* An archive of one entry d/data.pkl, an empty dict, whose sizes and offset stand in a 64-bit
 * extra field after another one; `damage` changes one byte of that. */
static enum det_err
extra64(size_t at, unsigned char byte)
{
	static const char pickle[] = "\x80\2}.", name[] = "d/data.pkl";
	unsigned char z[200] = "PK\3\4", *c = z + 44, *x = c + 46 + 10, *end = x + 36;
	struct det_source s;

	z[26] = 10;
	memcpy(z + 30, name, 10);
	memcpy(z + 40, pickle, 4);
	memcpy(c, "PK\1\2", 4);
	memset(c + 20, 0xff, 8);
	c[28] = 10;
	c[30] = 36;
	memset(c + 42, 0xff, 4);
	memcpy(c + 46, name, 10);
	x[0] = 'F';
	x[1] = 'B';
	x[2] = 4;
	x[8] = 1;
	x[10] = 24;
	x[12] = 4;
	x[20] = 4;
	memcpy(end, "PK\5\6", 4);
	end[8] = end[10] = 1;
	end[12] = 46 + 10 + 36;
	end[16] = 44;
	if (at)
		x[at] = byte;
	return open_bytes(&s, z, (size_t)(end - z) + 22);
}

static void
extras(void)
{
	ok(extra64(0, 0) == DET_INVALID && strstr(det_errmsg(), "no tensors"),
	    "64-bit sizes of an entry: %s", det_errmsg());
	ok(extra64(8, 2) == DET_CORRUPT && strstr(det_errmsg(), "are missing"), "%s",
	    det_errmsg());
	ok(extra64(2, 255) == DET_CORRUPT && strstr(det_errmsg(), "are missing"), "%s",
	    det_errmsg());
	ok(extra64(10, 16) == DET_CORRUPT && strstr(det_errmsg(), "cut short"), "%s",
	    det_errmsg());
	ok(extra64(12, 5) == DET_CORRUPT && strstr(det_errmsg(), "two sizes"), "%s",
	    det_errmsg());
	ok(extra64(35, 128) == DET_CORRUPT && strstr(det_errmsg(), "no local header"),
	    "%s", det_errmsg());
}

static void
others(void)
{
	static unsigned char tar[512];
	struct det_source s;

	memcpy(tar + 257, "ustar", 5);
	ok(open_bytes(&s, tar, sizeof tar) == DET_UNSUPPORTED, "tar: %s", det_errmsg());
	ok(open_bytes(&s, "", 0) == DET_INVALID, "nothing: %s", det_errmsg());
	ok(open_bytes(&s, B("\x80\2N.")) == DET_INVALID, "a pickle: %s", det_errmsg());
	ok(open_bytes(&s, B("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")) ==
		DET_INVALID,
	    "an empty archive: %s", det_errmsg());
	ok(det_torch_open(&s, PATH) == DET_INVALID, "by its own reader: %s",
	    det_errmsg());
}

int
main(void)
{
	golden("zip", golden_zip, sizeof golden_zip);
	golden("legacy", golden_legacy, sizeof golden_legacy);
	tensors();
	strides_of_one();
	pickles();
	names();
	zips();
	zip64();
	extras();
	others();
	damage("zip", golden_zip, sizeof golden_zip);
	damage("legacy", golden_legacy, sizeof golden_legacy);
	(void)unlink(PATH);
	return done();
}
