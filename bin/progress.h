/* SPDX-License-Identifier: MIT
 *
 * A line on the terminal while work is long: how many items, how fast.
 */
#ifndef DET_PROGRESS_H
#define DET_PROGRESS_H

/* Decides whether this process shows progress: standard error is a terminal, and its
 * output goes neither there nor down a pipe, so that of a pipe's stages only the last
 * speaks. `to_file`: the output has its own file. */
void progress_start(const char *name, int to_file);

/* One item is done: shows the line, at most twice a second and after two seconds. */
void progress_item(void);

/* The same with a line of the tool's own, which is NAME, ": " and the text. */
void progress_text(const char *text);

/* Takes the line away; before any message, and at the end. */
void progress_clear(void);

#endif
