/* SPDX-License-Identifier: MIT
 *
 * Half (IEEE 754 binary16) and bfloat16 to float and back. Rounds to nearest even; NaN
 * stays NaN, overflow becomes infinity.
 */
#ifndef DET_HALF_H
#define DET_HALF_H

#include <stdint.h>

float det_f16_to_f32(uint16_t h);
uint16_t det_f32_to_f16(float f);
float det_bf16_to_f32(uint16_t h);
uint16_t det_f32_to_bf16(float f);

#endif
