/* SPDX-License-Identifier: MIT
 *
 * The folder of a run (formats/run.md): what was asked for, what happened, and models.
 *
 *   recipe       every option as it stood
 *   log.tsv      a row every few iterations: terms of the loss, rate, gradient
 *   times.tsv    the same rows: seconds, images a second, waiting, memory
 *   val.tsv      a row for each evaluation
 *   state.det    all that a resumed run needs; a model file with more in it
 *   last.det     the model as of the last checkpoint
 *   best.det     the model that did best on the validation stream
 *
 * Files come whole or not at all: written beside, on the disk, renamed. A table is added to
 * line by line; on resumption rows past the state are cut off.
 */
#ifndef DET_RUN_H
#define DET_RUN_H

#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

struct det_run;

/* Makes the folder where it is not there, and takes it for this process: another that has
 * it is DET_INVALID. */
enum det_err det_run_open(struct det_run **out, const char *path) DET_MUST_USE;
void det_run_close(struct det_run *r);

/* PATH/NAME; lives until the run is closed or the name is asked for again 8 calls later. */
const char *det_run_path(struct det_run *r, const char *name);
/* Whether there is such a file. */
int det_run_has(struct det_run *r, const char *name);

/* Writes a file of the folder: whole, on the disk, or not at all. */
enum det_err det_run_write(
    struct det_run *r, const char *name, const char *text, size_t len) DET_MUST_USE;

/* A table: its first column is the iteration. Opens NAME under these columns (with tabs
 * between, no newline). Where it is there, rows of iterations after `upto`, and a last one
 * cut short, go; other columns than it has are DET_INVALID. */
enum det_err det_run_table(FILE **out, struct det_run *r, const char *name,
    const char *columns, uint64_t upto) DET_MUST_USE;
/* What was added is on the disk. */
enum det_err det_run_sync(FILE *table) DET_MUST_USE;
/* Adds a row, with its newline, and sees to it that it leaves this process. */
enum det_err det_run_row(FILE *table, const char *row, size_t len) DET_MUST_USE;

#endif
