// See-through openings of a batch's alpha: how many, and their pixels. Reference: kernels/reference/openings.py.
// One thread per pixel. Bytes per pixel: seek 5, clear 4, measure 4, total 4.
#include "batch.cuh"

constexpr int LEAST = 12;

struct Opening {
    int area, reaches;
};

extern "C" __global__ void seek(const float* __restrict__ alpha, const long long* __restrict__ extents, int pictures,
                                unsigned char* __restrict__ nothing) {
    Spot s = spot(extents, pictures);
    if (s.inside()) nothing[s.here()] = alpha[s.here()] < 0.5f;
}

extern "C" __global__ void clear(const int* __restrict__ labels, const int* __restrict__ rows,
                                 const long long* __restrict__ extents, int pictures, Opening* __restrict__ table) {
    Spot s = spot(extents, pictures);
    if (s.inside() && labels[s.here()] == s.row * s.width + s.column) table[rows[s.here()]] = {0, 0};
}

extern "C" __global__ void measure(const int* __restrict__ labels, const int* __restrict__ rows,
                                   const long long* __restrict__ extents, int pictures, Opening* table) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] < 0) return;
    Opening* o = table + rows[s.first + labels[s.here()]];
    if (s.row == 0 || s.column == 0 || s.row == s.height - 1 || s.column == s.width - 1) o->reaches = 1;
    if (!o->reaches) atomicAdd(&o->area, 1);  // of the open table around the piece nobody will ask
}

// facts [pictures][2]: count, area.
extern "C" __global__ void total(const int* __restrict__ labels, const int* __restrict__ rows,
                                 const Opening* __restrict__ table, const long long* __restrict__ extents, int pictures,
                                 int* facts) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] != s.row * s.width + s.column) return;
    Opening o = table[rows[s.here()]];
    if (o.reaches || o.area < LEAST) return;
    atomicAdd(facts + 2 * s.index, 1);
    atomicAdd(facts + 2 * s.index + 1, o.area);
}
