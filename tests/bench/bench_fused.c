/* The fused chain y = tanh(a x + b) sigmoid(x) + exp(-x^2) over 10M f32 elements: its sum and the gradients in x, a and b, as one group.
 * Prints nanoseconds per element, best of several runs, for 1 thread and for all. */
#include "runtime/base/memory.h"
#include "runtime/exec/fused.h"
#include "runtime/exec/slab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { X, A, B, ONE, TWO, AX, Z, T, S, XX, NXX, E, TS, Y, TT, OMT, Q, QX, QA, OMS, D, G1, XE, XE2, GX, REGISTERS };
enum { BUFFER_X, BUFFER_A, BUFFER_B, BUFFER_GX, BUFFER_LOSS, BUFFER_GA, BUFFER_GB, BUFFERS };

static FusedInstruction op(ElementwiseCode code, int result, int a, int b)
{
    return (FusedInstruction){.code = (uint16_t)code, .dtype = DTYPE_F32, .operand_dtype = DTYPE_F32, .result = (uint16_t)result,
                              .operands = {(uint16_t)a, (uint16_t)b}};
}

static FusedInstruction constant(int result, double number)
{
    return (FusedInstruction){.code = FUSED_CONSTANT, .dtype = DTYPE_F32, .result = (uint16_t)result, .number = number};
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double best_of(FusedProgram *program, void **inputs, void **outputs, Threads *threads)
{
    double best = 1e9;
    for (int run = 0; run < 9; run++) {
        double start = seconds();
        fused_run(program, inputs, outputs, threads);
        double taken = seconds() - start;
        best = taken < best ? taken : best;
    }
    return best;
}

int main(void)
{
    int64_t n = 10000000;
    FusedInstruction instructions[] = {
        constant(ONE, 1), constant(TWO, 2), op(ELEMENTWISE_MUL, AX, A, X), op(ELEMENTWISE_ADD, Z, AX, B),
        op(ELEMENTWISE_TANH, T, Z, 0), op(ELEMENTWISE_SIGMOID, S, X, 0), op(ELEMENTWISE_MUL, XX, X, X),
        op(ELEMENTWISE_NEG, NXX, XX, 0), op(ELEMENTWISE_EXP, E, NXX, 0), op(ELEMENTWISE_MUL, TS, T, S),
        op(ELEMENTWISE_ADD, Y, TS, E), op(ELEMENTWISE_MUL, TT, T, T), op(ELEMENTWISE_SUB, OMT, ONE, TT),
        op(ELEMENTWISE_MUL, Q, OMT, S), op(ELEMENTWISE_MUL, QX, Q, X), op(ELEMENTWISE_MUL, QA, Q, A),
        op(ELEMENTWISE_SUB, OMS, ONE, S), op(ELEMENTWISE_MUL, D, TS, OMS), op(ELEMENTWISE_ADD, G1, QA, D),
        op(ELEMENTWISE_MUL, XE, X, E), op(ELEMENTWISE_MUL, XE2, TWO, XE), op(ELEMENTWISE_SUB, GX, G1, XE2),
    };
    FusedInput inputs[] = {{BUFFER_X, {1}}, {BUFFER_A, {0}}, {BUFFER_B, {0}}};
    FusedOutput outputs[] = {{BUFFER_GX, GX, FUSED_STORE, 0}, {BUFFER_LOSS, Y, FUSED_SUM, 1}, {BUFFER_GA, QX, FUSED_SUM, 1},
                             {BUFFER_GB, Q, FUSED_SUM, 1}};
    Fused fused = {shape_1(n), REGISTERS, inputs, 3, instructions, sizeof instructions / sizeof *instructions, outputs, 4};
    Buffer buffers[BUFFERS];
    for (int i = 0; i < BUFFERS; i++)
        buffers[i] = (Buffer){.kind = BUFFER_SLAB, .dtype = DTYPE_F32, .offset = (size_t)i << 40,
                              .shape = i == BUFFER_X || i == BUFFER_GX ? shape_1(n) : shape_scalar()};
    float *x = slab_new((size_t)n * 4), *gx = slab_new((size_t)n * 4), a = 1.3f, b = 0.2f, loss, ga, gb;
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(rand() % 60000 - 30000) / 10000.0f, gx[i] = 0;
    Fault fault;
    FusedProgram *program = fused_prepare(&fused, buffers, &fault);
    if (program == NULL)
        return puts(fault.message), 1;
    void *in[] = {x, &a, &b}, *out[] = {gx, &loss, &ga, &gb};
    for (int count = 1; count <= 2; count++) {
        Threads *threads = threads_new(count);
        double taken = best_of(program, in, out, threads);
        printf("%d thread%s: %.2f ns per element (loss %.9g, gradients %.9g %.9g)\n", count, count > 1 ? "s" : "",
               taken / (double)n * 1e9, (double)loss, (double)ga, (double)gb);
        threads_free(threads);
    }
    fused_program_free(program);
    free(x);
    free(gx);
    return 0;
}
