/* Runs one layer: a job on standard input, the output's floats on standard output. For processors that are not this
   one, through an emulator; test_neon.py writes the jobs. */
#include <stdio.h>
#include <stdlib.h>

#include "mixing.h"

enum { WINOGRAD, DIRECT, THIN, MEMORY, MIXING };

typedef struct {
    int64_t kind, inputs, outputs, kernel, before, up, relu, has_residual, width, rows, out_width, out_rows;
} Job;

static float *floats(int64_t count) {
    float *memory = malloc(sizeof(float) * (size_t)count);
    if (!memory || fread(memory, sizeof(float), (size_t)count, stdin) != (size_t)count)
        exit(2);
    return memory;
}

static const float **rows_of(const float *image, int64_t rows, int64_t row) {
    const float **addresses = malloc(sizeof(float *) * (size_t)rows);
    for (int64_t i = 0; i < rows; i++)
        addresses[i] = image + i * row;
    return addresses;
}

static int write_out(const float *values, int64_t count) {
    return fwrite(values, sizeof(float), (size_t)count, stdout) == (size_t)count ? 0 : 2;
}

/* The ConvLSTM's update: gates and c in, for every pixel c', h' and then, for every pixel again, h' out. */
static int update_cell(const Job *job) {
    int64_t pixels = job->rows * job->width, row = job->width * job->inputs;
    float *gates = floats(4 * pixels * job->inputs), *cell = floats(pixels * job->inputs);
    float *out = calloc((size_t)(3 * pixels * job->inputs), sizeof(float));
    Memory memory = {
        .gates = gates,
        .cell = rows_of(cell, job->rows, row),
        .cell_step = job->inputs,
        .state = out,
        .hidden = out + 2 * pixels * job->inputs,
        .rows = job->rows,
        .width = job->width,
        .channels = job->inputs,
    };
    deblur_lstm(&memory, &(Workers){.threads = 2});
    return write_out(out, 3 * pixels * job->inputs);
}

static Dense dense(int64_t in, int64_t out) {
    const float *weights = floats(in * out);
    return (Dense){.weights = weights, .bias = floats(out), .in = in, .out = out};
}

/* A gated MLP's pass: features in and then its layers; the features and the half that waits out. */
static int mix(const Job *job) {
    int64_t channels = job->inputs, numbers = job->rows * job->width * channels, mixed = job->kernel * job->kernel;
    int64_t rows = (mixed + 3) / 4 * 4;
    float *features = floats(numbers), *both = calloc((size_t)(2 * numbers), sizeof(float));
    Mixing mixing = {
        .from = features,
        .waiting = both + numbers,
        .to = both,
        .images = 1,
        .height = job->rows,
        .width = job->width,
        .channels = channels,
        .size = job->kernel,
        .grid = job->before,
        .halves = dense(channels, 2 * channels),
        .gate = dense(channels, 2 * channels),
    };
    mixing.scale = floats(channels);
    mixing.shift = floats(channels);
    mixing.spatial = floats(rows * mixed);
    mixing.spatial_bias = floats(rows);
    mixing.leave = dense(2 * channels, channels);
    int64_t scratch = deblur_mixing_scratch(&mixing);
    float *memory = aligned_alloc(64, sizeof(float) * (size_t)(2 * scratch));
    deblur_mixing(&mixing, &(Workers){.threads = 2, .scratch = memory, .scratch_size = scratch});
    return write_out(both, 2 * numbers);
}

int main(void) {
    Job job;
    if (fread(&job, sizeof job, 1, stdin) != 1)
        return 2;
    if (job.kind == MEMORY)
        return update_cell(&job);
    if (job.kind == MIXING)
        return mix(&job);
    int64_t places = job.kernel * job.kernel, out_row = job.out_width * job.outputs, in_row = job.width * job.inputs;
    int64_t pairs = job.inputs * job.outputs * job.up * job.up;
    float *weights = floats(pairs * places), *bias = floats(job.outputs);
    float *packed = calloc((size_t)(pairs * (job.kind == WINOGRAD ? 100 : places)), sizeof(float));
    float *out = calloc((size_t)(job.out_rows * out_row), sizeof(float));
    Convolution layer = {
        .sources = {{rows_of(floats(job.rows * in_row), job.rows, in_row), job.rows, job.inputs, job.inputs}},
        .width = job.width,
        .weights = packed,
        .bias = bias,
        .kernel = job.kernel,
        .before = job.before,
        .up = job.up,
        .relu = job.relu,
        .out = out,
        .out_rows = job.out_rows,
        .out_channels = job.outputs,
    };
    if (job.has_residual)
        layer.residual = rows_of(floats(job.out_rows * out_row), job.out_rows, out_row);
    int64_t scratch = 64 * job.inputs; /* what THIN needs */
    if (job.kind != THIN)
        scratch = job.kind == WINOGRAD ? deblur_winograd_scratch(&layer) : deblur_direct_scratch(&layer);
    Workers workers = {.threads = 2, .scratch = calloc((size_t)(2 * scratch), sizeof(float)), .scratch_size = scratch};
    switch (job.kind) {
    case WINOGRAD:
        deblur_winograd_pack(weights, packed, job.inputs, job.up * job.up * job.outputs, job.kernel, &workers);
        deblur_winograd(&layer, &workers);
        break;
    case DIRECT:
        deblur_direct_pack(weights, packed, job.inputs, job.outputs, job.kernel);
        deblur_direct(&layer, &workers);
        break;
    default:
        deblur_thin_pack(weights, packed, job.inputs, job.outputs, job.kernel);
        deblur_thin(&layer, &workers);
    }
    return write_out(out, job.out_rows * out_row);
}
