/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: four floats at a time, in the compiler's own vectors, which every
 * processor has or is given: four pixels, or one pixel's red, green, blue and nothing.
 */
#ifndef DET_SCENE_VEC_H
#define DET_SCENE_VEC_H

#include <stdint.h>
#include <string.h>

typedef float vec4 __attribute__((vector_size(16)));
typedef int32_t mask4 __attribute__((vector_size(16)));
typedef uint32_t word4 __attribute__((vector_size(16)));

static inline vec4
vec4_all(float v)
{
	return (vec4){ v, v, v, v };
}

/* a where the mask is set (a comparison of two vectors sets it), else b. */
static inline vec4
vec4_pick(mask4 m, vec4 a, vec4 b)
{
	return (vec4)((m & (mask4)a) | (~m & (mask4)b));
}

static inline vec4
vec4_min(vec4 a, vec4 b)
{
	return vec4_pick(a < b, a, b);
}

static inline vec4
vec4_above_0(vec4 v)
{
	return (vec4)((v > (vec4){ 0, 0, 0, 0 }) & (mask4)v);
}

/* v cut to 0..1. */
static inline vec4
vec4_unit(vec4 v)
{
	return 1 - vec4_above_0(1 - vec4_above_0(v));
}

static inline vec4
vec4_abs(vec4 v)
{
	return (vec4)((mask4)v & 0x7fffffff);
}

/* Towards 0. */
static inline mask4
vec4_whole(vec4 v)
{
	return __builtin_convertvector(v, mask4);
}

static inline vec4
vec4_of(mask4 v)
{
	return __builtin_convertvector(v, vec4);
}

static inline vec4
vec4_load(const float *p)
{
	vec4 v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline void
vec4_store(float *p, vec4 v)
{
	memcpy(p, &v, sizeof v);
}

/* v cut to 0..1. */
static inline float
unit_cut(float v)
{
	v = v < 0 ? 0 : v;
	return v > 1 ? 1 : v;
}

#endif
