// Open what agrees with the backdrop where alpha is unsure; close enclosed holes that disagree or are metal.
// Reference: kernels/reference/openings.py. One thread per pixel. Bytes per pixel: ridges 2, agree 9, open 10, measure 9, close 12.
#include "batch.cuh"

constexpr int CELL = 8;
constexpr int AGREES = 12, RIDGE = 6, DISAGREES = 16, METAL = 128;
constexpr float CONTRAST = 0.2f, SURE = 0.8f, SHARE = 0.7f, DOUBTED = 0.2f;

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

__device__ inline int less(int one, int other) { return one > other ? one - other : 0; }

// How far the mean of 3x3 is over the noise, mirrored nowhere: the edge goes on.
__device__ inline int over(const unsigned char* difference, const Spot& s, int noise) {
    float sum = 0.0f;
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) sum += difference[s.at(s.row + dy, s.column + dx)];
    return less(byte(sum / 9.0f), noise);
}

// agrees: 1 where the pixel may be opened; above: how far it is over the noise.
extern "C" __global__ void agree(const unsigned char* __restrict__ difference, const unsigned char* __restrict__ ridge,
                                 const float* __restrict__ usual, const float* __restrict__ contrast,
                                 const float* __restrict__ noise, const float* __restrict__ alpha,
                                 const unsigned char* __restrict__ metal, const long long* __restrict__ grids,
                                 const long long* __restrict__ extents, int pictures,
                                 unsigned char* __restrict__ agrees, unsigned char* __restrict__ above) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture grid = picture(grids, s.index);
    long long here = s.here();
    int grain = enlarged(noise, grid, s, CELL, 1, 0), own = less(enlarged(contrast, grid, s, CELL, 1, 0), grain);
    int out = over(difference, s, grain);
    float limit = fminf(AGREES, own * CONTRAST) * (1.0f - alpha[here]);
    bool wire = less(ridge[here], enlarged(usual, grid, s, CELL, 1, 0)) > RIDGE;
    agrees[here] = out < limit && alpha[here] < SURE && metal[here] < METAL && !wire;
    above[here] = (unsigned char)out;
}

// A square of 3x3 has to agree as a whole. facts [pictures][5]: kept, kept area, closed, closed area, opened area.
extern "C" __global__ void open(const unsigned char* __restrict__ agrees, const float* __restrict__ alpha,
                                const long long* __restrict__ extents, int pictures, float* __restrict__ out,
                                unsigned char* __restrict__ hole, int* facts) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    bool opened = false;
    for (int dy = -1; dy <= 1 && !opened; ++dy)
        for (int dx = -1; dx <= 1 && !opened; ++dx) {
            int row = s.row + dy, column = s.column + dx;
            if (!s.holds(row, column)) continue;
            bool whole = true;
            for (int k = 0; k < 9 && whole; ++k) whole = agrees[s.at(row + k / 3 - 1, column + k % 3 - 1)];
            opened = whole;
        }
    float before = alpha[s.here()], after = opened ? 0.0f : before;
    out[s.here()] = after;
    hole[s.here()] = after < 0.5f;
    if (opened && before > 0.5f) atomicAdd(facts + 5 * s.index + 4, 1);
}

struct Hole {
    int area, unlike, metal, reaches;
    unsigned long long doubt;
};

extern "C" __global__ void clear(const int* __restrict__ labels, const int* __restrict__ rows,
                                 const long long* __restrict__ extents, int pictures, Hole* __restrict__ table) {
    Spot s = spot(extents, pictures);
    if (s.inside() && labels[s.here()] == s.row * s.width + s.column) table[rows[s.here()]] = {0, 0, 0, 0, 0};
}

extern "C" __global__ void measure(const int* __restrict__ labels, const int* __restrict__ rows,
                                   const unsigned char* __restrict__ above, const unsigned char* __restrict__ metal,
                                   const unsigned char* __restrict__ hint, const long long* __restrict__ extents,
                                   int pictures, Hole* table) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] < 0) return;
    long long here = s.here();
    Hole* h = table + rows[s.first + labels[here]];
    if (s.row == 0 || s.column == 0 || s.row == s.height - 1 || s.column == s.width - 1) h->reaches = 1;
    if (h->reaches) return;  // the open table around the piece: nobody will ask
    atomicAdd(&h->area, 1);
    if (above[here] >= DISAGREES) atomicAdd(&h->unlike, 1);
    if (metal[here] >= METAL) atomicAdd(&h->metal, 1);
    atomicAdd(&h->doubt, (unsigned long long)hint[here]);
}

extern "C" __global__ void close(const int* __restrict__ labels, const int* __restrict__ rows,
                                 const Hole* __restrict__ table, const long long* __restrict__ extents, int pictures,
                                 float* __restrict__ out, int* facts) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] < 0) return;
    Hole h = table[rows[s.first + labels[s.here()]]];
    if (h.reaches) return;
    bool closed = max(h.unlike, h.metal) >= SHARE * h.area && h.doubt >= DOUBTED * 255.0f * h.area;
    if (closed) out[s.here()] = 1.0f;
    if (labels[s.here()] != s.row * s.width + s.column) return;
    int* said = facts + 5 * s.index + (closed ? 2 : 0);
    atomicAdd(said, 1);
    atomicAdd(said + 1, h.area);
}
