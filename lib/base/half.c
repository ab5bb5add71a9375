/* SPDX-License-Identifier: MIT */
#include "base/half.h"

#include <math.h>
#include <string.h>

static uint32_t
bits(float f)
{
	uint32_t u;

	memcpy(&u, &f, sizeof u);
	return u;
}

static float
from_bits(uint32_t u)
{
	float f;

	memcpy(&f, &u, sizeof f);
	return f;
}

float
det_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 0x1f;
	uint32_t fraction = h & 0x3ff;

	if (exponent == 0x1f)
		return from_bits(sign | 0x7f800000 | fraction << 13);
	if (exponent == 0) { /* zero, or a subnormal of unit 2^-24 */
		float v = ldexpf((float)fraction, -24);

		return sign ? -v : v;
	}
	return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t
det_f32_to_f16(float f)
{
	uint32_t u = bits(f), sign = u >> 16 & 0x8000, half;
	float a = fabsf(f);

	if (isnan(f))
		return (uint16_t)(sign | 0x7e00);
	if (a >= 65520.0f) /* the tie between 65504 and infinity goes up */
		return (uint16_t)(sign | 0x7c00);
	if (a < 0x1p-14f) /* subnormal: in units of 2^-24, rounded by the processor */
		return (uint16_t)(sign | (uint32_t)lrintf(a * 0x1p24f));
	half = (u & 0x7fffffff) - ((uint32_t)112 << 23);
	half += 0xfff + (half >> 13 & 1); /* carries into the exponent as it should */
	return (uint16_t)(sign | half >> 13);
}

float
det_bf16_to_f32(uint16_t h)
{
	return from_bits((uint32_t)h << 16);
}

uint16_t
det_f32_to_bf16(float f)
{
	uint32_t u = bits(f);

	if (isnan(f))
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
