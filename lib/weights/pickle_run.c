/* SPDX-License-Identifier: MIT
 *
 * A pickle is a program for a stack machine: an opcode of one byte, its argument, on to the
 * next until STOP, when the value on top is the result. Values are pushed; MARK remembers a
 * height, and TUPLE, APPENDS, SETITEMS take all above it; PUT and GET keep values under
 * numbers (the memo), which is how one storage is shared by many tensors.
 *
 * This machine knows the opcodes that protocols 2 to 5 need for data, and none of protocol
 * 0's lines of text but GLOBAL. Numbers are little-endian, BINFLOAT's big-endian. Strings
 * stay where they are in the file. The number of a memo entry must be below the number of
 * bytes read so far, as every writer counts them up: memory stays within pickle.c's bounds.
 *
 * Source: Python's Lib/pickletools.py, which describes each opcode.
 */
#include "weights/pickle_impl.h"

#include <string.h>

/* n bytes of the pickle, at *p. */
static enum det_err
take(const unsigned char **p, struct pickle *pk, uint64_t n)
{
	if (n > pk->size - pk->at)
		return det_fail(DET_TRUNCATED, "the pickle ends within an argument");
	*p = pk->p + pk->at;
	pk->at += (size_t)n;
	return DET_OK;
}

/* An unsigned number of `bytes` bytes. */
static enum det_err
take_number(uint64_t *v, struct pickle *pk, int bytes)
{
	const unsigned char *p = NULL;
	enum det_err e = take(&p, pk, (uint64_t)bytes);

	*v = 0;
	for (int i = 0; !e && i < bytes; i++)
		*v |= (uint64_t)p[i] << 8 * i;
	return e;
}

static enum det_err
push(struct pickle *pk, struct pickle_obj *o)
{
	enum det_err e;

	if ((e = pickle_grow(&pk->stack, &pk->cap_stack, pk->n_stack + 1, pk)))
		return e;
	pk->stack[pk->n_stack++] = o;
	return DET_OK;
}

static enum det_err
push_new(struct pickle *pk, enum pickle_type type, int64_t i)
{
	struct pickle_obj *o;
	enum det_err e = pickle_new(&o, pk, type);

	if (e)
		return e;
	o->i = i;
	return push(pk, o);
}

/* At least n values above the last mark. */
static enum det_err
need(const struct pickle *pk, size_t n)
{
	size_t floor = pk->n_mark ? pk->mark[pk->n_mark - 1] : 0;

	if (pk->n_stack - floor < n)
		return det_fail(DET_CORRUPT, "the stack is empty");
	return DET_OK;
}

static struct pickle_obj *
top(const struct pickle *pk)
{
	return pk->stack[pk->n_stack - 1];
}

/* Takes the mark off: the values above it begin at *first. */
static enum det_err
pop_mark(struct pickle *pk, size_t *first)
{
	if (pk->n_mark == 0)
		return det_fail(DET_CORRUPT, "no mark on the stack");
	*first = pk->mark[--pk->n_mark];
	return DET_OK;
}

static enum det_err
push_mark(struct pickle *pk)
{
	enum det_err e;

	if ((e = pickle_grow(&pk->mark, &pk->cap_mark, pk->n_mark + 1, pk)))
		return e;
	pk->mark[pk->n_mark++] = pk->n_stack;
	return DET_OK;
}

static enum det_err
push_string(struct pickle *pk, enum pickle_type type, int bytes)
{
	const unsigned char *p = NULL;
	struct pickle_obj *o;
	uint64_t n;
	enum det_err e;

	if ((e = take_number(&n, pk, bytes)) || (e = take(&p, pk, n)) ||
	    (e = pickle_new(&o, pk, type)))
		return e;
	o->u.s = (const char *)p;
	o->n = (size_t)n;
	return push(pk, o);
}

