/* SPDX-License-Identifier: MIT
 *
 * What keys mean for a network that is run, not trained. For each section: keys that the
 * importer reads; keys that matter to training, to the GPU or to nobody, which are passed
 * over; and keys that would change what the network computes in ways not supported here,
 * each with the value that leaves it as it is ("xnor=0"). Lists of words, because that is
 * how one checks them against Darknet's parser.c: the first lists are of pjreddie's
 * Darknet, those called `fork_` of AlexeyAB's, which writes the same kind of file. A cfg
 * that uses one of the fork's own keys was made for the fork, and that decides some
 * defaults (batch norm's epsilon, how pictures are fitted).
 */
#include "model/darknet_cfg.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct known {
	const char *section;
	const char *read, *fork_read;     /* used */
	const char *passed, *fork_passed; /* no effect on the network's output */
	const char *fixed, *fork_fixed;   /* supported only with this value */
};

/* Keys that any layer may have. */
static const struct known any = {
	"",
	"",
	"",
	"truth onlyforward stopbackward dontsave learning_rate smooth",
	"clip dont_update burnin_update train_only_bn",
	"dontload=0 numload=0 dontloadscales=0",
	"",
};

/* clang-format off */
static const struct known table[] = {
{ "net",
  "width height channels", "letter_box",
  "batch subdivisions momentum decay learning_rate policy burn_in max_batches power steps "
  "scales step scale gamma adam B1 B2 eps clip random notruth inputs max_crop min_crop "
  "max_ratio min_ratio center angle aspect saturation exposure hue",
  "adversarial_lr attention augment_speed badlabels_rejection_percentage blur contrastive "
  "contrastive_color contrastive_jit_flip cutmix dynamic_minibatch ema_alpha "
  "equidistant_point flip gaussian_noise label_smooth_eps learning_rate_min loss_scale "
  "max_chart_loss mixup mosaic mosaic_bound num_sigmas_reject_badlabels optimized_memory "
  "resize_step seq_scales sequential_subdivisions sgdr_cycle sgdr_mult try_fix_nan "
  "unsupervised use_cuda_graph weights_reject_freq workspace_size_limit_MB",
  "time_steps=1", "track=0" },
{ "convolutional",
  "filters size stride pad padding groups batch_normalize activation flipped",
  "dilation stride_x stride_y",
  "dot", "grad_centr stream wait_stream angle",
  "binary=0 xnor=0",
  "antialiasing=0 assisted_excitation=0 share_index= cbn=0 bin_output=0 sway=0 rotate=0 "
  "stretch=0 stretch_sway=0 reverse=0 coordconv=0" },
{ "local", "filters size stride pad activation", "", "", "", "", "" },
{ "connected", "output activation batch_normalize", "", "", "", "", "" },
{ "maxpool", "size stride padding", "stride_x stride_y", "", "maxpool_zero_nonmax", "",
  "maxpool_depth=0 out_channels=1 antialiasing=0" },
{ "avgpool", "", "", "", "", "", "" },
{ "upsample", "stride scale", "", "", "", "", "" },
{ "route", "layers", "groups group_id", "", "stream wait_stream", "", "" },
{ "shortcut", "from activation", "", "", "", "alpha=1 beta=1",
  "weights_type=none weights_normalization=none" },
{ "reorg", "stride reverse", "", "", "", "flatten=0 extra=0", "" },
{ "softmax", "groups temperature", "", "noloss", "", "tree= spatial=0", "" },
{ "dropout", "probability", "", "",
  "dropblock dropblock_size_rel dropblock_size_abs", "", "" },
{ "normalization", "alpha beta kappa size", "", "", "", "", "" },
{ "batchnorm", "", "", "", "", "", "" },
{ "activation", "activation", "", "", "", "", "" },
{ "logistic", "", "", "", "", "", "" },
{ "l2norm", "", "", "", "", "", "" },
{ "cost", "", "", "type scale ratio noobj thresh", "", "", "" },
{ "crop", "crop_height crop_width noadjust", "",
  "flip angle saturation exposure shift", "", "", "" },
{ "yolo",
  "classes num mask anchors", "scale_x_y new_coords",
  "max jitter ignore_thresh truth_thresh random",
  "iou_loss iou_normalizer obj_normalizer cls_normalizer delta_normalizer max_delta "
  "iou_thresh iou_thresh_kind nms_kind beta_nms label_smooth_eps objectness_smooth "
  "counters_per_class show_details resize focal_loss track_history_size sim_thresh "
  "dets_for_track dets_for_show track_ciou_norm embedding_layer",
  "map=", "" },
{ "region",
  "classes coords num anchors softmax background", "",
  "log sqrt max jitter rescore thresh classfix absolute random coord_scale object_scale "
  "noobject_scale mask_scale class_scale bias_match", "focal_loss",
  "tree= map=", "" },
{ "detection",
  "classes coords num side softmax sqrt", "",
  "rescore max coord_scale forced object_scale noobject_scale class_scale jitter random "
  "reorg", "", "", "" },
};
/* clang-format on */

