/* SPDX-License-Identifier: MIT
 *
 * The assembler puts the file where constants are: a program's pages of it are mapped from
 * the program's own file, when they are read, and shared by all that run it. That is what
 * opening a model's file does, so there is nothing to unpack and nothing to copy. An array
 * written out in C would take the compiler a minute and a gigabyte.
 *
 * DET_DEFAULT_FILE, the file's name, comes from the Makefile. Both compilers and all processors
 * have these directives; 64 is what the payloads of a stream are aligned to.
 */
#include "default/default.h"

/* clang-format off */
__asm__(
	".section .rodata\n"
	".balign 64\n"
	".globl det_default_bytes\n"
	".type det_default_bytes, %object\n"
	"det_default_bytes:\n"
	".incbin \"" DET_DEFAULT_FILE "\"\n"
	"1:\n"
	".size det_default_bytes, 1b - det_default_bytes\n"
	".balign 8\n"
	".globl det_default_size\n"
	".type det_default_size, %object\n"
	"det_default_size:\n"
#if __SIZEOF_SIZE_T__ == 8
	".8byte 1b - det_default_bytes\n"
#else
	".4byte 1b - det_default_bytes\n"
#endif
	".size det_default_size, . - det_default_size\n"
	".previous\n");
/* clang-format on */

enum det_err
det_default_open(struct det_model **out)
{
	return det_model_open_bytes(
	    out, det_default_bytes, det_default_size, DET_DEFAULT_NAME);
}
