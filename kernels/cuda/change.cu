// How far a relight changes a piece. One thread per pixel of the network's square; reads 16 bytes a pixel and the grid.
// Reference: kernels/reference/change.py. Sums are whole numbers, so that their order does not matter.
#include "batch.cuh"

constexpr int BINS = 8192;
constexpr float STEPS = 64.0f;  // bins per unit of CIEDE2000
constexpr float UNIT = 1048576.0f;

struct Sums {
    unsigned long long count, apart;
    long long one, other, both;  // products of fine structure
};

__device__ inline float linear(float v) { return v <= 0.04045f ? v / 12.92f : powf((v + 0.055f) / 1.055f, 2.4f); }

__device__ inline float bent(float t) { return t > 216.0f / 24389.0f ? cbrtf(t) : (24389.0f / 27.0f * t + 16.0f) / 116.0f; }

__device__ inline float3 lab(float r, float g, float b) {
    r = fminf(fmaxf(r, 0.0f), 1.0f), g = fminf(fmaxf(g, 0.0f), 1.0f), b = fminf(fmaxf(b, 0.0f), 1.0f);
    float x = bent((0.4124564f * r + 0.3575761f * g + 0.1804375f * b) / 0.95047f);
    float y = bent(0.2126729f * r + 0.7151522f * g + 0.0721750f * b);
    float z = bent((0.0193339f * r + 0.1191920f * g + 0.9503041f * b) / 1.08883f);
    return {116.0f * y - 16.0f, 500.0f * (x - y), 200.0f * (y - z)};
}

__device__ inline float seventh(float v) {
    float square = v * v;
    return square * square * square * v;
}

__device__ inline float degrees(float y, float x) {
    float found = atan2f(y, x) * 57.29577951f;
    return found < 0.0f ? found + 360.0f : found;
}

__device__ inline float turned(float angle) { return cosf(angle * 0.01745329252f); }

// CIEDE2000, as Sharma, Wu and Dalal (2005) write it down.
__device__ float difference(float3 u, float3 v) {
    const float cube = 6103515625.0f;
    float mean7 = seventh((sqrtf(u.y * u.y + u.z * u.z) + sqrtf(v.y * v.y + v.z * v.z)) * 0.5f);
    float stretch = 1.5f - 0.5f * sqrtf(mean7 / (mean7 + cube));
    float c1 = sqrtf(stretch * stretch * u.y * u.y + u.z * u.z), c2 = sqrtf(stretch * stretch * v.y * v.y + v.z * v.z);
    float h1 = degrees(u.z, stretch * u.y), h2 = degrees(v.z, stretch * v.y);
    bool gray = c1 * c2 == 0.0f;
    float turn = h2 - h1;
    turn = turn > 180.0f ? turn - 360.0f : turn < -180.0f ? turn + 360.0f : turn;
    if (gray) turn = 0.0f;
    float dh = 2.0f * sqrtf(c1 * c2) * sinf(turn * 0.5f * 0.01745329252f), total = h1 + h2, hue = total;
    if (!gray) hue = (fabsf(h1 - h2) > 180.0f ? (total < 360.0f ? total + 360.0f : total - 360.0f) : total) * 0.5f;
    float middle = (u.x + v.x) * 0.5f - 50.0f, chroma = (c1 + c2) * 0.5f;
    float t = 1.0f - 0.17f * turned(hue - 30.0f) + 0.24f * turned(2.0f * hue) + 0.32f * turned(3.0f * hue + 6.0f) -
              0.20f * turned(4.0f * hue - 63.0f);
    float off = middle * middle, dl = (v.x - u.x) / (1.0f + 0.015f * off / sqrtf(20.0f + off));
    float dc = (c2 - c1) / (1.0f + 0.045f * chroma);
    dh /= 1.0f + 0.015f * chroma * t;
    float chroma7 = seventh(chroma), away = (hue - 275.0f) / 25.0f;
    float rotation = -sinf(60.0f * expf(-away * away) * 0.01745329252f) * 2.0f * sqrtf(chroma7 / (chroma7 + cube));
    return sqrtf(fmaxf(dl * dl + dc * dc + dh * dh + rotation * dc * dh, 0.0f));
}

