// Boxes around what a plane holds: all that is above a limit, or only the connected parts that count as the piece.
// Reads 4 bytes a pixel; the parts also 8 of labels and rows. Reference: kernels/reference/window.py, composite.py.
// boxes [pictures][4]: left, top, right, bottom, the latter two excluded; as uploaded (huge, huge, 0, 0) where nothing is.
#include "batch.cuh"

constexpr float FAINT = 0.15f, SURE = 0.5f;
constexpr int SHORT = 16;  // a part is long from one SHORTth of the plane's longer side on

struct Box {
    int left, top, right, bottom;
};

struct Part {
    Box box;
    int sure;
};

__device__ inline void include(Box* box, int left, int top, int right, int bottom) {
    // Most pixels change nothing: looking first keeps them out of the queue for the atomics.
    if (left < box->left) atomicMin(&box->left, left);
    if (top < box->top) atomicMin(&box->top, top);
    if (right > box->right) atomicMax(&box->right, right);
    if (bottom > box->bottom) atomicMax(&box->bottom, bottom);
}

extern "C" __global__ void above(const float* __restrict__ plane, float limit, const long long* __restrict__ extents,
                                 int pictures, Box* boxes) {
    Spot s = spot(extents, pictures);
    if (s.inside() && plane[s.here()] > limit) include(boxes + s.index, s.column, s.row, s.column + 1, s.row + 1);
}

extern "C" __global__ void faint(const float* __restrict__ alpha, const long long* __restrict__ extents, int pictures,
                                 unsigned char* __restrict__ mask) {
    Spot s = spot(extents, pictures);
    if (s.inside()) mask[s.here()] = alpha[s.here()] > FAINT;
}

__device__ inline bool leads(const int* labels, const Spot& s) {
    return labels[s.here()] == s.row * s.width + s.column;
}

extern "C" __global__ void clear(const int* __restrict__ labels, const int* __restrict__ rows,
                                 const long long* __restrict__ extents, int pictures, Part* __restrict__ parts) {
    Spot s = spot(extents, pictures);
    if (s.inside() && leads(labels, s)) parts[rows[s.here()]] = {{s.width, s.height, 0, 0}, 0};
}

extern "C" __global__ void measure(const int* __restrict__ labels, const int* __restrict__ rows,
                                   const float* __restrict__ alpha, const long long* __restrict__ extents,
                                   int pictures, Part* parts) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || labels[s.here()] < 0) return;
    Part* part = parts + rows[s.first + labels[s.here()]];
    include(&part->box, s.column, s.row, s.column + 1, s.row + 1);
    if (alpha[s.here()] > SURE) part->sure = 1;  // whoever comes last writes the same
}

extern "C" __global__ void gather(const int* __restrict__ labels, const int* __restrict__ rows,
                                  const Part* __restrict__ parts, const long long* __restrict__ extents, int pictures,
                                  Box* boxes) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || !leads(labels, s)) return;
    Part p = parts[rows[s.here()]];
    int length = max(p.box.right - p.box.left, p.box.bottom - p.box.top);
    if (p.sure || SHORT * length >= max(s.height, s.width))
        include(boxes + s.index, p.box.left, p.box.top, p.box.right, p.box.bottom);
}
