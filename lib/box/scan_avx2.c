/* SPDX-License-Identifier: MIT */
#ifdef __x86_64__
#define DET_SIMD 256
#include "box/scan_simd.h"

extern const struct det_scan det_scan_avx2;
const struct det_scan det_scan_avx2 = DET_SCAN;
#else
typedef int det_nothing; /* C wants something in a file */
#endif