/* Sections: the name in the table, and the short form. */
static const char *const aliases[][2] = {
	{ "network", "net" },
	{ "conv", "convolutional" },
	{ "conn", "connected" },
	{ "max", "maxpool" },
	{ "avg", "avgpool" },
	{ "soft", "softmax" },
	{ "lrn", "normalization" },
};

/* Layers that exist, but not here; after the bar those that only the fork has. */
static const char unsupported[] = " deconv deconvolutional crnn gru lstm rnn iseg |"
				  " scale_channels sam Gaussian_yolo conv_lstm history "
				  "local_avg local_avgpool reorg3d"
				  " contrastive empty silence implicit ";

/* Finds a word, or "word=value", in a list of them separated by blanks. *value points at
 * what follows '=' and *n is its length. */
static int
in_list(const char *list, const char *word, const char **value, size_t *n)
{
	size_t k = strlen(word);

	while (*list) {
		size_t len = strcspn(list, " ");

		if (len >= k && memcmp(list, word, k) == 0 &&
		    (len == k || list[k] == '=')) {
			*value = list + k + (len > k);
			*n = len - k - (len > k);
			return 1;
		}
		list += len;
		list += strspn(list, " ");
	}
	return 0;
}

const char *
dk_section_name(const char *name, int *fork)
{
	const char *value;
	size_t n;

	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strcmp(name, aliases[i][0]) == 0)
			return aliases[i][1];
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strcmp(name, table[i].section) == 0)
			return table[i].section;
	*fork = *name && *name != '|' && in_list(unsupported + 1, name, &value, &n);
	return NULL;
}

/* Whether "1.00" is "1", or both are the same word. */
static int
same(const char *a, const char *b, size_t n)
{
	char text[16];
	double x, y;

	if (strlen(a) == n && memcmp(a, b, n) == 0)
		return 1;
	if (n == 0 || n >= sizeof text)
		return 0;
	memcpy(text, b, n);
	text[n] = 0;
	return !det_parse_double(&x, a, -1e9, 1e9) &&
	       !det_parse_double(&y, text, -1e9, 1e9) && !(x < y) && !(x > y);
}

/* 1: known and as it should be; 0: not in this row; -1: a value we don't support. */
static int
look_up(const struct known *row, const struct dk_option *o, int *fork)
{
	const char *v;
	size_t n;

	if (in_list(row->read, o->key, &v, &n) || in_list(row->passed, o->key, &v, &n))
		return 1;
	if (in_list(row->fixed, o->key, &v, &n))
		return same(o->value, v, n) ? 1 : -1;
	if (in_list(row->fork_read, o->key, &v, &n) ||
	    in_list(row->fork_passed, o->key, &v, &n)) {
		*fork = 1;
		return 1;
	}
	if (in_list(row->fork_fixed, o->key, &v, &n)) {
		*fork = 1;
		return same(o->value, v, n) ? 1 : -1;
	}
	return 0;
}

static enum det_err
check_option(struct dk_cfg *cfg, const struct dk_section *s, const struct dk_option *o,
    int ignore)
{
	const struct known *row = table;
	int found;

	while (strcmp(row->section, s->name) != 0)
		row++; /* canonical names are all in the table */
	found = look_up(row, o, &cfg->fork);
	if (!found)
		found = look_up(&any, o, &cfg->fork);
	if (found > 0)
		return DET_OK;
	if (found < 0)
		return det_fail(DET_UNSUPPORTED,
		    "%s:%zu: '%.60s = %.60s' in [%s] is not supported", cfg->file,
		    o->line, o->key, o->value, s->name);
	if (!ignore)
		return det_fail(DET_INVALID, "%s:%zu: unknown key '%.60s' in [%s]",
		    cfg->file, o->line, o->key, s->name);
	return det_buf_printf(&cfg->notes,
	    "%s:%zu: unknown key '%.60s' in [%s] ignored\n", cfg->file, o->line, o->key,
	    s->name);
}

enum det_err
dk_cfg_check(struct dk_cfg *cfg, int ignore)
{
	enum det_err e;

	for (size_t i = 0; i < cfg->n; i++) {
		const struct dk_section *s = &cfg->section[i];

		for (size_t k = 0; k < s->n; k++)
			if ((e = check_option(cfg, s, &s->option[k], ignore)))
				return e;
	}
	return DET_OK;
}
