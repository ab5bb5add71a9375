/* SPDX-License-Identifier: MIT
 *
 * The exponential on vectors. Private to the library: a source defines vec, veci, INLINE
 * and the operations used here for its instruction set, then includes this.
 *
 * It is the usual one: x = n ln2 + r, |r| <= ln2 / 2, exp(x) = 2^n p(r). ln2 is split in
 * two, the first part short enough for n times it to be exact without a fused
 * multiply-add; p is Cephes' polynomial of degree 7 (S. Moshier, expf). n is had by adding
 * 1.5 * 2^23, which leaves it in the low bits of the sum.
 */
#ifndef DET_EXP_SIMD_H
#define DET_EXP_SIMD_H

/* exp(x) for x up to 88; 0 below -87.3. */
INLINE vec
v_exp(vec x)
{
	const vec least = v_set(-87.3f), magic = v_set(12582912.f);
	vec in = v_max(least, x), t, n, r, p, two_n;

	t = v_fma(in, v_set(1.44269504f), magic);
	n = t - magic;
	r = v_fma(n, v_set(-0.693359375f), in);
	r = v_fma(n, v_set(2.12194440e-4f), r);
	p = v_set(1.9875691500e-4f);
	p = v_fma(p, r, v_set(1.3981999507e-3f));
	p = v_fma(p, r, v_set(8.3334519073e-3f));
	p = v_fma(p, r, v_set(4.1665795894e-2f));
	p = v_fma(p, r, v_set(1.6666665459e-1f));
	p = v_fma(p, r, v_set(5.0000001201e-1f));
	p = v_fma(p, r * r, r) + v_set(1);
	two_n = (vec)(((veci)t - (veci)magic + 127) << 23);
	return v_if_neg(x - least, v_zero(), p * two_n);
}

#endif
