#include "model/model.h"
__attribute__((weak)) enum det_err
det_model_open(struct det_model **out, const char *p)
{
	(void)out;
	return det_fail(DET_INVALID, "%s", p);
}
__attribute__((weak)) void
det_model_close(struct det_model *m)
{
	(void)m;
}
__attribute__((weak)) const struct det_classes *
det_model_classes(const struct det_model *m)
{
	(void)m;
	return 0;
}
__attribute__((weak)) const char *
det_model_digest(const struct det_model *m)
{
	(void)m;
	return "";
}
__attribute__((weak)) void
det_model_text(const struct det_model *m, const char *n, const char **t, size_t *l)
{
	(void)m;
	(void)n;
	*t = 0;
	*l = 0;
}