/* An integer of n bytes in two's complement. */
static enum det_err
push_long(struct pickle *pk, int bytes)
{
	const unsigned char *p = NULL;
	struct pickle_obj *o;
	uint64_t n, v;
	enum det_err e;

	if ((e = take_number(&n, pk, bytes)) || (e = take(&p, pk, n)))
		return e;
	if (n > 8) {
		if ((e = pickle_new(&o, pk, PICKLE_LONG)))
			return e;
		o->u.s = (const char *)p;
		o->n = (size_t)n;
		return push(pk, o);
	}
	v = n && p[n - 1] & 0x80 ? ~(uint64_t)0 : 0;
	for (size_t i = (size_t)n; i-- > 0;)
		v = v << 8 | p[i];
	return push_new(pk, PICKLE_INT, (int64_t)v);
}

/* The last n values become the items of a container in their place. */
static enum det_err
collect(struct pickle *pk, enum pickle_type type, size_t first)
{
	struct pickle_obj *o;
	enum det_err e;

	if ((e = pickle_new(&o, pk, type)) ||
	    (e = pickle_append(o, pk, pk->stack + first, pk->n_stack - first)))
		return e;
	pk->n_stack = first;
	return push(pk, o);
}

static enum det_err
collect_last(struct pickle *pk, size_t n)
{
	enum det_err e = need(pk, n);

	return e ? e : collect(pk, PICKLE_TUPLE, pk->n_stack - n);
}

static enum det_err
collect_marked(struct pickle *pk, enum pickle_type type)
{
	size_t first = 0;
	enum det_err e = pop_mark(pk, &first);

	if (e)
		return e;
	if (type == PICKLE_DICT && (pk->n_stack - first) % 2)
		return det_fail(DET_CORRUPT, "a key without a value");
	return collect(pk, type, first);
}

/* All from `first` up goes into the container below. */
static enum det_err
add_items(struct pickle *pk, enum pickle_type type, size_t first)
{
	size_t floor = pk->n_mark ? pk->mark[pk->n_mark - 1] : 0,
	       n = pk->n_stack - first;
	struct pickle_obj *o;
	enum det_err e;

	if (first <= floor)
		return det_fail(DET_CORRUPT, "the stack is empty");
	o = pk->stack[first - 1];
	pk->n_stack = first;
	/* what an inert global made takes items in silence: a Counter, say */
	if (o->type == PICKLE_OPAQUE)
		return DET_OK;
	if (o->type != type)
		return det_fail(DET_CORRUPT, "items for what does not hold any");
	if (type == PICKLE_DICT && n % 2)
		return det_fail(DET_CORRUPT, "a key without a value");
	if ((e = pickle_append(o, pk, pk->stack + first, n)))
		return e;
	return DET_OK;
}

static enum det_err
add_marked(struct pickle *pk, enum pickle_type type)
{
	size_t first = 0;
	enum det_err e = pop_mark(pk, &first);

	return e ? e : add_items(pk, type, first);
}

static enum det_err
add_last(struct pickle *pk, enum pickle_type type, size_t n)
{
	enum det_err e = need(pk, n + 1);

	return e ? e : add_items(pk, type, pk->n_stack - n);
}

static enum det_err
put(struct pickle *pk, uint64_t i)
{
	size_t before = pk->cap_memo;
	enum det_err e;

	if ((e = need(pk, 1)))
		return e;
	if (i >= pk->at)
		return det_fail(DET_CORRUPT, "memo entry %llu before so many were made",
		    (unsigned long long)i);
	if ((e = pickle_grow(&pk->memo, &pk->cap_memo, (size_t)i + 1, pk)))
		return e;
	for (; before < pk->cap_memo; before++)
		pk->memo[before] = NULL;
	pk->memo[i] = top(pk);
	pk->n_memo++;
	return DET_OK;
}

static enum det_err
get(struct pickle *pk, uint64_t i)
{
	if (i >= pk->cap_memo || !pk->memo[i])
		return det_fail(
		    DET_CORRUPT, "no memo entry %llu", (unsigned long long)i);
	return push(pk, pk->memo[i]);
}

