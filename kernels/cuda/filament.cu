// Bring alpha back along lines of the photo that are lines of the network's alpha, too, and hang on foreground.
// Reference: kernels/reference/filament.py. One thread per pixel. Bytes per pixel: ridges 2, seek 7, grow 2, measure 4,
// keep 2, restore 9, and what the candidates read.
#include "batch.cuh"

constexpr int CELL = 8;
constexpr int WEAK = 16, HINT = 13, LINE = 20, TOUCH = 3;
constexpr float FLOOR = 4.0f, TOP = 0.8f;

constexpr int REACH = 5, HALO = REACH + 1;
constexpr int WIDE = TILE_X + 2 * HALO, HIGH = TILE_Y + 2 * HALO;

// How far each pixel stands above both its sides, in four directions at two reaches.
extern "C" __global__ void ridges(const unsigned char* __restrict__ plane, const long long* __restrict__ extents,
                                  int pictures, unsigned char* __restrict__ response) {
    __shared__ unsigned char raw[HIGH][WIDE];
    __shared__ unsigned char smooth[HIGH][WIDE];
    Spot s = spot(extents, pictures);
    int top = s.row - threadIdx.y - HALO, left = s.column - threadIdx.x - HALO;
    int thread = threadIdx.y * TILE_X + threadIdx.x;
    for (int k = thread; k < HIGH * WIDE; k += TILE_X * TILE_Y)
        raw[k / WIDE][k % WIDE] = plane[s.at(top + k / WIDE, left + k % WIDE)];
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

// Candidates: a line of the photo over what is usual in the background, where alpha is missing and hinted at.
extern "C" __global__ void seek(const unsigned char* __restrict__ ridge, const float* __restrict__ usual,
                                const float* __restrict__ alpha, const unsigned char* __restrict__ hint,
                                const long long* __restrict__ grids, const long long* __restrict__ extents,
                                int pictures, unsigned char* __restrict__ weak) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    long long here = s.here();
    int over = ridge[here] - enlarged(usual, picture(grids, s.index), s, CELL, 1, 0);
    weak[here] = over > WEAK && alpha[here] <= 0.5f && hint[here] >= HINT;
}

extern "C" __global__ void grow(const unsigned char* __restrict__ weak, const long long* __restrict__ extents,
                                int pictures, unsigned char* __restrict__ grown) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    unsigned char any = 0;
    for (int k = 0; k < 9; ++k) any |= weak[s.at(s.row + k / 3 - 1, s.column + k % 3 - 1)];
    grown[s.here()] = any;
}

struct Filament {
    int size, hangs;
    unsigned long long seen;
};

extern "C" __global__ void clear(const int* __restrict__ labels, const int* __restrict__ rows,
                                 const long long* __restrict__ extents, int pictures, Filament* __restrict__ table) {
    Spot s = spot(extents, pictures);
    if (s.inside() && labels[s.here()] == s.row * s.width + s.column) table[rows[s.here()]] = {0, 0, 0};
}

extern "C" __global__ void measure(const int* __restrict__ labels, const int* __restrict__ rows,
                                   const unsigned char* __restrict__ weak, const unsigned char* __restrict__ line,
                                   const float* __restrict__ alpha, const long long* __restrict__ extents,
                                   int pictures, Filament* table) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] < 0) return;
    long long here = s.here();
    Filament* f = table + rows[s.first + labels[here]];
    for (int dy = -TOUCH; dy <= TOUCH && !f->hangs; ++dy)
        for (int dx = -TOUCH; dx <= TOUCH; ++dx)
            if (alpha[s.at(s.row + dy, s.column + dx)] > 0.5f) f->hangs = 1;  // whoever comes last writes the same
    if (!weak[here]) return;
    atomicAdd(&f->size, 1);
    atomicAdd(&f->seen, (unsigned long long)line[here]);
}

extern "C" __global__ void keep(const int* __restrict__ labels, const int* __restrict__ rows,
                                const unsigned char* __restrict__ weak, const Filament* __restrict__ table,
                                const long long* __restrict__ extents, int pictures,
                                unsigned char* __restrict__ drawn) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    long long here = s.here();
    bool kept = false;
    if (weak[here]) {
        Filament f = table[rows[s.first + labels[here]]];
        kept = f.hangs && f.seen >= (unsigned long long)LINE * f.size;
    }
    drawn[here] = kept;
}

// restored [pictures]: pixels whose alpha passed a half.
extern "C" __global__ void restore(const unsigned char* __restrict__ drawn,
                                   const unsigned char* __restrict__ difference, const float* __restrict__ noise,
                                   const float* __restrict__ alpha, const long long* __restrict__ grids,
                                   const long long* __restrict__ extents, int pictures, float* __restrict__ out,
                                   int* restored) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    long long here = s.here();
    float before = alpha[here], after = before;
    bool near = false;
    for (int k = 0; k < 9; ++k) near |= drawn[s.at(s.row + k / 3 - 1, s.column + k % 3 - 1)];
    if (near) {
        int highest = 0;
        for (int dy = -3; dy <= 3; ++dy)
            for (int dx = -3; dx <= 3; ++dx) {
                long long there = s.at(s.row + dy, s.column + dx);
                if (drawn[there]) highest = max(highest, (int)difference[there]);
            }
        float floor = enlarged(noise, picture(grids, s.index), s, CELL, 1, 0) + FLOOR;
        float top = fmaxf(highest * TOP, floor + 2.0f * FLOOR);
        after = fmaxf(before, fminf(fmaxf((difference[here] - floor) / (top - floor), 0.0f), 1.0f));
    }
    out[here] = after;
    if (after > 0.5f && before <= 0.5f) atomicAdd(restored + s.index, 1);
}
