/* SPDX-License-Identifier: MIT
 *
 * A step of torchvision 0.14's FasterRCNN with tiny_frcnn's weights of seed 3; made by
 * tests/oracle/train_rcnn.py. */

static const double golden_terms[] = { 0.70140839, 0.0023731287, 3.6739583,
	0.079610579 };

/* Of each weight its gradient's norm, and the value that is largest. */
static const struct {
	const char *name;
	double norm;
	size_t at;
	double value;
} golden_grads[] = {
	{ "backbone/conv1.weight", 3.16486, 51, 0.674642 },
	{ "backbone/conv1.bn.weight", 0.626748, 2, -0.371535 },
	{ "backbone/conv1.bn.bias", 0.490106, 0, 0.249733 },
	{ "backbone/layer1.conv1.weight", 3.96396, 253, -0.552756 },
	{ "backbone/layer1.conv1.bn.weight", 0.427971, 0, 0.307611 },
	{ "backbone/layer1.conv1.bn.bias", 0.287958, 3, 0.173719 },
	{ "backbone/layer1.conv2.weight", 2.95886, 518, -0.412876 },
	{ "backbone/layer1.conv2.bn.weight", 0.274017, 5, 0.164847 },
	{ "backbone/layer1.conv2.bn.bias", 0.463777, 5, 0.349329 },
	{ "backbone/layer2.conv1.weight", 3.51278, 493, 0.486772 },
	{ "backbone/layer2.conv1.bn.weight", 0.544977, 4, 0.30336 },
	{ "backbone/layer2.conv1.bn.bias", 0.579455, 5, 0.34351 },
	{ "backbone/layer2.conv2.weight", 2.52753, 462, 0.372625 },
	{ "backbone/layer2.conv2.bn.weight", 0.419263, 4, 0.319896 },
	{ "backbone/layer2.conv2.bn.bias", 0.713487, 5, 0.451443 },
	{ "backbone/layer3.conv1.weight", 2.25846, 233, -0.236228 },
	{ "backbone/layer3.conv1.bn.weight", 0.548616, 15, -0.21711 },
	{ "backbone/layer3.conv1.bn.bias", 0.51233, 0, 0.339327 },
	{ "backbone/layer3.conv2.weight", 2.18381, 382, 0.188389 },
	{ "backbone/layer3.conv2.bn.weight", 0.513721, 0, 0.309043 },
	{ "backbone/layer3.conv2.bn.bias", 0.748332, 0, 0.437448 },
	{ "backbone/layer4.conv1.weight", 1.67443, 1219, 0.239209 },
	{ "backbone/layer4.conv1.bn.weight", 0.462297, 9, 0.246247 },
	{ "backbone/layer4.conv1.bn.bias", 0.473984, 9, 0.220675 },
	{ "backbone/layer4.conv2.weight", 1.40916, 1228, 0.193469 },
	{ "backbone/layer4.conv2.bn.weight", 0.392211, 1, -0.16977 },
	{ "backbone/layer4.conv2.bn.bias", 0.627928, 8, 0.349513 },
	{ "backbone/inner_blocks.0.weight", 1.98523, 50, -0.552736 },
	{ "backbone/inner_blocks.0.bias", 0.98405, 6, -0.689988 },
	{ "backbone/inner_blocks.1.weight", 2.02006, 50, -0.553503 },
	{ "backbone/inner_blocks.1.bias", 0.984595, 6, -0.690496 },
	{ "backbone/inner_blocks.2.weight", 2.89509, 108, -0.568391 },
	{ "backbone/inner_blocks.2.bias", 0.984638, 6, -0.690712 },
	{ "backbone/inner_blocks.3.weight", 2.90734, 111, -0.728925 },
	{ "backbone/inner_blocks.3.bias", 0.984598, 6, -0.690679 },
	{ "backbone/layer_blocks.0.weight", 10.9472, 417, -1.91298 },
	{ "backbone/layer_blocks.0.bias", 1.27158, 5, 0.870655 },
	{ "backbone/layer_blocks.1.weight", 0.00487784, 112, -0.000785212 },
	{ "backbone/layer_blocks.1.bias", 0.00120139, 1, 0.000704317 },
	{ "backbone/layer_blocks.2.weight", 0.00160474, 361, 0.000240035 },
	{ "backbone/layer_blocks.2.bias", 0.000423083, 5, -0.000246145 },
	{ "backbone/layer_blocks.3.weight", 0.000759394, 373, -0.000139095 },
	{ "backbone/layer_blocks.3.bias", 0.000151722, 5, -9.19191e-05 },
	{ "rpn/head.conv.weight", 0.534902, 202, -0.0937855 },
	{ "rpn/head.conv.bias", 0.0932353, 2, 0.0650835 },
	{ "rpn/head.cls_logits.weight", 0.0438091, 18, 0.0143347 },
	{ "rpn/head.cls_logits.bias", 0.288837, 0, 0.16862 },
	{ "rpn/head.bbox_pred.weight", 0.00102032, 29, -0.000312402 },
	{ "rpn/head.bbox_pred.bias", 0.00327487, 3, -0.00201867 },
	{ "head/fc6.weight", 21.256, 700, -1.69993 },
	{ "head/fc6.bias", 1.07102, 1, 0.636316 },
	{ "head/fc7.weight", 6.57681, 309, 1.50748 },
	{ "head/fc7.bias", 1.60615, 9, 0.768997 },
	{ "head/cls_score.weight", 4.16467, 2, -1.729 },
	{ "head/cls_score.bias", 1.06303, 0, -0.918279 },
	{ "head/bbox_pred.weight", 0.121954, 194, -0.0284946 },
	{ "head/bbox_pred.bias", 0.0238552, 8, -0.00985222 },
};
