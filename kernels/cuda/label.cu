// Connected components by union-find (Komura 2015; Playne and Hawick 2018): each pixel points at a lower one of its
// component, its first pixel at itself. `labels` [P] int32 counts within the picture; -1 where the mask is 0.
// Bytes per pixel: start 5, join 1, flatten 4; where the mask is set 12 more, and the paths.
#include "batch.cuh"

__device__ inline int root(const int* labels, int place) {
    while (labels[place] != place) place = labels[place];
    return place;
}

__device__ inline void unite(int* labels, int one, int other) {
    for (;;) {
        one = root(labels, one), other = root(labels, other);
        if (one == other) return;
        int low = min(one, other), high = max(one, other);
        int before = atomicMin(labels + high, low);
        if (before == high) return;
        one = before, other = low;  // somebody was faster: `high` had already been joined to `before`
    }
}

extern "C" __global__ void start(const unsigned char* __restrict__ mask, const long long* __restrict__ extents,
                                 int pictures, int* __restrict__ labels) {
    Spot s = spot(extents, pictures);
    if (s.inside()) labels[s.here()] = mask[s.here()] ? s.row * s.width + s.column : -1;
}

extern "C" __global__ void join(const unsigned char* __restrict__ mask, const long long* __restrict__ extents,
                                int pictures, int diagonal, int* labels) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || !mask[s.here()]) return;
    int own = s.row * s.width + s.column;
    const int down[4] = {0, -1, -1, -1}, across[4] = {-1, 0, -1, 1};
    for (int k = 0; k < (diagonal ? 4 : 2); ++k) {
        int row = s.row + down[k], column = s.column + across[k];
        if (s.holds(row, column) && mask[s.first + (long long)row * s.width + column])
            unite(labels + s.first, own, row * s.width + column);
    }
}

// Flatten, and give every component a row of `counter`'s table, in no particular order.
extern "C" __global__ void flatten(const long long* __restrict__ extents, int pictures, int* labels, int* counter,
                                   int* __restrict__ rows) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    long long here = s.here();
    int own = labels[here];
    if (own < 0) return;
    int found = root(labels + s.first, own);
    labels[here] = found;
    if (found == s.row * s.width + s.column) rows[here] = atomicAdd(counter, 1);
}
