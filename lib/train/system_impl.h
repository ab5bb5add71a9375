/* SPDX-License-Identifier: MIT
 *
 * What the files of a system in training share. Private to lib/train.
 *
 * The nets stand in the order they run. Each output of a net has one gradient, to which all
 * that read it add: an objective, the pooling of proposals, the nets behind. The first to
 * come sets it.
 */
#ifndef DET_SYSTEM_IMPL_H
#define DET_SYSTEM_IMPL_H

#include "train/system.h"

enum {
	DET_SYSTEM_NETS = 4,
	DET_SYSTEM_MAPS = 64, /* of a net's inputs, or of a decode text */
	DET_SYSTEM_LINES = 16
};

/* An output of a net; or what nets are fed with from outside. */
enum {
	DET_SYSTEM_IMAGE = -1,
	DET_SYSTEM_ROWS = -2 /* one for each region, of the second stage */
};
struct det_system_wire {
	int net;
	size_t output;
};

struct det_system_out {
	struct det_tensor value; /* of the last forward pass */
	float *grad;
	size_t count, cap; /* of the gradient, in floats */
	int born;          /* somebody has set it in this step */
};

struct det_system_net {
	const char *name;
	struct det_net *net;
	struct det_grad *grad;
	size_t inputs, outputs;
	struct det_system_wire in[DET_SYSTEM_MAPS];
	struct det_system_out *out;
};

/* The maps of a decode text, and the objective on them. */
struct det_system_part {
	struct det_decode *decode;
	struct det_objective o;
	const char *name; /* of the objective */
	size_t maps;
	struct det_system_wire map[DET_SYSTEM_MAPS];
};

/* Lines that configure objectives, the user's first. */
struct det_system_lines {
	struct det_system_line {
		struct det_line line;
		int user, used;
	} line[DET_SYSTEM_LINES];
	size_t n;
};

struct det_second;

struct det_system {
	const struct det_model *model;
	int threads;
	uint64_t seed;
	struct det_system_net net[DET_SYSTEM_NETS];
	size_t nets;
	size_t
	    rows_from; /* nets from this on are the second stage's; else their number */
	struct det_anchors *anchors; /* NULL: the model has none */
	struct det_system_part part; /* the first, or only, stage's; of none no maps */
	struct det_second *second;   /* NULL: one stage */
	struct det_tensor rows;      /* of the step, and their gradient */
	float *rows_grad;            /* NULL: it is not wanted */
	const char *term[2 * DET_OBJECTIVE_TERMS];
	size_t terms, first_terms; /* of both stages, of the first */
	char about[256];
	float *spare; /* a gradient on its way to be added */
	size_t spare_cap;
};

/* The user's n lines, then those of the model's text "train". Release them whatever came. */
enum det_err det_system_lines_read(struct det_system_lines *l,
    const struct det_model *m, const char *const *line, size_t n) DET_MUST_USE;
void det_system_lines_release(struct det_system_lines *l);

/* The line whose first word is `word` (NULL: any), the user's before the model's; NULL where
 * there is none. */
struct det_line *det_system_line(struct det_system_lines *l, const char *word);

/* 1 and the output of that name of nets [from, to); 0 where there is none. */
int det_system_output(struct det_system_wire *w, const struct det_system *s,
    size_t from, size_t to, const char *name);
/* The same of nets [0, nets); DET_INVALID where there is none, saying that
 * `who` wants it. */
enum det_err det_system_find(struct det_system_wire *w, const struct det_system *s,
    size_t nets, const char *name, const char *who) DET_MUST_USE;

/* Opens the net as the system's next, its inputs wired to outputs before it and the image;
 * with `rows`, to outputs of nets from rows_from on, and what none of these puts out is
 * rows. */
enum det_err det_system_add_net(struct det_system *s, const char *name,
    const struct det_grad_params *p, int rows) DET_MUST_USE;

/* The gradient of an output, set to 0 where nobody has come before: to be added to. */
float *det_system_receive(struct det_system_out *o);

/* Whether weights of the net, or of one that it is fed by, are learnt. */
int det_system_learns(const struct det_system *s, int net);

/* Nets [from, to): forward, with room for the gradients of their outputs; and back. */
enum det_err det_system_forward(struct det_system *s, size_t from, size_t to,
    const struct det_batch *b) DET_MUST_USE;
enum det_err det_system_backward(
    struct det_system *s, size_t from, size_t to) DET_MUST_USE;

void det_system_scale(float *x, size_t n, double by);

#endif
