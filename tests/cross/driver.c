/* Calls generated programs as Python would: with array objects of which only the fields that are read are filled in. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    char head[16];       /* a Python object's head */
    char *data;
    int ndim;
    int64_t *dimensions; /* never read */
    int64_t *strides;
} Array;

typedef int64_t Entry(Array *, Array *, Array *, Array *, const void *, void *, void *, void *, int64_t);

typedef struct {
    Entry *entry;
    char *image;
    int64_t *strides;
    char *kernel, *bias;
    const void *tables;
    size_t scratch_bytes;
} Program;

typedef struct {
    const Program *programs;
    int count;
    size_t output_bytes;
} Case;

static char *reserve(size_t bytes, int poison) {
    char *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    memset(memory, poison, (bytes + 127) / 64 * 64);
    return memory;
}

static int64_t run(const Program *p, char *output) {
    Array image = {.data = p->image, .strides = p->strides}, out = {.data = output};
    Array kernel = {.data = p->kernel}, bias = {.data = p->bias};
    char *scratch = reserve(p->scratch_bytes, 0xFF);
    int64_t overflowed = p->entry(&image, &out, &kernel, &bias, p->tables, scratch, NULL, NULL, 1);
    free(scratch);
    return overflowed;
}

static void run_case(const Case *c) {
    char *output = reserve(c->output_bytes, 0xA5);
    int64_t overflowed = 0;
    for (int i = 0; i < c->count; i++) overflowed |= run(&c->programs[i], output);
    printf("%d ", (int)overflowed);
    for (size_t i = 0; i < c->output_bytes; i++) printf("%02x", (unsigned char)output[i]);
    printf("\n");
    free(output);
}

#include "cases.h"

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(&cases[i]);
    return 0;
}
