// Multi-level foreground estimation (Germer et al. 2020), in place, red and black pixels in turn.
// One thread per pixel of a level. Reference: kernels/reference/foreground.py.
// Bytes per pixel of a level: halve 8.75 (7 in, 1.75 out), begin 17 (9 in, 8 out), sweep at most 31, touched only where
// alpha is mixed; finish 18. A pyramid costs 4/3 of its finest level.
#include "batch.cuh"

constexpr float EPSILON = 1e-5f;

__device__ inline bool mixed(const float* alpha, const Spot& s) {
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) {
            float a = alpha[s.at(s.row + dy, s.column + dx)];
            if (a > 0.0f && a < 1.0f) return true;
        }
    return false;
}

extern "C" __global__ void halve(const unsigned char* __restrict__ fine, const float* __restrict__ fine_alpha,
                                 const long long* __restrict__ fine_extents, const long long* __restrict__ extents,
                                 int pictures, unsigned char* __restrict__ image, float* __restrict__ alpha) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(fine_extents, s.index);
    long long corner[4];
    for (int k = 0; k < 4; ++k) corner[k] = from.at(2 * s.row + k / 2, 2 * s.column + k % 2);
    long long here = s.here();
    for (int c = 0; c < 3; ++c) {
        int sum = 2;
        for (int k = 0; k < 4; ++k) sum += fine[3 * corner[k] + c];
        image[3 * here + c] = (unsigned char)(sum / 4);
    }
    alpha[here] = 0.25f * (fine_alpha[corner[0]] + fine_alpha[corner[1]] + fine_alpha[corner[2]] + fine_alpha[corner[3]]);
}

// layers: F in bytes 0..2, B in bytes 4..6. `parent` of a picture's coarsest level has no pixels.
extern "C" __global__ void begin(const unsigned char* __restrict__ image, const float* __restrict__ alpha,
                                 const long long* __restrict__ extents, const long long* __restrict__ parent_extents,
                                 int pictures, const uchar4* __restrict__ parent, uchar4* __restrict__ layers) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(parent_extents, s.index);
    long long here = s.here();
    uchar4 front = {0, 0, 0, 0}, back = {0, 0, 0, 0};
    if (from.height) {
        long long above = from.at(s.row / 2, s.column / 2);
        front = parent[2 * above], back = parent[2 * above + 1];
    }
    uchar4 own = {image[3 * here], image[3 * here + 1], image[3 * here + 2], 0};
    layers[2 * here] = alpha[here] == 1.0f ? own : front;
    layers[2 * here + 1] = alpha[here] == 0.0f ? own : back;
}

// The four neighbours have the other colour of the board, so that no thread reads what another writes.
extern "C" __global__ void sweep(const unsigned char* __restrict__ image, const float* __restrict__ alpha,
                                 const long long* __restrict__ extents, int pictures, int side, uchar4* layers) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || ((s.row + s.column) & 1) != side || !mixed(alpha, s)) return;
    long long here = s.here();
    long long neighbour[4] = {s.at(s.row, s.column - 1), s.at(s.row, s.column + 1), s.at(s.row - 1, s.column),
                              s.at(s.row + 1, s.column)};
    float a = alpha[here], rest = 1.0f - a, total = 0.0f;
    float front[3], back[3];
    for (int c = 0; c < 3; ++c) {
        float own = image[3 * here + c];
        front[c] = a * own;
        back[c] = rest * own;
    }
    for (int k = 0; k < 4; ++k) {
        float weight = EPSILON + fabsf(a - alpha[neighbour[k]]);
        uchar4 f = layers[2 * neighbour[k]], b = layers[2 * neighbour[k] + 1];
        total += weight;
        front[0] += weight * f.x, front[1] += weight * f.y, front[2] += weight * f.z;
        back[0] += weight * b.x, back[1] += weight * b.y, back[2] += weight * b.z;
    }
    float ff = a * a + total, fb = a * rest, bb = rest * rest + total;
    float inverse = 1.0f / (ff * bb - fb * fb);
    unsigned char f[3], b[3];
    for (int c = 0; c < 3; ++c) {
        f[c] = byte((bb * front[c] - fb * back[c]) * inverse);
        b[c] = byte((ff * back[c] - fb * front[c]) * inverse);
    }
    layers[2 * here] = {f[0], f[1], f[2], 0};
    layers[2 * here + 1] = {b[0], b[1], b[2], 0};
}

// strength [pictures]: how much of the way from the photo's colour to F to go.
extern "C" __global__ void finish(const unsigned char* __restrict__ image, const float* __restrict__ alpha,
                                  const long long* __restrict__ extents, int pictures,
                                  const uchar4* __restrict__ layers, const float* __restrict__ strength,
                                  unsigned char* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    bool near = false;
    for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx) near |= alpha[s.at(s.row + dy, s.column + dx)] > 0.0f;
    long long here = s.here();
    uchar4 f = layers[2 * here];
    unsigned char front[3] = {f.x, f.y, f.z};
    bool own = alpha[here] == 1.0f;
    float share = strength[s.index];
    for (int c = 0; c < 3; ++c) {
        float photo = image[3 * here + c];
        out[3 * here + c] = !near ? 255 : own ? image[3 * here + c] : byte(share * front[c] + (1.0f - share) * photo);
    }
}
