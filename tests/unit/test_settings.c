/* SPDX-License-Identifier: MIT
 *
 * Recipes: sections found, everything else refused with its line.
 */
#include <string.h>

#include "model/settings.h"
#include "tests/unit/tap.h"

static struct det_settings s;

static enum det_err
find(const char *text, const char *tool)
{
	return det_settings_find(&s, text, strlen(text), "r", tool);
}

static int
has(const char *want, long line)
{
	return s.len == strlen(want) && !memcmp(s.text, want, s.len) && s.line == line;
}

static void
refused(const char *text, const char *why)
{
	enum det_err e = find(text, "det-image");

	ok(e == DET_INVALID && !strcmp(det_errmsg(), why), "refused: %s", why);
	if (e)
		(void)printf("# %s\n", det_errmsg());
}

int
main(void)
{
	const char *two = "# a recipe\n\n[det-image]\r\nbatch=2\r\n\n[det-train]\n"
			  "lr=.1\n# why\nloss=ssd neg=3";

	ok(!find(two, "det-image") && has("batch=2\r\n\n", 4), "the first section");
	ok(!find(two, "det-train") && has("lr=.1\n# why\nloss=ssd neg=3", 7),
	    "the last, without a newline");
	ok(!find("[det-train]\nlr=1\n", "det-image") && has("", 0), "none");
	ok(!find("", "det-image") && has("", 0), "an empty recipe");
	ok(!find("[det-image]", "det-image") && has("", 2), "an empty section");

	refused("batch=2\n",
	    "r:1: a section [det-image] or [det-train] expected first, "
	    "found 'batch=2'");
	refused("[det-train]\nlr .1\n", "r:2: option=value expected, found 'lr .1'");
	refused("[det-train]\n[det-image]\n#\n[det-train]\n",
	    "r:4: a second section [det-train]");
	refused("[det-nms]\n", "r:1: '[det-nms]' is no section of a recipe: "
			       "[det-image] and [det-train] are");
	refused("[]", "r:1: '[]' is no section of a recipe: [det-image] and "
		      "[det-train] are");
	refused("[", "r:1: [TOOL] expected, found '['");
	refused("[det-image\nx=1\n", "r:1: [TOOL] expected, found '[det-image'");
	ok(det_settings_find(&s, "#\0", 2, "r", "det-image") == DET_INVALID,
	    "a NUL byte");
	return done();
}
