// Ridges of the difference from the backdrop, and hysteresis over their components.
// Reference: kernels/reference/filament.py. One thread per pixel. Bytes per pixel: ridges 4 (3 in, 1 out), weigh 7,
// grow 2, measure 9, keep 6, restore 10 where a line is near, else 9.
#include "batch.cuh"

constexpr int CELL = 8;
constexpr int WEAK = 16, STRONG = 24, LENGTH = 20, HINT = 6;
constexpr float HINTED = 0.6f, BESIDE = 0.7f, FLOOR = 4.0f, TOP = 0.8f;
constexpr int REACH = 5, HALO = REACH + 1;
constexpr int WIDE = TILE_X + 2 * HALO, HIGH = TILE_Y + 2 * HALO;

__device__ inline unsigned char chosen(const unsigned char* plain, const unsigned char* difference,
                                       const unsigned char* hint, long long here) {
    return hint && hint[here] <= HINT ? difference[here] : plain[here];
}

// How far each pixel stands above both its sides, in four directions at two reaches; without a hint, of `plain`.
extern "C" __global__ void ridges(const unsigned char* __restrict__ plain, const unsigned char* __restrict__ difference,
                                  const unsigned char* __restrict__ hint, const long long* __restrict__ extents,
                                  int pictures, unsigned char* __restrict__ response) {
    __shared__ unsigned char raw[HIGH][WIDE];
    __shared__ unsigned char smooth[HIGH][WIDE];
    Spot s = spot(extents, pictures);
    int top = s.row - threadIdx.y - HALO, left = s.column - threadIdx.x - HALO;
    int thread = threadIdx.y * TILE_X + threadIdx.x;
    for (int k = thread; k < HIGH * WIDE; k += TILE_X * TILE_Y)
        raw[k / WIDE][k % WIDE] = chosen(plain, difference, hint, s.at(top + k / WIDE, left + k % WIDE));
    __syncthreads();
    for (int k = thread; k < (HIGH - 2) * (WIDE - 2); k += TILE_X * TILE_Y) {
        // Beyond the picture's edge lies the edge's own smoothed value.
        int row = min(max(top + 1 + k / (WIDE - 2), 0), s.height - 1) - top;
        int column = min(max(left + 1 + k % (WIDE - 2), 0), s.width - 1) - left;
        int sum = 8;
        for (int dy = -1; dy <= 1; ++dy)
            for (int dx = -1; dx <= 1; ++dx) sum += (dy ? 1 : 2) * (dx ? 1 : 2) * raw[row + dy][column + dx];
        smooth[1 + k / (WIDE - 2)][1 + k % (WIDE - 2)] = (unsigned char)(sum / 16);
    }
    __syncthreads();
    if (!s.inside()) return;
    int row = threadIdx.y + HALO, column = threadIdx.x + HALO, best = 0;
    const int down[8] = {0, 3, 2, 2, 0, 5, 4, 4}, across[8] = {3, 0, 2, -2, 5, 0, 4, -4};
    for (int k = 0; k < 8; ++k) {
        int one = smooth[row + down[k]][column + across[k]], other = smooth[row - down[k]][column - across[k]];
        best = max(best, (int)smooth[row][column] - max(one, other));
    }
    response[s.here()] = (unsigned char)best;
}

__device__ inline bool solid(const float* alpha, const Spot& s, int reach) {
    for (int dy = -reach; dy <= reach; ++dy)
        for (int dx = -reach; dx <= reach; ++dx)
            if (alpha[s.at(s.row + dy, s.column + dx)] > 0.5f) return true;
    return false;
}

// flags: 1 may belong to a wire, 2 strong, 4 hinted, 8 beside what is solid.
extern "C" __global__ void weigh(const unsigned char* __restrict__ response, const float* __restrict__ usual,
                                 const float* __restrict__ alpha, const unsigned char* __restrict__ hint,
                                 const long long* __restrict__ grids, const long long* __restrict__ extents,
                                 int pictures, unsigned char* __restrict__ flags) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    long long here = s.here();
    int over = (int)response[here] - enlarged(usual, picture(grids, s.index), s, CELL, 1, 0);
    bool weak = over > WEAK && !(alpha[here] > 0.5f);
    flags[here] = !weak ? 0 : 1 | (over > STRONG ? 2 : 0) | (hint[here] > HINT ? 4 : 0) | (solid(alpha, s, 2) ? 8 : 0);
}