static enum det_err
take_line(const char **s, size_t *n, struct pickle *pk)
{
	const unsigned char *p = pk->p + pk->at,
			    *end = memchr(p, '\n', pk->size - pk->at);

	if (!end)
		return det_fail(DET_TRUNCATED, "the pickle ends within a name");
	*s = (const char *)p;
	*n = (size_t)(end - p);
	pk->at += *n + 1;
	return DET_OK;
}

static enum det_err
push_global(struct pickle *pk)
{
	struct pickle_obj *o;
	const char *module = NULL, *name = NULL;
	size_t n_module = 0, n_name = 0;
	enum det_err e;

	if ((e = take_line(&module, &n_module, pk)) ||
	    (e = take_line(&name, &n_name, pk)) ||
	    (e = pickle_global(&o, pk, module, n_module, name, n_name)))
		return e;
	return push(pk, o);
}

static enum det_err
stack_global(struct pickle *pk)
{
	const struct pickle_obj *m, *n;
	struct pickle_obj *o;
	enum det_err e;

	if ((e = need(pk, 2)))
		return e;
	n = pk->stack[--pk->n_stack];
	m = pk->stack[--pk->n_stack];
	if (m->type != PICKLE_STR || n->type != PICKLE_STR)
		return det_fail(DET_CORRUPT, "a global whose name is no string");
	if ((e = pickle_global(&o, pk, m->u.s, m->n, n->u.s, n->n)))
		return e;
	return push(pk, o);
}

static enum det_err
call(struct pickle *pk)
{
	struct pickle_obj *o;
	enum det_err e;

	if ((e = need(pk, 2)) ||
	    (e = pickle_call(&o, pk, pk->stack[pk->n_stack - 2], top(pk))))
		return e;
	pk->n_stack -= 2;
	return push(pk, o);
}

/* State for an object: attributes of an OrderedDict or a tensor, which nobody needs. */
static enum det_err
build(struct pickle *pk)
{
	enum det_err e;

	if ((e = need(pk, 2)))
		return e;
	pk->n_stack--;
	if (top(pk)->type != PICKLE_DICT && top(pk)->type != PICKLE_TENSOR &&
	    top(pk)->type != PICKLE_OPAQUE)
		return det_fail(DET_CORRUPT, "state for what has none");
	return DET_OK;
}

static enum det_err
persistent(struct pickle *pk)
{
	struct pickle_obj *o;
	enum det_err e;

	if ((e = need(pk, 1)) || (e = pickle_persistent(&o, pk, top(pk))))
		return e;
	pk->n_stack--;
	return push(pk, o);
}

static enum det_err
pop(struct pickle *pk)
{
	enum det_err e;

	/* at a mark, POP takes that */
	if (pk->n_mark && pk->mark[pk->n_mark - 1] == pk->n_stack) {
		pk->n_mark--;
		return DET_OK;
	}
	if ((e = need(pk, 1)))
		return e;
	pk->n_stack--;
	return DET_OK;
}

static enum det_err
step_number(struct pickle *pk, unsigned op)
{
	static const int bytes[256] = { ['J'] = 4,
		['K'] = 1,
		['M'] = 2,
		['q'] = 1,
		['r'] = 4,
		['h'] = 1,
		['j'] = 4,
		['G'] = 8,
		[0x80] = 1,
		[0x95] = 8 };
	uint64_t v;
	enum det_err e;

	if ((e = take_number(&v, pk, bytes[op])))
		return e;
	switch (op) {
	case 'J': return push_new(pk, PICKLE_INT, (int32_t)(uint32_t)v);
	case 'K':
	case 'M': return push_new(pk, PICKLE_INT, (int64_t)v);
	case 'G': return push_new(pk, PICKLE_FLOAT, 0);
	case 'q':
	case 'r': return put(pk, v);
	case 'h':
	case 'j': return get(pk, v);
	case 0x80:
		if (v < 2 || v > 5)
			return det_fail(DET_UNSUPPORTED,
			    "pickle protocol 2 to 5 expected, found %d", (int)v);
		return DET_OK;
	default: return DET_OK; /* FRAME: its length is of no use here */
	}
}

