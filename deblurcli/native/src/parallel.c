/* Work for several threads: each takes the next piece until there is none. */
#include "parallel.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MOST_THREADS = 256 };

typedef struct {
    const Workers *workers;
    Piece piece;
    const void *job;
    int64_t count;
    atomic_llong next;
    atomic_llong arrived;
} Shared;

static void work(void *data) {
    Shared *shared = data;
    const Workers *workers = shared->workers;
    /* Not the runtime's thread number, which differs between runtimes. */
    float *scratch = workers->scratch + atomic_fetch_add(&shared->arrived, 1) * workers->scratch_size;
    for (int64_t index; (index = atomic_fetch_add(&shared->next, 1)) < shared->count;)
        shared->piece(shared->job, index, scratch);
}

static void *start(void *data) {
    work(data);
    return 0;
}

void in_parallel(const Workers *workers, Piece piece, const void *job, int64_t count) {
    Shared shared = {.workers = workers, .piece = piece, .job = job, .count = count};
    int64_t threads = workers->threads < count ? workers->threads : count;
    if (threads <= 1) {
        work(&shared);
        return;
    }
    if (workers->openmp) {
        workers->openmp(work, &shared, (unsigned)threads, 0);
        return;
    }
    pthread_t others[MOST_THREADS];
    int64_t started = 0;
    while (started < threads - 1 && started < MOST_THREADS && !pthread_create(&others[started], 0, start, &shared))
        started++; /* if the system gives no more, those there do all the work */
    work(&shared);
    while (started)
        pthread_join(others[--started], 0);
}
