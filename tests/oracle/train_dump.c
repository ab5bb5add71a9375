/* SPDX-License-Identifier: MIT
 *
 * One step of training, for tests/oracle/train_rcnn.py:
 *
 *   train_dump MODEL N H W IMAGE.f32 BOXES.txt FROZEN GRADS [LOSS ...]
 *
 * IMAGE.f32 is N*3*H*W floats, BOXES.txt has lines "IMAGE LABEL X1 Y1 X2 Y2", FROZEN is 1
 * where batch norms go by their running statistics. Writes lines "TERM VALUE", and to GRADS a
 * stream with the gradient of each weight.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "stream/writer.h"
#include "train/system.h"

enum { IMAGES = 64, BOXES = 256 };

static struct det_box box[IMAGES][BOXES];
static struct det_example truth[IMAGES];

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "train_dump: %s\n", det_errmsg());
	exit(2);
}

static void
read_boxes(const char *path)
{
	FILE *f = fopen(path, "r");
	struct det_box b = { .score = 1 };
	size_t i;

	while (f && fscanf(f, "%zu %d %lf %lf %lf %lf", &i, &b.label, &b.x1, &b.y1,
			&b.x2, &b.y2) == 6)
		if (i < IMAGES && truth[i].n < BOXES)
			box[i][truth[i].n++] = b;
	if (f)
		(void)fclose(f);
}

static void
write_grads(struct det_system *s, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct det_writer *w;

	check(det_writer_open_fd(&w, fd, path));
	check(det_writer_make(w, DET_STREAM, NULL, NULL, 0));
	for (size_t i = 0; i < det_system_n_params(s); i++) {
		const struct det_param *p = det_system_param(s, i);
		struct det_tensor t = { DET_F32, p->rank, { 0 }, p->grad };

		memcpy(t.dims, p->dims, sizeof t.dims);
		if (p->grad)
			check(det_writer_tensor(w, p->name, &t, NULL));
	}
	check(det_writer_end(w));
	check(det_writer_flush(w));
	det_writer_free(w);
	(void)close(fd);
}

int
main(int argc, char *argv[])
{
	struct det_system_params p = { .grad = { .bn_momentum = -1 } };
	struct det_batch b = { .truth = truth };
	struct det_model *m;
	struct det_system *s;
	double value[2 * DET_OBJECTIVE_TERMS];
	char *pixels;
	size_t size;

	if (argc < 9)
		return 2;
	b.image = (struct det_tensor){ DET_F32, 4,
		{ (size_t)atol(argv[2]), 3, (size_t)atol(argv[3]),
		    (size_t)atol(argv[4]) },
		NULL };
	for (size_t i = 0; i < IMAGES; i++)
		truth[i] = (struct det_example){ box[i], 0, 0, 0,
			(double)b.image.dims[3], (double)b.image.dims[2] };
	check(det_file_read(&pixels, &size, argv[5], (size_t)1 << 30));
	b.image.data = pixels;
	read_boxes(argv[6]);
	p.grad.bn_frozen = atoi(argv[7]);
	p.line = (const char *const *)argv + 9;
	p.n_lines = (size_t)argc - 9;
	check(det_model_open(&m, argv[1]));
	check(det_system_open(&s, m, &p));
	check(det_system_step(s, &b, 1, value));
	for (size_t i = 0; i < det_system_terms(s); i++)
		(void)printf("%s %.9g\n", det_system_term(s, i), value[i]);
	write_grads(s, argv[8]);
	det_system_free(s);
	det_model_close(m);
	free(pixels);
	return 0;
}
