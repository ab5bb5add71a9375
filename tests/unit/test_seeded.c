/* SPDX-License-Identifier: MIT
 *
 * Seeded weights: what each rule makes, by mean, variance and range.
 */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "model/model.h"
#include "model/seeded.h"
#include "tests/unit/tap.h"

/* 24 outputs of 16 inputs and 9 taps: fan-in 144, fan-out 216. */
enum { OUT = 24, IN = 16, TAPS = 9, COUNT = OUT * IN * TAPS };

struct moments {
	double mean, var, most;
};

static enum det_err
write_weight(int fd, const char *rules)
{
	struct det_tensor shape = { .rank = 4, .dims = { OUT, IN, 3, 3 } };
	struct det_writer *w;
	enum det_err e;

	if ((e = det_writer_open_fd(&w, fd, "seeded.det")))
		return e;
	if (!(e = det_writer_make(w, DET_STREAM, NULL, NULL, 0)) &&
	    !(e = det_seeded_weight(
		  w, "net/conv.weight", &shape, rules, strlen(rules), 1)) &&
	    !(e = det_writer_end(w)))
		e = det_writer_flush(w);
	det_writer_free(w);
	return e;
}

static enum det_err
measure(struct moments *m, const char *rules)
{
	int fd = open("seeded.det", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct det_model *model;
	struct det_tensor t;
	const float *v;
	enum det_err e = write_weight(fd, rules);

	(void)close(fd);
	*m = (struct moments){ 0 };
	if (!e && !(e = det_model_open(&model, "seeded.det"))) {
		if (!(e = det_model_tensor(model, "net/conv.weight", &t))) {
			v = t.data;
			for (size_t i = 0; i < COUNT; i++) {
				const double a = fabs((double)v[i]);

				m->mean += (double)v[i] / COUNT;
				m->var += (double)v[i] * (double)v[i] / COUNT;
				m->most = a > m->most ? a : m->most;
			}
		}
		det_model_close(model);
	}
	(void)unlink("seeded.det");
	return e;
}

/* Variance within a tenth; the largest number below `most` and near it, 0: any. */
static void
expect(const char *rules, double mean, double var, double most)
{
	struct moments m;
	enum det_err e = measure(&m, rules);

	ok(!e && fabs(m.mean - mean) < .1 * sqrt(var) + 1e-6 &&
		fabs(m.var - mean * mean - var) <= .1 * var + 1e-6 &&
		(most <= 0 || (m.most <= most && m.most > .99 * most)),
	    "%.*s: mean %g, variance %g, most %g", (int)strcspn(rules, "\n"), rules,
	    m.mean, m.var, m.most);
}

static void
refuse(const char *rules)
{
	struct moments m;

	ok(measure(&m, rules) == DET_INVALID, "%s: %s", rules, det_errmsg());
}

int
main(void)
{
	const double xavier = sqrt(6. / (IN * TAPS + OUT * TAPS));

	expect("other* const=3", 0, 2. / (IN * TAPS), 0);
	expect("net/* he", 0, 2. / (IN * TAPS), 0);
	expect("net/* fan=.5", 0, .5 / (IN * TAPS), 0);
	expect("net/* normal=.01", 0, 1e-4, 0);
	expect("net/* uniform=.3", 0, .03, .3);
	expect("net/* xavier", 0, xavier * xavier / 3, xavier);
	expect("net/* const=-2.5", -2.5, 0, 0);
	expect("net/* prior=.01", -log(99), 0, 0);
	expect("net/* const=7\nnet/conv.* prior=.5", 0, 0, 0);
	expect("net/* const=8 at=3/5+3", 1, 7, 8);
	expect("net/* const=8 at=0/2", 4, 16, 8);
	expect("net/* const=8 at=3/8\nnet/conv.* const=1", 1, 0, 0);
	refuse("net/* he=2");
	refuse("net/* xavier=1");
	refuse("net/* fan");
	refuse("net/* prior=0");
	refuse("net/* prior=1");
	refuse("net/* prior");
	refuse("net/* norm=1");
	refuse("net/* const=1 at=5/5");
	refuse("net/* const=1 at=5");
	refuse("net/* const=1 at=1/2+");
	refuse("net/* const=1 at=1/2+x");
	refuse("net/* const=1 at=-1/2");
	refuse("net/* const=1 in=1/2");
	refuse("net/* const=1 at=1/2 more");
	return done();
}
