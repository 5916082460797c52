#ifndef DEBLUR_PARALLEL_H
#define DEBLUR_PARALLEL_H

#include "engine.h"

/* One piece of a job; `scratch` belongs to the calling thread. */
typedef void (*Piece)(const void *job, int64_t index, float *scratch);

/* Do the pieces 0 to count - 1 of a job, on as many threads as are worth it; returns when all are done. */
void in_parallel(const Workers *workers, Piece piece, const void *job, int64_t count);

#endif
