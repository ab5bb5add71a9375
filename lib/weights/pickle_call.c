/* SPDX-License-Identifier: MIT
 *
 * What the globals of a pickle mean here. A pickle asks its reader to import names and to
 * call them, which makes it a program; this reader has no such thing to call. Names that
 * torch's own state dicts hold stand for the values that they would make, some more that
 * checkpoints hold beside the weights (a Namespace of options, a scheduler's Counter) for
 * nothing at all, and every other name ends the reading.
 */
#include <string.h>

#include "weights/pickle_impl.h"

#define STORAGE(type) (PICKLE_STORAGE_CLASS + (int)(type))

static const struct {
	const char *module, *name;
	int what;
} globals[] = {
	{ "collections", "OrderedDict", PICKLE_ORDERED_DICT },
	{ "torch._utils", "_rebuild_tensor", PICKLE_REBUILD_TENSOR },
	{ "torch._utils", "_rebuild_tensor_v2", PICKLE_REBUILD_TENSOR_V2 },
	{ "torch._utils", "_rebuild_parameter", PICKLE_REBUILD_PARAMETER },
	{ "torch._utils", "_rebuild_parameter_with_state", PICKLE_REBUILD_PARAMETER },
	{ "torch", "Size", PICKLE_SIZE },
	{ "__builtin__", "set", PICKLE_MAKE_SET },
	{ "builtins", "set", PICKLE_MAKE_SET },
	{ "torch", "device", PICKLE_INERT },
	{ "torch", "float32", PICKLE_INERT },
	{ "torch", "float64", PICKLE_INERT },
	{ "torch", "float16", PICKLE_INERT },
	{ "torch", "bfloat16", PICKLE_INERT },
	{ "torch", "int64", PICKLE_INERT },
	{ "torch.serialization", "_get_layout", PICKLE_INERT },
	{ "collections", "Counter", PICKLE_INERT },
	{ "argparse", "Namespace", PICKLE_INERT },
	{ "torch", "FloatStorage", STORAGE(DET_SOURCE_F32) },
	{ "torch", "DoubleStorage", STORAGE(DET_SOURCE_F64) },
	{ "torch", "HalfStorage", STORAGE(DET_SOURCE_F16) },
	{ "torch", "BFloat16Storage", STORAGE(DET_SOURCE_BF16) },
	{ "torch", "CharStorage", STORAGE(DET_SOURCE_I8) },
	{ "torch", "ByteStorage", STORAGE(DET_SOURCE_U8) },
	{ "torch", "ShortStorage", STORAGE(DET_SOURCE_I16) },
	{ "torch", "IntStorage", STORAGE(DET_SOURCE_I32) },
	{ "torch", "LongStorage", STORAGE(DET_SOURCE_I64) },
	{ "torch", "BoolStorage", STORAGE(DET_SOURCE_BOOL) },
};

static int
same(const char *a, size_t n, const char *b)
{
	return strlen(b) == n && memcmp(a, b, n) == 0;
}

enum det_err
pickle_global(struct pickle_obj **out, struct pickle *pk, const char *module,
    size_t n_module, const char *name, size_t n_name)
{
	enum det_err e;

	for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
		if (!same(module, n_module, globals[i].module) ||
		    !same(name, n_name, globals[i].name))
			continue;
		if ((e = pickle_new(out, pk, PICKLE_GLOBAL)))
			return e;
		(*out)->i = globals[i].what;
		return DET_OK;
	}
	return det_fail(DET_UNSUPPORTED,
	    "it asks for '%.*s.%.*s', which weights do not need: refused (was a whole "
	    "module saved, not its state_dict?)",
	    n_module > 100 ? 100 : (int)n_module, module,
	    n_name > 100 ? 100 : (int)n_name, name);
}

/* "name: N arguments expected, found M" */
static enum det_err
wants(const struct pickle_obj *args, size_t lo, size_t hi, const char *name)
{
	if (args->n < lo || args->n > hi)
		return det_fail(DET_CORRUPT,
		    "%s: %zu to %zu arguments expected, found %zu", name, lo, hi,
		    args->n);
	return DET_OK;
}

/* OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it. */
static enum det_err
make_dict(struct pickle_obj **out, struct pickle *pk, const struct pickle_obj *args)
{
	const struct pickle_obj *list;
	enum det_err e;

	if ((e = wants(args, 0, 1, "OrderedDict")) ||
	    (e = pickle_new(out, pk, PICKLE_DICT)) || args->n == 0)
		return e;
	list = args->u.item[0];
	if (list->type != PICKLE_LIST && list->type != PICKLE_TUPLE)
		return det_fail(DET_CORRUPT, "OrderedDict: a list of pairs expected");
	for (size_t i = 0; i < list->n; i++) {
		const struct pickle_obj *pair = list->u.item[i];

		if ((pair->type != PICKLE_LIST && pair->type != PICKLE_TUPLE) ||
		    pair->n != 2)
			return det_fail(
			    DET_CORRUPT, "OrderedDict: a list of pairs expected");
		if ((e = pickle_append(*out, pk, pair->u.item, 2)))
			return e;
	}
	return DET_OK;
}

