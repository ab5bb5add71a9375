/* SPDX-License-Identifier: MIT
 *
 * darknet_weights CFG SEED OUT.weights: the weights that `det-model new --darknet CFG
 * --seed SEED` has, as a file that Darknet reads. For darknet_gold.sh.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "model/darknet.h"

int
main(int argc, char *argv[])
{
	struct det_darknet_params p = DET_DARKNET_DEFAULTS;
	struct det_darknet *d;
	struct det_newfile f;
	char *text;
	size_t len;

	if (argc != 4)
		return 2;
	if (det_file_read(&text, &len, argv[1], 1 << 20) ||
	    det_darknet_parse(&d, text, len, argv[1], &p) ||
	    det_file_create(&f, argv[3]))
		goto fail;
	det_darknet_seed(d, strtoull(argv[2], NULL, 10));
	if (det_darknet_write_weights(f.fd, d, argv[3]) || det_file_commit(&f))
		goto fail;
	return 0;
fail:
	(void)fprintf(stderr, "darknet_weights: %s\n", det_errmsg());
	return 2;
}
