// Take away what the network saw apart from the piece and was nowhere sure of. Reference: kernels/reference/specks.py.
// One thread per pixel. Bytes per pixel: seek 5, mark 4, clear 9; more where there is a piece.
#include "batch.cuh"

constexpr float SEEN = 0.2f, SURE = 0.7f;

extern "C" __global__ void seek(const float* __restrict__ alpha, const long long* __restrict__ extents, int pictures,
                                unsigned char* __restrict__ seen) {
    Spot s = spot(extents, pictures);
    if (s.inside()) seen[s.here()] = alpha[s.here()] > SEEN;
}

// sure: not 0 at the first pixel of a component that somewhere is; some [pictures]: not 0 where a picture has one.
extern "C" __global__ void mark(const int* __restrict__ labels, const float* __restrict__ alpha,
                                const long long* __restrict__ extents, int pictures, unsigned char* sure,
                                unsigned char* some) {
    Spot s = spot(extents, pictures);
    if (s.inside() && labels[s.here()] >= 0 && alpha[s.here()] >= SURE)
        sure[s.first + labels[s.here()]] = some[s.index] = 1;
}

extern "C" __global__ void clear(const int* __restrict__ labels, const unsigned char* __restrict__ sure,
                                 const unsigned char* __restrict__ some, const float* __restrict__ alpha,
                                 const long long* __restrict__ extents, int pictures, float* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    int label = labels[s.here()];
    out[s.here()] = label < 0 || !some[s.index] || sure[s.first + label] ? alpha[s.here()] : 0;
}