static enum det_err
make_set(struct pickle_obj **out, struct pickle *pk, const struct pickle_obj *args)
{
	const struct pickle_obj *list;
	enum det_err e;

	if ((e = wants(args, 0, 1, "set")) || (e = pickle_new(out, pk, PICKLE_SET)) ||
	    args->n == 0)
		return e;
	list = args->u.item[0];
	if (list->type != PICKLE_LIST && list->type != PICKLE_TUPLE)
		return det_fail(DET_CORRUPT, "set: a list expected");
	return pickle_append(*out, pk, list->u.item, list->n);
}

static enum det_err
make_tensor(struct pickle_obj **out, struct pickle *pk, const struct pickle_obj *args)
{
	static const enum pickle_type types[] = { PICKLE_STORAGE, PICKLE_INT,
		PICKLE_TUPLE, PICKLE_TUPLE };
	enum det_err e;

	for (size_t i = 0; i < 4; i++)
		if (args->u.item[i]->type != types[i])
			return det_fail(DET_CORRUPT,
			    "a tensor is not made of storage, offset, sizes, strides");
	if ((e = pickle_new(out, pk, PICKLE_TENSOR)))
		return e;
	return pickle_append(*out, pk, args->u.item, 4);
}

enum det_err
pickle_call(struct pickle_obj **out, struct pickle *pk, const struct pickle_obj *f,
    const struct pickle_obj *args)
{
	enum det_err e;

	if (f->type != PICKLE_GLOBAL || args->type != PICKLE_TUPLE)
		return det_fail(DET_CORRUPT, "a call of what can't be called");
	switch (f->i) {
	case PICKLE_ORDERED_DICT: return make_dict(out, pk, args);
	case PICKLE_MAKE_SET: return make_set(out, pk, args);
	case PICKLE_INERT: return pickle_new(out, pk, PICKLE_OPAQUE);
	case PICKLE_REBUILD_TENSOR:
		if ((e = wants(args, 4, 4, "_rebuild_tensor")))
			return e;
		return make_tensor(out, pk, args);
	case PICKLE_REBUILD_TENSOR_V2:
		if ((e = wants(args, 6, 7, "_rebuild_tensor_v2")))
			return e;
		return make_tensor(out, pk, args);
	case PICKLE_REBUILD_PARAMETER:
		if ((e = wants(args, 3, 4, "_rebuild_parameter")))
			return e;
		if (args->u.item[0]->type != PICKLE_TENSOR)
			return det_fail(
			    DET_CORRUPT, "_rebuild_parameter: a tensor expected");
		*out = args->u.item[0];
		return DET_OK;
	case PICKLE_SIZE:
		if ((e = wants(args, 1, 1, "torch.Size")))
			return e;
		if (args->u.item[0]->type != PICKLE_TUPLE)
			return det_fail(DET_CORRUPT, "torch.Size: a tuple expected");
		*out = args->u.item[0];
		return DET_OK;
	default: return det_fail(DET_CORRUPT, "a call of a storage class");
	}
}

enum det_err
pickle_persistent(
    struct pickle_obj **out, struct pickle *pk, const struct pickle_obj *id)
{
	struct pickle_obj *const *v = id->u.item;
	enum det_err e;

	if (id->type != PICKLE_TUPLE || id->n < 1)
		return det_fail(DET_CORRUPT, "a persistent id that is no tuple");
	if (!pickle_is(v[0], "storage"))
		return det_fail(DET_UNSUPPORTED,
		    "a persistent id that is no storage: a whole module was saved "
		    "where a state dict is expected");
	if (id->n < 5 || id->n > 6 || v[1]->type != PICKLE_GLOBAL ||
	    v[1]->i < PICKLE_STORAGE_CLASS || v[2]->type != PICKLE_STR ||
	    v[4]->type != PICKLE_INT || v[4]->i < 0)
		return det_fail(DET_CORRUPT,
		    "a storage is not made of class, key, location and size");
	if ((e = pickle_new(out, pk, PICKLE_STORAGE)) ||
	    (e = pickle_append(*out, pk, v + 1, 2)) ||
	    (e = pickle_append(*out, pk, v + 4, id->n - 4)))
		return e;
	return DET_OK;
}
