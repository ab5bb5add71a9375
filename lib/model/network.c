/* SPDX-License-Identifier: MIT */
#include "model/network.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static enum det_err
no_network(const struct det_model *m, const char *name)
{
	struct det_record r;
	struct det_buf have = { 0 };
	size_t i;
	enum det_err e = DET_OK;

	for (i = 0; !e && det_model_record(m, i, &r); i++)
		if (r.kind == DET_TEXT && !strncmp(det_record_name(&r), "net/", 4))
			e = det_buf_printf(&have, "%s'%s'", have.len ? ", " : "",
			    det_record_name(&r) + 4);
	if (!e)
		e = det_fail(DET_INVALID, "%s: no network '%s': it has %s",
		    det_model_path(m), name, have.len ? have.text : "none");
	det_buf_free(&have);
	return e;
}

static enum det_err
find(void *ctx, const char *name, struct det_tensor *out)
{
	return det_model_tensor(ctx, name, out);
}

static void
leave(void *ctx, const void *data, size_t bytes)
{
	det_model_leave(ctx, data, bytes);
}

enum det_err
det_network_puts_out(
    int *found, const struct det_model *m, const char *name, const char *but)
{
	struct det_record r;
	enum det_err e;

	*found = 0;
	for (size_t i = 0; !*found && det_model_record(m, i, &r); i++) {
		const char *text = det_record_name(&r);
		struct det_net *net;

		if (r.kind != DET_TEXT || strncmp(text, "net/", 4) != 0 ||
		    (but && !strcmp(text + 4, but)))
			continue;
		if ((e = det_net_parse(&net, r.tensor.data, r.size, text)))
			return e;
		for (size_t o = 0; o < det_net_outputs(net); o++)
			*found |= !strcmp(det_net_output(net, o), name);
		det_net_free(net);
	}
	return DET_OK;
}

struct det_weights
det_network_weights(const struct det_model *m)
{
	return (struct det_weights){
		.find = find, .ctx = (void *)(uintptr_t)m, .done = leave
	};
}

/* The text KIND/NAME; NULL where there is none. */
static void
text_of(const struct det_model *m, const char *kind, const char *name, char full[256],
    const char **text, size_t *len)
{
	(void)snprintf(full, 256, "%s/%s", kind, name);
	det_model_text(m, full, text, len);
}

static enum det_err
new_engine(struct det_network *out, const struct det_model *m, const char *name,
    const struct det_engine_params *p)
{
	struct det_engine_params with = DET_ENGINE_DEFAULTS;
	struct det_weights w = det_network_weights(m);
	char plan[256];

	if (p)
		with = *p;
	if (!with.tuned)
		text_of(m, "plan", name, plan, &with.tuned, &with.tuned_len);
	return det_engine_new(&out->engine, out->net, &w, &with);
}

enum det_err
det_network_parse(struct det_net **out, const struct det_model *m, const char *name)
{
	char text_name[256];
	const char *text;
	size_t len;
	enum det_err e;

	*out = NULL;
	text_of(m, "net", name, text_name, &text, &len);
	if (!text)
		return no_network(m, name);
	e = det_net_parse(out, text, len, text_name);
	if (!e && strcmp(det_net_name(*out), name) != 0) {
		e = det_fail(DET_INVALID, "%s: its first line says 'net %s'", text_name,
		    det_net_name(*out));
		det_net_free(*out);
		*out = NULL;
	}
	return e ? det_fail_in(e, "%s", det_model_path(m)) : DET_OK;
}

enum det_err
det_network_open(struct det_network *out, const struct det_model *m, const char *name,
    const struct det_engine_params *p)
{
	enum det_err e;

	*out = (struct det_network){ NULL, NULL };
	if ((e = det_network_parse(&out->net, m, name)))
		return e;
	if ((e = new_engine(out, m, name, p))) {
		det_network_close(out);
		return det_fail_in(e, "%s", det_model_path(m));
	}
	return DET_OK;
}

enum det_err
det_network_tune(struct det_tune *out, struct det_buf *text, const struct det_model *m,
    const struct det_network *n, const struct det_engine_params *p,
    const struct det_tensor *in, int rounds)
{
	struct det_weights w = det_network_weights(m);
	const char *old;
	char plan[256];
	size_t len;
	enum det_err e;

	text_of(m, "plan", det_net_name(n->net), plan, &old, &len);
	if ((e = det_tune_run(out, n->net, &w, p, in, rounds)))
		return det_fail_in(e, "%s", det_model_path(m));
	if ((e = det_tune_text(text, out, old, len)))
		det_tune_release(out);
	return e;
}

void
det_network_close(struct det_network *n)
{
	det_engine_free(n->engine);
	det_net_free(n->net);
	*n = (struct det_network){ NULL, NULL };
}
