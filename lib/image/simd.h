/* SPDX-License-Identifier: MIT
 *
 * Private to lib/image: DET_SIMD before a loop asks for vector instructions. Not under
 * clang's sanitizers, which keep it from obeying and warn that it can't.
 */
#ifndef DET_SIMD_H
#define DET_SIMD_H

#define DET_SIMD _Pragma("omp simd")

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef DET_SIMD
#define DET_SIMD
#endif
#endif

#endif
