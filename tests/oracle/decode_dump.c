/* SPDX-License-Identifier: MIT
 *
 * decode_dump TEXT THRESH NMS WIDTH HEIGHT MAP CxHxW [MAP CxHxW ...]: decodes raw
 * little-endian f32 maps as the decode text in file TEXT says and prints
 * `class score x1 y1 x2 y2 source`, best first, then a line "nms" and what class-wise NMS
 * at NMS leaves. For decode_gold.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "box/decode.h"
#include "box/nms.h"

static void
check(enum det_err e)
{
	if (!e)
		return;
	(void)fprintf(stderr, "decode_dump: %s\n", det_errmsg());
	exit(2);
}

static void
print(const struct det_boxes *b)
{
	for (size_t i = 0; i < b->n; i++)
		(void)printf("%d\t%.9g\t%.9g\t%.9g\t%.9g\t%.9g\t%d\n", b->box[i].label,
		    b->box[i].score, b->box[i].x1, b->box[i].y1, b->box[i].x2,
		    b->box[i].y2, b->box[i].source);
}

int
main(int argc, char *argv[])
{
	struct det_decode_params p = DET_DECODE_DEFAULTS;
	struct det_nms_params np = DET_NMS_DEFAULTS;
	struct det_tensor map[8] = { { 0 } };
	struct det_boxes b = { 0 };
	struct det_decode *d;
	char *text;
	size_t len, bytes;

	if (argc < 8 || argc > 22 || argc % 2)
		return 2;
	check(det_file_read(&text, &len, argv[1], 1 << 20));
	check(det_decode_parse(&d, text, len, argv[1]));
	p.thresh = atof(argv[2]);
	p.in_w = atol(argv[4]);
	p.in_h = atol(argv[5]);
	for (int i = 6; i < argc; i += 2) {
		struct det_tensor *t = &map[(i - 6) / 2];
		char *data;

		*t = (struct det_tensor){ DET_F32, 4, { 1 }, NULL };
		if (sscanf(argv[i + 1], "%zux%zux%zu", &t->dims[1], &t->dims[2],
			&t->dims[3]) != 3)
			return 2;
		check(det_file_read(&data, &len, argv[i], (size_t)1 << 30));
		check(det_tensor_bytes(&bytes, t));
		if (bytes != len)
			return 2;
		t->data = data;
	}
	check(det_decode_run(&b, d, &(struct det_decode_in){ .maps = map }, &p));
	np.iou = 1;
	check(det_nms(&b, &np)); /* only sorts: no IoU is above 1 but by rounding */
	print(&b);
	(void)puts("nms");
	check(det_decode_run(&b, d, &(struct det_decode_in){ .maps = map }, &p));
	np.iou = atof(argv[3]);
	check(det_nms(&b, &np));
	print(&b);
	return 0;
}
