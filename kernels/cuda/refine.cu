// The network's maps as bytes, and in the photo's own pixels. Reference: kernels/reference/refine.py, evidence.
// Bytes: prepare 6 + 25 (from the cache) a network pixel, enlarge writes 3 a photo pixel. One thread per pixel.
#include "batch.cuh"

constexpr float NOTHING = 0.05f;

// alpha: a plane of the maps. hint: the same as bytes; nothing: 255 where no pixel two around has alpha.
extern "C" __global__ void prepare(const float* __restrict__ alpha, const long long* __restrict__ extents,
                                   int pictures, unsigned char* __restrict__ hint,
                                   unsigned char* __restrict__ nothing) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    float most = 0.0f;
    for (int dy = -2; dy <= 2; ++dy)
        for (int dx = -2; dx <= 2; ++dx) most = fmaxf(most, alpha[s.at(s.row + dy, s.column + dx)]);
    hint[s.here()] = byte(alpha[s.here()] * 255.0f);
    nothing[s.here()] = most <= NOTHING ? 255 : 0;
}

__device__ inline unsigned char bilinear(const unsigned char* plane, const Picture& from, const Between& y,
                                         const Between& x) {
    float upper = plane[from.at(y.low, x.low)], lower = plane[from.at(y.high, x.low)];
    upper += x.share * (plane[from.at(y.low, x.high)] - upper);
    lower += x.share * (plane[from.at(y.high, x.high)] - lower);
    return byte(upper + y.share * (lower - upper));
}

// A box of each photo. places [pictures][4]: left, top of the box, width, height of the photo.
extern "C" __global__ void enlarge(const unsigned char* __restrict__ hint, const unsigned char* __restrict__ line,
                                   const unsigned char* __restrict__ nothing, const long long* __restrict__ maps,
                                   const int* __restrict__ places, const long long* __restrict__ extents, int pictures,
                                   unsigned char* __restrict__ hints, unsigned char* __restrict__ lines,
                                   unsigned char* __restrict__ background) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(maps, s.index);
    const int* place = places + 4 * s.index;
    int row = s.row + place[1], column = s.column + place[0];
    Between y = between(row, (float)from.height / place[3], from.height);
    Between x = between(column, (float)from.width / place[2], from.width);
    hints[s.here()] = bilinear(hint, from, y, x);
    lines[s.here()] = bilinear(line, from, y, x);
    // The nearest as OpenCV has it: the pixel that the left upper corner falls into.
    background[s.here()] = nothing[from.at((int)((long long)row * from.height / place[3]),
                                           (int)((long long)column * from.width / place[2]))];
}

// alpha [P], stretched in place between floor and ceiling, clipped to 0 and 1.
extern "C" __global__ void stretch(const long long* __restrict__ extents, int pictures, float floor, float gain,
                                   float* alpha) {
    Spot s = spot(extents, pictures);
    if (s.inside()) alpha[s.here()] = fminf(fmaxf((alpha[s.here()] - floor) * gain, 0.0f), 1.0f);
}
