/* SPDX-License-Identifier: MIT
 *
 * How the threads of a tool wait for each other.
 */
#ifndef BIN_THREADS_H
#define BIN_THREADS_H

/* Call first in main. Starts the program anew, once, with the thread library told to wait
 * asleep; returns at once where that is settled already or can't be done. */
void threads_calm(char *argv[]);

#endif
