// Just enough of CUDA for a .cu file to run on the CPU: one block at a time, its threads one after the other.
// A kernel with barriers runs each thread as a fiber. Every order of threads and of blocks has to give the same.
#pragma once
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#define __global__
#define __device__
#define __host__
#define __constant__ static
#define __restrict__
#define __launch_bounds__(...)
#define __noinline__

struct uchar3 { unsigned char x, y, z; };
struct uchar4 { unsigned char x, y, z, w; };
struct float2 { float x, y; };
struct float3 { float x, y, z; };
struct float4 { float x, y, z, w; };
struct Index { unsigned x, y, z; };

static Index threadIdx, blockIdx, blockDim, gridDim;
static long long host_block;  // counts blocks: shared memory is poisoned at the first use in each

// Shared memory starts as NaN, and as the largest unsigned and -1 as an integer.
#define HOST_POISON(name)                                    \
    {                                                        \
        static long long poisoned = -1;                      \
        if (poisoned != host_block) {                        \
            poisoned = host_block;                           \
            memset((void*)&name, 0xFF, sizeof name);         \
        }                                                    \
    }

template <class T> T atomicAdd(T* place, T value) { T old = *place; *place = old + value; return old; }
template <class T> T atomicMin(T* place, T value) { T old = *place; if (value < old) *place = value; return old; }
template <class T> T atomicMax(T* place, T value) { T old = *place; if (value > old) *place = value; return old; }
template <class T> T atomicOr(T* place, T value) { T old = *place; *place = old | value; return old; }
template <class T> T min(T a, T b) { return a < b ? a : b; }
template <class T> T max(T a, T b) { return a > b ? a : b; }

constexpr int HOST_MOST = 1024, HOST_STACK = 64 * 1024;
static ucontext_t host_main, host_fiber[HOST_MOST];
static int host_now;
static bool host_done[HOST_MOST];
static char* host_stacks;
static void (*host_body)(void**);
static void** host_args;

static Index host_thread(int t) {
    return {t % blockDim.x, t / blockDim.x % blockDim.y, t / blockDim.x / blockDim.y};
}
static inline void __syncthreads() {
    swapcontext(&host_fiber[host_now], &host_main);
    threadIdx = host_thread(host_now);
}
static void host_enter() {
    host_body(host_args);
    host_done[host_now] = true;
}

// order: 0 forward, 1 backward, else a seed for a random one.
static void host_shuffle(int* sequence, int count, unsigned order) {
    for (int i = 0; i < count; ++i) sequence[i] = order == 1 ? count - 1 - i : i;
    unsigned state = order;
    for (int i = count - 1; order > 1 && i > 0; --i) {
        state = state * 1664525u + 1013904223u;
        int j = (state >> 8) % (i + 1), other = sequence[i];
        sequence[i] = sequence[j], sequence[j] = other;
    }
}

static void host_run(void (*body)(void**), void** args, bool barriers, const unsigned* grid, const unsigned* block,
                     unsigned order) {
    gridDim = {grid[0], grid[1], grid[2]}, blockDim = {block[0], block[1], block[2]};
    int threads = block[0] * block[1] * block[2], blocks = grid[0] * grid[1] * grid[2];
    int *sequence = (int*)malloc(sizeof(int) * threads), *places = (int*)malloc(sizeof(int) * blocks);
    host_shuffle(places, blocks, order);
    host_body = body, host_args = args;
    if (barriers && !host_stacks) host_stacks = (char*)malloc((size_t)HOST_MOST * HOST_STACK);
    for (int p = 0; p < blocks; ++p) {
        unsigned b = places[p];
        blockIdx = {b % grid[0], b / grid[0] % grid[1], b / grid[0] / grid[1]};
        ++host_block;
        host_shuffle(sequence, threads, order > 1 ? order + p : order);
        if (!barriers) {
            for (int t = 0; t < threads; ++t) threadIdx = host_thread(sequence[t]), body(args);
            continue;
        }
        for (int t = 0; t < threads; ++t) {
            getcontext(&host_fiber[t]);
            host_fiber[t].uc_stack.ss_sp = host_stacks + (size_t)t * HOST_STACK;
            host_fiber[t].uc_stack.ss_size = HOST_STACK;
            host_fiber[t].uc_link = &host_main;
            makecontext(&host_fiber[t], host_enter, 0);
            host_done[t] = false;
        }
        for (int left = threads; left > 0;)
            for (int t = 0; t < threads; ++t) {
                host_now = sequence[t];
                if (host_done[host_now]) continue;
                threadIdx = host_thread(host_now);
                swapcontext(&host_main, &host_fiber[host_now]);
                left -= host_done[host_now];
            }
    }
    free(sequence), free(places);
}
