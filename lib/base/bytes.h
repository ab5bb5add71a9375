/* SPDX-License-Identifier: MIT
 *
 * Little-endian loads and stores at any alignment. Files are parsed with these, never by
 * casting a buffer to a struct.
 */
#ifndef DET_BYTES_H
#define DET_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t
det_le16(const void *p)
{
	const unsigned char *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t
det_le32(const void *p)
{
	const unsigned char *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

static inline uint64_t
det_le64(const void *p)
{
	const unsigned char *b = p;

	return (uint64_t)det_le32(b) | (uint64_t)det_le32(b + 4) << 32;
}

static inline float
det_lef32(const void *p)
{
	uint32_t u = det_le32(p);
	float f;

	memcpy(&f, &u, sizeof f);
	return f;
}

static inline double
det_lef64(const void *p)
{
	uint64_t u = det_le64(p);
	double d;

	memcpy(&d, &u, sizeof d);
	return d;
}

static inline void
det_put16(void *p, uint16_t v)
{
	unsigned char *b = p;

	b[0] = (unsigned char)(v & 0xff);
	b[1] = (unsigned char)(v >> 8);
}

static inline void
det_put32(void *p, uint32_t v)
{
	unsigned char *b = p;

	det_put16(b, (uint16_t)(v & 0xffff));
	det_put16(b + 2, (uint16_t)(v >> 16));
}

static inline void
det_put64(void *p, uint64_t v)
{
	unsigned char *b = p;

	det_put32(b, (uint32_t)(v & 0xffffffff));
	det_put32(b + 4, (uint32_t)(v >> 32));
}

static inline void
det_putf64(void *p, double d)
{
	uint64_t u;

	memcpy(&u, &d, sizeof u);
	det_put64(p, u);
}

#endif