extern "C" __global__ void grow(const unsigned char* __restrict__ flags, const long long* __restrict__ extents,
                                int pictures, unsigned char* __restrict__ mask) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    unsigned char any = 0;
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) any |= flags[s.at(s.row + dy, s.column + dx)];
    mask[s.here()] = any & 1;
}

struct Filament {
    int size, strong, hinted, beside, touches, top, bottom, left, right;
};

extern "C" __global__ void clear(const unsigned char* __restrict__ mask, const int* __restrict__ labels,
                                 const int* __restrict__ rows, const long long* __restrict__ extents, int pictures,
                                 Filament* __restrict__ table) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] != s.row * s.width + s.column) return;
    table[rows[s.here()]] = {0, 0, 0, 0, 0, s.row, s.row, s.column, s.column};
}

extern "C" __global__ void measure(const unsigned char* __restrict__ flags, const float* __restrict__ alpha,
                                   const int* __restrict__ labels, const int* __restrict__ rows,
                                   const long long* __restrict__ extents, int pictures, Filament* table) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] < 0) return;
    Filament* f = table + rows[s.first + labels[s.here()]];
    int flag = flags[s.here()];
    if (flag) {
        atomicAdd(&f->size, 1);
        if (flag & 2) atomicAdd(&f->strong, 1);
        if (flag & 4) atomicAdd(&f->hinted, 1);
        if (flag & 8) atomicAdd(&f->beside, 1);
    }
    if (!f->touches && solid(alpha, s, 3)) f->touches = 1;  // whoever comes last writes the same
    atomicMin(&f->top, s.row);
    atomicMax(&f->bottom, s.row);
    atomicMin(&f->left, s.column);
    atomicMax(&f->right, s.column);
}

extern "C" __global__ void keep(const unsigned char* __restrict__ flags, const int* __restrict__ labels,
                                const int* __restrict__ rows, const Filament* __restrict__ table,
                                const long long* __restrict__ extents, int pictures, unsigned char* __restrict__ line) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    bool kept = false;
    if (flags[s.here()]) {
        Filament f = table[rows[s.first + labels[s.here()]]];
        float size = f.size;
        kept = f.touches && max(f.bottom - f.top, f.right - f.left) + 1 >= LENGTH && f.strong > 0.1f * size &&
               f.hinted > HINTED * size && f.beside < BESIDE * size;
    }
    line[s.here()] = kept;
}

// restored [pictures] counts the pixels that became more than half covered.
extern "C" __global__ void restore(const unsigned char* __restrict__ plain,
                                   const unsigned char* __restrict__ difference,
                                   const unsigned char* __restrict__ hint, const float* __restrict__ noise,
                                   const unsigned char* __restrict__ line, const float* __restrict__ alpha,
                                   const long long* __restrict__ grids, const long long* __restrict__ extents,
                                   int pictures, float* __restrict__ out, int* restored) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    long long here = s.here();
    float before = alpha[here], after = before;
    bool near = false;
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) near |= line[s.at(s.row + dy, s.column + dx)] != 0;
    if (near) {
        int highest = 0;
        for (int dy = -3; dy <= 3; ++dy)
            for (int dx = -3; dx <= 3; ++dx) {
                long long there = s.at(s.row + dy, s.column + dx);
                if (line[there]) highest = max(highest, (int)chosen(plain, difference, hint, there));
            }
        float floor = enlarged(noise, picture(grids, s.index), s, CELL, 1, 0) + FLOOR;
        float top = fmaxf(highest * TOP, floor + 2.0f * FLOOR);
        float found = (chosen(plain, difference, hint, here) - floor) / (top - floor);
        after = fmaxf(before, fminf(found, 1.0f));
    }
    out[here] = after;
    if (after > 0.5f && before <= 0.5f) atomicAdd(restored + s.index, 1);
}