// lightness [2 planes of each picture]: before and after, for `grain`. histogram [pictures][BINS].
extern "C" __global__ void compare(const float* __restrict__ shown, const float* __restrict__ light,
                                   const long long* __restrict__ grids, const long long* __restrict__ extents,
                                   int pictures, float2* __restrict__ lightness, Sums* sums, int* histogram) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    long long plane = (long long)s.height * s.width, own = 6 * s.first + s.here() - s.first;
    float colour[3];
    for (int c = 0; c < 3; ++c) colour[c] = linear(shown[own + c * plane]);
    Picture grid = picture(grids, s.index);
    Between y = between(s.row, (float)grid.height / s.height, grid.height);
    Between x = between(s.column, (float)grid.width / s.width, grid.width);
    const float* corner[4] = {light + 12 * grid.at(y.low, x.low), light + 12 * grid.at(y.low, x.high),
                              light + 12 * grid.at(y.high, x.low), light + 12 * grid.at(y.high, x.high)};
    float lit[3];
    for (int c = 0; c < 3; ++c) {
        float row[4];
        for (int k = 0; k < 4; ++k) {
            int n = 4 * c + k;
            float upper = corner[0][n] + x.share * (corner[1][n] - corner[0][n]);
            float lower = corner[2][n] + x.share * (corner[3][n] - corner[2][n]);
            row[k] = upper + y.share * (lower - upper);
        }
        lit[c] = row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2] + row[3];
    }
    float3 before = lab(colour[0], colour[1], colour[2]), after = lab(lit[0], lit[1], lit[2]);
    lightness[s.here()] = {before.x, after.x};
    if (!(shown[own + 3 * plane] > 0.5f)) return;
    float apart = difference(before, after);
    atomicAdd(&sums[s.index].count, 1ull);
    atomicAdd(&sums[s.index].apart, (unsigned long long)(apart * UNIT + 0.5f));
    atomicAdd(histogram + BINS * s.index + min((int)(apart * STEPS), BINS - 1), 1);
}

// Second differences of lightness, across and down.
extern "C" __global__ void grain(const float* __restrict__ shown, const float2* __restrict__ lightness,
                                 const long long* __restrict__ extents, int pictures, Sums* sums) {
    Spot s = spot(extents, pictures);
    if (!s.inside() || !s.row || !s.column) return;
    long long plane = (long long)s.height * s.width;
    if (!(shown[6 * s.first + 3 * plane + s.here() - s.first] > 0.5f)) return;
    float2 a = lightness[s.here()], b = lightness[s.at(s.row, s.column - 1)], c = lightness[s.at(s.row - 1, s.column)],
           d = lightness[s.at(s.row - 1, s.column - 1)];
    float one = a.x - b.x - c.x + d.x, other = a.y - b.y - c.y + d.y;
    atomicAdd((unsigned long long*)&sums[s.index].one, (unsigned long long)(long long)(one * one * UNIT));
    atomicAdd((unsigned long long*)&sums[s.index].other, (unsigned long long)(long long)(other * other * UNIT));
    atomicAdd((unsigned long long*)&sums[s.index].both, (unsigned long long)(long long)(one * other * UNIT));
}

// One thread per picture. figures [pictures][4] float: pixels, mean, 95th percentile, correlation.
extern "C" __global__ void conclude(const Sums* __restrict__ sums, const int* __restrict__ histogram, int pictures,
                                    float* __restrict__ figures) {
    int index = blockIdx.x * blockDim.x + threadIdx.x;
    if (index >= pictures) return;
    Sums s = sums[index];
    double wanted = 0.95 * ((double)s.count - 1.0) + 0.5, below = 0.0;  // the rank, in the middle of its pixel
    int bin = 0;
    while (bin < BINS - 1 && below + histogram[BINS * index + bin] <= wanted) below += histogram[BINS * index + bin++];
    int own = histogram[BINS * index + bin];
    double scale = sqrt((double)s.one * (double)s.other) / UNIT;
    float* out = figures + 4 * index;
    out[0] = (float)s.count;
    out[1] = s.count ? (float)((double)s.apart / UNIT / (double)s.count) : 0.0f;
    out[2] = own ? (float)((bin + (wanted - below) / own) / STEPS) : 0.0f;
    out[3] = scale > 1e-6 ? (float)((double)s.both / UNIT / scale) : 1.0f;
}
