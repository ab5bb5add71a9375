/* SPDX-License-Identifier: MIT
 *
 * CRC-32 of payloads. libdeflate's runs at 11 GB/s here; a pyramid of feature maps is summed
 * once by its writer and once by each that uses it, with the regions cut from it 320 MB a
 * picture, and that would be a third of what the pipes cost. Where the processor multiplies
 * polynomials four at a time (VPCLMULQDQ), large payloads are folded with that.
 *
 * Folding: over GF(2) a message is a polynomial, its CRC the remainder modulo P of degree
 * 32. A block of 16 bytes, A x^64 + B, that stands D bits before another may be replaced by
 * what it is congruent to: A (x^(D+64) mod P) + B (x^D mod P), which has fewer than 128 bits
 * and is added to that other block. So 256 bytes are kept, multiplied on to the next 256 and
 * added, until less is left; then the 256 are folded to 64. What remains is a message of 64
 * bytes with the CRC of all that were folded, which libdeflate sums, and after it the tail.
 *
 * The format's CRC is reflected: bit 0 of a byte is its highest power. A carry-less product
 * of reflected factors comes out one bit short, hence constants of 33 bits, for x^(D+32) and
 * x^(D-32): the shift of 64 in a product of 64 by 64 bits is part of them. The method is
 * that of Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction" (Intel, 2009), at four times its width.
 */
#include "stream/record_head.h"

#include <libdeflate.h>
#include <string.h>

#include "base/cpu.h"

#if defined __x86_64__
#include <immintrin.h>

/* From here on a payload is worth folding. */
#define LEAST ((size_t)4096)

#define FOLDING                                                                \
	__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,vpclmulqdq," \
			      "pclmul")))

/* (x^(D+32) mod P, x^(D-32) mod P), reflected, times two. */
#define BY_2048 0x11542778a, 0x1322d1430
#define BY_512  0x154442bd4, 0x1c6e41596

/* a, moved on by k's distance, plus b. */
FOLDING static inline __m512i
fold(__m512i a, __m512i k, __m512i b)
{
	return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(a, k, 0x00),
	    _mm512_clmulepi64_epi128(a, k, 0x11), b, 0x96);
}

FOLDING static inline __m512i
constant(long long low, long long high)
{
	return _mm512_broadcast_i32x4(_mm_set_epi64x(high, low));
}

/* Of n bytes, a multiple of 256 and not 0. */
FOLDING static uint32_t
crc_folded(uint32_t crc, const unsigned char *p, size_t n)
{
	const __m512i far = constant(BY_2048), near = constant(BY_512);
	unsigned char rest[64];
	__m512i v[4];

	for (int i = 0; i < 4; i++)
		v[i] = _mm512_loadu_si512(p + 64 * i);
	/* the register of the CRC is added to the first four bytes */
	v[0] = _mm512_xor_si512(
	    v[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)~crc)));
	for (size_t at = 256; at < n; at += 256)
		for (int i = 0; i < 4; i++)
			v[i] = fold(v[i], far, _mm512_loadu_si512(p + at + 64 * i));
	for (int i = 1; i < 4; i++)
		v[0] = fold(v[0], near, v[i]);
	_mm512_storeu_si512(rest, v[0]);
	return libdeflate_crc32(0xffffffff, rest, sizeof rest);
}

static int
can_fold(void)
{
	return det_cpu_level() == DET_CPU_AVX512 && __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("vpclmulqdq");
}

uint32_t
det_crc32(uint32_t crc, const void *data, size_t n)
{
	const unsigned char *p = data;
	size_t folded;

	if (n >= LEAST && can_fold()) {
		folded = n / 256 * 256;
		crc = crc_folded(crc, p, folded);
		p += folded;
		n -= folded;
	}
	return n ? libdeflate_crc32(crc, p, n) : crc;
}

#else

uint32_t
det_crc32(uint32_t crc, const void *data, size_t n)
{
	return n ? libdeflate_crc32(crc, data, n) : crc;
}

#endif
