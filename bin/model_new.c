/* SPDX-License-Identifier: MIT
 *
 * det-model new: a network with random weights.
 */
#include "bin/model.h"

#include <stdlib.h>

#include "image/resize.h"
#include "model/seeded.h"

struct make {
	const char *darknet, *net;
	struct model_darknet d;
	long seed;
};

static void
make_net(struct tool *t, const struct make *s)
{
	struct det_classes none = { 0 };
	char *text;
	size_t len;

	if (s->d.classes)
		tool_usage(
		    t, "--classes goes with --darknet: a bare network has no decoder");
	tool_slurp(t, &text, &len, s->net, MODEL_MAX_TEXT);
	tool_stream_classes(t, &none);
	tool_check(t, det_seeded_write(t->out, text, len, s->net, (uint64_t)s->seed));
	tool_stream_end(t);
	free(text);
}

static void
make_darknet(struct tool *t, const struct make *s)
{
	struct det_darknet *d = model_darknet_parse(t, &s->d, s->darknet);

	det_darknet_seed(d, (uint64_t)s->seed);
	model_darknet_write(t, &s->d, d);
}

int
model_new(int argc, char *argv[])
{
	struct make s = { .seed = 1 };
	const struct opt opts[] = {
		OPT_STR(0, "darknet", &s.darknet, "CFG", "the network, a Darknet cfg"),
		OPT_STR(0, "net", &s.net, "FILE", "or a network as text, det-net(5)"),
		OPT_LONG(
		    0, "seed", &s.seed, 0, 2147483647, "N", "of the random weights"),
		OPT_CLASSES(&s.d.classes),
		OPT_DARKNET(s.d),
		OPT_END,
	};
	const struct tool_spec spec = { "det-model new",
		"Make a model with random weights.", NULL, TOOL_WRITES, opts };
	struct tool t;

	tool_start(&t, &spec, argc, argv);
	if (!s.darknet == !s.net)
		tool_usage(&t, "which network? give --darknet CFG or --net FILE");
	if (s.net)
		make_net(&t, &s);
	else
		make_darknet(&t, &s);
	return tool_finish(&t);
}
