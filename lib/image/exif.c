/* SPDX-License-Identifier: MIT
 *
 * The one field of EXIF that changes pixels: tag 0x0112 of the first directory of a TIFF
 * structure (TIFF 6.0, section 2). "II" is little-endian, "MM" big-endian; then 42, the
 * offset of the directory, its number of entries, entries of 12 bytes: tag, type, count,
 * value. Cameras write a SHORT; a LONG is taken too. All else is left unread, so no offset
 * but one is followed, and a damaged block is a picture without orientation.
 */
#include "image/image.h"

#include <stdint.h>
#include <string.h>

static uint32_t
get(const unsigned char *p, size_t n, int big)
{
	uint32_t v = 0;
	size_t i;

	for (i = 0; i < n; i++)
		v = v << 8 | p[big ? i : n - 1 - i];
	return v;
}

int
det_exif_orientation(const unsigned char *tiff, size_t size)
{
	const unsigned char *entry;
	size_t at, n, i;
	uint32_t v, type;
	int big;

	if (size < 8)
		return 1;
	big = tiff[0] == 'M';
	if (memcmp(tiff, big ? "MM" : "II", 2) != 0 || get(tiff + 2, 2, big) != 42)
		return 1;
	at = get(tiff + 4, 4, big);
	if (at > size - 2)
		return 1;
	n = get(tiff + at, 2, big);
	at += 2;
	for (i = 0; i < n && size - at >= 12; i++, at += 12) {
		entry = tiff + at;
		if (get(entry, 2, big) != 0x0112)
			continue;
		type = get(entry + 2, 2, big);
		if ((type != 3 && type != 4) || get(entry + 4, 4, big) != 1)
			return 1;
		v = get(entry + 8, type == 3 ? 2 : 4, big);
		return v >= 1 && v <= 8 ? (int)v : 1;
	}
	return 1;
}
