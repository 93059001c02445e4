// Fast guided filter (He and Sun 2015): a and b of alpha = a.I + b per window at the network's size, averaged, applied
// at the photo's size. Reference: kernels/reference/guided.py. Bytes: shrink reads the photo once (3 a pixel); solve
// and smooth move 7 + 16 and 16 + 16 bytes a network pixel; apply moves 7 bytes a photo pixel.
// Windows are sums over a tile in shared memory, first down, then across: 2 * (2r + 1) reads a pixel.
#include "batch.cuh"

constexpr int MOST = 4;  // radius in network pixels
constexpr int WIDE = TILE_X + 2 * MOST;
constexpr int HIGH = TILE_Y + 2 * MOST;

__device__ inline int mirrored(int place, int count) {
    while (place < 0 || place >= count) place = place < 0 ? -1 - place : 2 * count - 1 - place;
    return place;
}

// Average the area of the photo under each network pixel: small [h, w, 3] uint8.
extern "C" __global__ void shrink(const unsigned char* __restrict__ pixels, const long long* __restrict__ photos,
                                  const long long* __restrict__ extents, int pictures,
                                  unsigned char* __restrict__ small) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(photos, s.index);
    float down = (float)from.height / s.height, across = (float)from.width / s.width;
    float top = s.row * down, bottom = fminf(top + down, (float)from.height);
    float left = s.column * across, right = fminf(left + across, (float)from.width);
    float sum[3] = {0, 0, 0};
    for (int y = (int)top; y < bottom; ++y) {
        float vertical = fminf(y + 1.0f, bottom) - fmaxf((float)y, top);
        for (int x = (int)left; x < right; ++x) {
            float weight = vertical * (fminf(x + 1.0f, right) - fmaxf((float)x, left));
            long long here = 3 * (from.first + (long long)y * from.width + x);
            for (int c = 0; c < 3; ++c) sum[c] += weight * pixels[here + c];
        }
    }
    float whole = 1.0f / ((bottom - top) * (right - left));
    for (int c = 0; c < 3; ++c) small[3 * s.here() + c] = byte(sum[c] * whole);
}

// Thirteen means over the window, one after the other through the same two tiles.
extern "C" __global__ void solve(const unsigned char* __restrict__ small, const float* __restrict__ coarse,
                                 const long long* __restrict__ extents, int pictures, int radius, float epsilon,
                                 float4* __restrict__ lines) {
    __shared__ float plane[4][HIGH][WIDE];
    __shared__ float column[TILE_Y][WIDE];
    Spot s = spot(extents, pictures);
    int row = s.row - threadIdx.y, left = s.column - threadIdx.x, high = TILE_Y + 2 * radius, wide = TILE_X + 2 * radius;
    int thread = threadIdx.y * TILE_X + threadIdx.x;
    for (int k = thread; k < high * wide; k += TILE_X * TILE_Y) {
        int y = k / wide, x = k % wide;
        long long from = s.first + (long long)mirrored(row + y - radius, s.height) * s.width +
                         mirrored(left + x - radius, s.width);
        for (int c = 0; c < 3; ++c) plane[c][y][x] = small[3 * from + c] * (1.0f / 255.0f);
        plane[3][y][x] = coarse[from];
    }
    const int first[13] = {0, 1, 2, 3, 0, 0, 0, 1, 1, 2, 0, 1, 2}, second[13] = {-1, -1, -1, -1, 0, 1, 2, 1, 2, 2, 3, 3, 3};
    float mean[13], area = 1.0f / ((2 * radius + 1) * (2 * radius + 1));
#pragma unroll
    for (int m = 0; m < 13; ++m) {
        __syncthreads();
        for (int k = thread; k < TILE_Y * wide; k += TILE_X * TILE_Y) {
            int y = k / wide, x = k % wide;
            float sum = 0.0f;
            for (int d = 0; d <= 2 * radius; ++d)
                sum += plane[first[m]][y + d][x] * (second[m] < 0 ? 1.0f : plane[second[m] < 0 ? 0 : second[m]][y + d][x]);
            column[y][x] = sum;
        }
        __syncthreads();
        float sum = 0.0f;
        for (int d = 0; d <= 2 * radius; ++d) sum += column[threadIdx.y][threadIdx.x + d];
        mean[m] = sum * area;
    }
    if (!s.inside()) return;
    float r = mean[0], g = mean[1], b = mean[2], p = mean[3];
    // In double precision: of a gray edge the determinant is about epsilon squared, below what float leaves of its terms.
    double rr = mean[4] - r * r + epsilon, rg = mean[5] - r * g, rb = mean[6] - r * b;
    double gg = mean[7] - g * g + epsilon, gb = mean[8] - g * b, bb = mean[9] - b * b + epsilon;
    float rp = mean[10] - r * p, gp = mean[11] - g * p, bp = mean[12] - b * p;
    double c0 = gg * bb - gb * gb, c1 = gb * rb - rg * bb, c2 = rg * gb - gg * rb;
    double c3 = rr * bb - rb * rb, c4 = rg * rb - rr * gb, c5 = rr * gg - rg * rg;
    double determinant = 1.0 / (rr * c0 + rg * c1 + rb * c2);
    float ar = (float)((c0 * rp + c1 * gp + c2 * bp) * determinant);
    float ag = (float)((c1 * rp + c3 * gp + c4 * bp) * determinant);
    float ab = (float)((c2 * rp + c4 * gp + c5 * bp) * determinant);
    lines[s.here()] = {ar, ag, ab, p - ar * r - ag * g - ab * b};
}

extern "C" __global__ void smooth(const float4* __restrict__ lines, const long long* __restrict__ extents, int pictures,
                                  int radius, float4* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    float4 sum = {0, 0, 0, 0};
    for (int dy = -radius; dy <= radius; ++dy)
        for (int dx = -radius; dx <= radius; ++dx) {
            float4 l = lines[s.first + (long long)mirrored(s.row + dy, s.height) * s.width + mirrored(s.column + dx, s.width)];
            sum.x += l.x, sum.y += l.y, sum.z += l.z, sum.w += l.w;
        }
    float area = 1.0f / ((2 * radius + 1) * (2 * radius + 1));
    out[s.here()] = {sum.x * area / 255.0f, sum.y * area / 255.0f, sum.z * area / 255.0f, sum.w * area};
}

extern "C" __global__ void apply(const unsigned char* __restrict__ pixels, const float4* __restrict__ lines,
                                 const long long* __restrict__ networks, const long long* __restrict__ extents,
                                 int pictures, float* __restrict__ alpha) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture from = picture(networks, s.index);
    Between y = between(s.row, (float)from.height / s.height, from.height);
    Between x = between(s.column, (float)from.width / s.width, from.width);
    float4 c[4] = {lines[from.at(y.low, x.low)], lines[from.at(y.low, x.high)], lines[from.at(y.high, x.low)],
                   lines[from.at(y.high, x.high)]};
    float w[4] = {(1 - y.share) * (1 - x.share), (1 - y.share) * x.share, y.share * (1 - x.share), y.share * x.share};
    float4 l = {0, 0, 0, 0};
    for (int k = 0; k < 4; ++k)
        l.x += w[k] * c[k].x, l.y += w[k] * c[k].y, l.z += w[k] * c[k].z, l.w += w[k] * c[k].w;
    long long here = s.here();
    float value = l.x * pixels[3 * here] + l.y * pixels[3 * here + 1] + l.z * pixels[3 * here + 2] + l.w;
    alpha[here] = fminf(fmaxf(value, 0.0f), 1.0f);
}
