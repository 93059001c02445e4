// Figures of a batch's alpha: coverage, area, how much is unsure, how many parts. Reference: kernels/reference/figures.py.
// weigh reads 4 bytes a pixel, and reach * reach pixels around each soft one; the parts also 8 of labels and rows.
// figures [pictures][5] of 64 bits: sum of alpha * UNIT, pixels above a half, unsure pixels, largest part, parts.
#include "batch.cuh"

constexpr float LOW = 0.2f, HIGH = 0.8f;
constexpr float UNIT = 1048576.0f;

struct Figures {
    unsigned long long covered, solid, unsure, largest, parts;
};

__device__ inline bool is_soft(float alpha) { return alpha > LOW && alpha < HIGH; }

extern "C" __global__ void weigh(const float* __restrict__ alpha, const int* __restrict__ reaches,
                                 const long long* __restrict__ extents, int pictures,
                                 unsigned char* __restrict__ solid, Figures* figures) {
    __shared__ unsigned long long sums[3];
    Spot s = spot(extents, pictures);
    int thread = threadIdx.y * TILE_X + threadIdx.x;
    if (thread < 3) sums[thread] = 0;
    __syncthreads();
    if (s.inside()) {
        float own = alpha[s.here()];
        int reach = reaches[s.index] / 2;
        bool soft = is_soft(own);
        // Beyond the picture nothing is an edge.
        for (int row = max(0, s.row - reach); soft && row <= min(s.height - 1, s.row + reach); ++row)
            for (int column = max(0, s.column - reach); soft && column <= min(s.width - 1, s.column + reach); ++column)
                soft = is_soft(alpha[s.first + (long long)row * s.width + column]);
        solid[s.here()] = own > 0.5f;
        if (own > 0.0f) atomicAdd(sums, (unsigned long long)(own * UNIT + 0.5f));
        if (own > 0.5f) atomicAdd(sums + 1, 1ull);
        if (soft) atomicAdd(sums + 2, 1ull);
    }
    __syncthreads();
    // One number per block leaves it: all blocks of a picture meet at the same address.
    if (thread == 0 && sums[0]) atomicAdd(&figures[s.index].covered, sums[0]);
    if (thread == 1 && sums[1]) atomicAdd(&figures[s.index].solid, sums[1]);
    if (thread == 2 && sums[2]) atomicAdd(&figures[s.index].unsure, sums[2]);
}

__device__ inline bool leads(const int* labels, const Spot& s) {
    return labels[s.here()] == s.row * s.width + s.column;
}

extern "C" __global__ void clear(const int* __restrict__ labels, const int* __restrict__ rows,
                                 const long long* __restrict__ extents, int pictures, int* __restrict__ areas) {
    Spot s = spot(extents, pictures);
    if (s.inside() && leads(labels, s)) areas[rows[s.here()]] = 0;
}

extern "C" __global__ void measure(const int* __restrict__ labels, const int* __restrict__ rows,
                                   const long long* __restrict__ extents, int pictures, int* areas) {
    Spot s = spot(extents, pictures);
    if (s.inside() && labels[s.here()] >= 0) atomicAdd(areas + rows[s.first + labels[s.here()]], 1);
}

extern "C" __global__ void largest(const int* __restrict__ labels, const int* __restrict__ rows,
                                   const int* __restrict__ areas, const long long* __restrict__ extents, int pictures,
                                   Figures* figures) {
    Spot s = spot(extents, pictures);
    if (s.inside() && leads(labels, s))
        atomicMax(&figures[s.index].largest, (unsigned long long)areas[rows[s.here()]]);
}

// A part counts from a thousandth of the largest on.
extern "C" __global__ void number(const int* __restrict__ labels, const int* __restrict__ rows,
                                  const int* __restrict__ areas, const long long* __restrict__ extents, int pictures,
                                  Figures* figures) {
    Spot s = spot(extents, pictures);
    if (s.inside() && leads(labels, s) && 1000ull * areas[rows[s.here()]] >= figures[s.index].largest)
        atomicAdd(&figures[s.index].parts, 1ull);
}
