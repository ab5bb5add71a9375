/* SPDX-License-Identifier: MIT
 *
 * Pickles from hostile bytes: every object that was made is whole, its strings lie in the
 * pickle and its items among the objects.
 */
#include <stdlib.h>

#include "weights/pickle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_items(const struct pickle_obj *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->u.item[i]->type > PICKLE_OPAQUE)
			abort();
	if ((o->type == PICKLE_DICT && o->n % 2) ||
	    (o->type == PICKLE_TENSOR && o->n != 4) ||
	    (o->type == PICKLE_STORAGE && o->n != 3 && o->n != 4))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pickle_obj *o;
	struct pickle *pk;
	size_t used = 0;

	if (pickle_read(&pk, &used, data, size))
		return 0;
	if (used > size || !pickle_root(pk))
		abort();
	for (size_t i = 0; (o = pickle_object(pk, i)); i++)
		switch (o->type) {
		case PICKLE_STR:
		case PICKLE_BYTES:
		case PICKLE_LONG:
			if (o->u.s < (const char *)data ||
			    (size_t)(o->u.s - (const char *)data) > size ||
			    o->n > size - (size_t)(o->u.s - (const char *)data))
				abort();
			break;
		case PICKLE_TUPLE:
		case PICKLE_LIST:
		case PICKLE_DICT:
		case PICKLE_SET:
		case PICKLE_STORAGE:
		case PICKLE_TENSOR: check_items(o); break;
		default: break;
		}
	pickle_free(pk);
	return 0;
}
