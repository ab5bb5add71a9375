/* SPDX-License-Identifier: MIT
 *
 * caffe_make PROTOTXT FORM ANCHORS >CAFFEMODEL: the weights that tests/unit/caffe_make.h
 * gives a network, for caffe_gold.py. ANCHORS is a file or "-". Build: see there.
 */
#include "tests/unit/caffe_make.h"

#include <stdio.h>

#include "base/file.h"

int
main(int argc, char *argv[])
{
	struct det_caffe_params p = { 0 };
	struct det_buf b = { 0 };
	struct det_caffe *c;
	char *text, *anchors = NULL;
	size_t len;

	if (argc != 4 || det_file_read(&text, &len, argv[1], 1 << 20) ||
	    (argv[3][0] != '-' &&
		det_file_read(&anchors, &p.anchors_len, argv[3], 1 << 20)))
		return 2;
	p.anchors = anchors;
	if (det_caffe_parse(&c, text, len, argv[1], &p)) {
		(void)fprintf(stderr, "%s\n", det_errmsg());
		return 2;
	}
	make_caffemodel(&b, c, atoi(argv[2]));
	(void)fwrite(b.text, 1, b.len, stdout);
	det_buf_free(&b);
	det_caffe_free(c);
	free(text);
	free(anchors);
	return 0;
}
