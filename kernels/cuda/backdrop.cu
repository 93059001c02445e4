// The old background by pull-push, and every pixel's distance from it. Reference: kernels/reference/backdrop.py.
// One thread per cell of CELL x CELL pixels, per cell of a pyramid level, or per pixel. Bytes per pixel: gather_colour
// 4, gather_mean and gather_most 1, differ 5 (3 in, 2 out); the cells and their pyramids cost 2.
#include "batch.cuh"

constexpr int CELL = 8;

// Colour of each cell; 1 in `known` where all of it is certain background (255), and in `any` [pictures], else left 0.
extern "C" __global__ void gather_colour(const unsigned char* __restrict__ pixels,
                                         const unsigned char* __restrict__ background,
                                         const long long* __restrict__ photos, const long long* __restrict__ extents,
                                         int pictures, float* __restrict__ values, float* __restrict__ known,
                                         int* __restrict__ any) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(photos, s.index);
    int sum[3] = {0, 0, 0};
    bool certain = true;
    for (int y = 0; y < CELL; ++y)
        for (int x = 0; x < CELL; ++x) {
            long long here = from.at(s.row * CELL + y, s.column * CELL + x);
            certain &= background[here] == 255;
            for (int c = 0; c < 3; ++c) sum[c] += pixels[3 * here + c];
        }
    for (int c = 0; c < 3; ++c) values[3 * s.here() + c] = byte(sum[c] / float(CELL * CELL));
    known[s.here()] = certain;
    if (certain) any[s.index] = 1;  // whoever comes last writes the same
}

extern "C" __global__ void gather_mean(const unsigned char* __restrict__ plane, const long long* __restrict__ photos,
                                       const long long* __restrict__ extents, int pictures,
                                       float* __restrict__ values) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(photos, s.index);
    int sum = 0;
    for (int y = 0; y < CELL; ++y)
        for (int x = 0; x < CELL; ++x) sum += plane[from.at(s.row * CELL + y, s.column * CELL + x)];
    values[s.here()] = byte(sum / float(CELL * CELL));
}

extern "C" __global__ void gather_most(const unsigned char* __restrict__ plane, const long long* __restrict__ photos,
                                       const long long* __restrict__ extents, int pictures,
                                       float* __restrict__ values) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(photos, s.index);
    int most = 0;
    for (int y = 0; y < CELL; ++y)
        for (int x = 0; x < CELL; ++x) most = max(most, (int)plane[from.at(s.row * CELL + y, s.column * CELL + x)]);
    values[s.here()] = most;
}

extern "C" __global__ void pull(const float* __restrict__ fine, const float* __restrict__ fine_weight,
                                const long long* __restrict__ fine_extents, const long long* __restrict__ extents,
                                int pictures, int channels, float* __restrict__ values, float* __restrict__ weight) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(fine_extents, s.index);
    float mass = 0.0f, sum[3] = {0, 0, 0};
    for (int k = 0; k < 4; ++k) {
        int row = 2 * s.row + k / 2, column = 2 * s.column + k % 2;
        if (!from.holds(row, column)) continue;
        long long here = from.at(row, column);
        mass += fine_weight[here];
        for (int c = 0; c < channels; ++c) sum[c] += fine_weight[here] * fine[channels * here + c];
    }
    for (int c = 0; c < channels; ++c) values[channels * s.here() + c] = sum[c] / fmaxf(mass, 1e-6f);
    weight[s.here()] = fminf(mass, 1.0f);
}

// In place. A picture whose coarser level has no pixels is one pixel here.
extern "C" __global__ void push(const float* __restrict__ coarse, const long long* __restrict__ coarse_extents,
                                const float* __restrict__ weight, const long long* __restrict__ extents, int pictures,
                                int channels, float* __restrict__ values) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(coarse_extents, s.index);
    float w = weight[s.here()];
    float* own = values + channels * s.here();
    if (!from.height) {
        for (int c = 0; c < channels; ++c) own[c] = w > 0.0f ? own[c] : 0.0f;
        return;
    }
    Between y = between(s.row, 0.5f, from.height), x = between(s.column, 0.5f, from.width);
    long long corner[4] = {from.at(y.low, x.low), from.at(y.low, x.high), from.at(y.high, x.low),
                           from.at(y.high, x.high)};
    for (int c = 0; c < channels; ++c) {
        float upper = coarse[channels * corner[0] + c];
        upper += x.share * (coarse[channels * corner[1] + c] - upper);
        float lower = coarse[channels * corner[2] + c];
        lower += x.share * (coarse[channels * corner[3] + c] - lower);
        float smooth = upper + y.share * (lower - upper);
        own[c] = smooth + w * (own[c] - smooth);
    }
}

__device__ inline float gray(const float* colour) {
    return rintf(0.299f * colour[0] + 0.587f * colour[1] + 0.114f * colour[2]);
}

// plain: half the sum of the channels' differences; difference: the same after the shadow's share of the light.
extern "C" __global__ void differ(const unsigned char* __restrict__ pixels, const float* __restrict__ behind,
                                  const long long* __restrict__ grids, const long long* __restrict__ extents,
                                  int pictures, const int* __restrict__ any, unsigned char* __restrict__ plain,
                                  unsigned char* __restrict__ difference) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture grid = picture(grids, s.index);
    float own[3], table[3], sum = 0.0f, shaded = 0.0f;
    for (int c = 0; c < 3; ++c) {
        own[c] = pixels[3 * s.here() + c];
        table[c] = enlarged(behind, grid, s, CELL, 3, c);
        sum += fabsf(own[c] - table[c]);
    }
    float shade = fminf(fmaxf(gray(own) / fmaxf(gray(table), 1.0f), 0.3f), 1.0f);
    for (int c = 0; c < 3; ++c) shaded += fabsf(own[c] - byte(table[c] * shade));
    bool told = any[s.index];  // without any background nothing differs
    plain[s.here()] = told ? byte(0.5f * sum) : 0;
    difference[s.here()] = told ? byte(0.5f * shaded) : 0;
}