static enum det_err
step_string(struct pickle *pk, unsigned op)
{
	switch (op) {
	case 'X': return push_string(pk, PICKLE_STR, 4);
	case 0x8c: return push_string(pk, PICKLE_STR, 1);
	case 0x8d: return push_string(pk, PICKLE_STR, 8);
	case 'U': return push_string(pk, PICKLE_STR, 1);
	case 'T': return push_string(pk, PICKLE_STR, 4);
	case 'C': return push_string(pk, PICKLE_BYTES, 1);
	case 'B': return push_string(pk, PICKLE_BYTES, 4);
	case 0x8e: return push_string(pk, PICKLE_BYTES, 8);
	case 0x8a: return push_long(pk, 1);
	default: return push_long(pk, 4); /* 0x8b */
	}
}

static enum det_err
step(struct pickle *pk, unsigned op)
{
	size_t first = 0;
	enum det_err e;

	switch (op) {
	case 'J':
	case 'K':
	case 'M':
	case 'G':
	case 'q':
	case 'r':
	case 'h':
	case 'j':
	case 0x80:
	case 0x95: return step_number(pk, op);
	case 'X':
	case 0x8c:
	case 0x8d:
	case 'U':
	case 'T':
	case 'C':
	case 'B':
	case 0x8e:
	case 0x8a:
	case 0x8b: return step_string(pk, op);
	case '(': return push_mark(pk);
	case '0': return pop(pk);
	case '1':
		if ((e = pop_mark(pk, &first)))
			return e;
		pk->n_stack = first;
		return DET_OK;
	case '2': return (e = need(pk, 1)) ? e : push(pk, top(pk));
	case 'N': return push_new(pk, PICKLE_NONE, 0);
	case 0x88: return push_new(pk, PICKLE_BOOL, 1);
	case 0x89: return push_new(pk, PICKLE_BOOL, 0);
	case ')': return push_new(pk, PICKLE_TUPLE, 0);
	case ']': return push_new(pk, PICKLE_LIST, 0);
	case '}': return push_new(pk, PICKLE_DICT, 0);
	case 0x8f: return push_new(pk, PICKLE_SET, 0);
	case 0x85: return collect_last(pk, 1);
	case 0x86: return collect_last(pk, 2);
	case 0x87: return collect_last(pk, 3);
	case 't': return collect_marked(pk, PICKLE_TUPLE);
	case 'l': return collect_marked(pk, PICKLE_LIST);
	case 'd': return collect_marked(pk, PICKLE_DICT);
	case 0x91: return collect_marked(pk, PICKLE_SET);
	case 'a': return add_last(pk, PICKLE_LIST, 1);
	case 's': return add_last(pk, PICKLE_DICT, 2);
	case 'e': return add_marked(pk, PICKLE_LIST);
	case 'u': return add_marked(pk, PICKLE_DICT);
	case 0x90: return add_marked(pk, PICKLE_SET);
	case 0x94: return put(pk, pk->n_memo);
	case 'c': return push_global(pk);
	case 0x93: return stack_global(pk);
	case 'R':
	case 0x81: return call(pk);
	case 'b': return build(pk);
	case 'Q': return persistent(pk);
	default:
		return det_fail(
		    DET_UNSUPPORTED, "opcode %#x, which weights do not need", op);
	}
}

enum det_err
pickle_run(struct pickle *pk)
{
	size_t from;
	unsigned op;
	enum det_err e;

	for (;;) {
		from = pk->at;
		if (from == pk->size)
			return det_fail(DET_TRUNCATED, "the pickle has no end");
		op = pk->p[pk->at++];
		if (op == '.')
			break;
		if ((e = step(pk, op)))
			return det_fail_in(e, "byte %zu", from);
	}
	if (pk->n_stack != 1 || pk->n_mark)
		return det_fail(DET_CORRUPT,
		    "one value expected at the pickle's end, found %zu", pk->n_stack);
	pk->root = top(pk);
	return DET_OK;
}
