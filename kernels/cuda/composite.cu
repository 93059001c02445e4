// Light, framing and over in linear light: a*F' + (1-a)*B. One thread per pixel of the canvas.
// Reads each photo pixel of the window once (7 bytes, shrinking), writes 3 or 4 bytes. Reference:
// kernels/reference/composite.py. Shrinking averages areas of premultiplied light, enlarging is bicubic.
#include "batch.cuh"

constexpr int REACH = 80;

struct Frame {
    int left, top, width, height;  // window of the photo, in its pixels; may reach beyond it
};

struct Photo {
    const float* alpha;
    const unsigned char* foreground;
    Picture at;
    const float* light;  // 12 numbers a cell, row-major [M | t]
    Picture grid;
    const float* to_linear;
    Frame place;  // what the light's grid spans; beyond it nothing is relit
    Frame frame;
};

__device__ inline void relit(const Photo& p, int row, int column, float* colour) {
    row -= p.place.top, column -= p.place.left;
    if (row < 0 || row >= p.place.height || column < 0 || column >= p.place.width) return;
    Between y = between(row, (float)p.grid.height / p.place.height, p.grid.height);
    Between x = between(column, (float)p.grid.width / p.place.width, p.grid.width);
    const float* corner[4] = {p.light + 12 * p.grid.at(y.low, x.low), p.light + 12 * p.grid.at(y.low, x.high),
                              p.light + 12 * p.grid.at(y.high, x.low), p.light + 12 * p.grid.at(y.high, x.high)};
    float lit[3];
    for (int c = 0; c < 3; ++c) {
        float matrix[4];
        for (int k = 0; k < 4; ++k) {
            int n = 4 * c + k;
            float upper = corner[0][n] + x.share * (corner[1][n] - corner[0][n]);
            float lower = corner[2][n] + x.share * (corner[3][n] - corner[2][n]);
            matrix[k] = upper + y.share * (lower - upper);
        }
        lit[c] = matrix[0] * colour[0] + matrix[1] * colour[1] + matrix[2] * colour[2] + matrix[3];
    }
    for (int c = 0; c < 3; ++c) colour[c] = lit[c];
}

__device__ inline float4 premultiplied(const Photo& p, int row, int column) {
    row += p.frame.top, column += p.frame.left;
    if (row < 0 || row >= p.at.height || column < 0 || column >= p.at.width) return {0, 0, 0, 0};
    long long here = p.at.first + (long long)row * p.at.width + column;
    float a = p.alpha[here], colour[3];
    for (int c = 0; c < 3; ++c) colour[c] = p.to_linear[p.foreground[3 * here + c]];
    relit(p, row, column, colour);
    return {colour[0] * a, colour[1] * a, colour[2] * a, a};
}

__device__ inline void add(float4& sum, float weight, float4 value) {
    sum.x += weight * value.x, sum.y += weight * value.y, sum.z += weight * value.z, sum.w += weight * value.w;
}

__device__ inline float overlap(int pixel, float from, float to) {
    return fminf((float)(pixel + 1), to) - fmaxf((float)pixel, from);
}

// Keys' cubic with a = -0.75, as OpenCV's.
__device__ inline void cubic(float share, float* weight) {
    const float a = -0.75f;
    float x = share + 1.0f, rest = 1.0f - share;
    weight[0] = ((a * x - 5.0f * a) * x + 8.0f * a) * x - 4.0f * a;
    weight[1] = ((a + 2.0f) * share - (a + 3.0f)) * share * share + 1.0f;
    weight[2] = ((a + 2.0f) * rest - (a + 3.0f)) * rest * rest + 1.0f;
    weight[3] = 1.0f - weight[0] - weight[1] - weight[2];
}

__device__ inline float clipped(float value) { return fminf(fmaxf(value, 0.0f), 1.0f); }

__device__ float4 framed(const Photo& p, const Spot& s) {
    if (p.frame.width == s.width && p.frame.height == s.height) {
        float4 v = premultiplied(p, s.row, s.column);
        return {clipped(v.x), clipped(v.y), clipped(v.z), v.w};
    }
    float across = (float)p.frame.width / s.width, down = (float)p.frame.height / s.height;
    float4 sum = {0, 0, 0, 0};
    if (s.width < p.frame.width) {
        float top = s.row * down, bottom = fminf(top + down, (float)p.frame.height);
        float left = s.column * across, right = fminf(left + across, (float)p.frame.width);
        for (int y = (int)top; y < bottom; ++y)
            for (int x = (int)left; x < right; ++x)
                add(sum, overlap(y, top, bottom) * overlap(x, left, right), premultiplied(p, y, x));
        float whole = 1.0f / ((bottom - top) * (right - left));
        sum = {sum.x * whole, sum.y * whole, sum.z * whole, sum.w * whole};
    } else {
        float y = (s.row + 0.5f) * down - 0.5f, x = (s.column + 0.5f) * across - 0.5f;
        int row = (int)floorf(y), column = (int)floorf(x);
        float vertical[4], horizontal[4];
        cubic(y - row, vertical);
        cubic(x - column, horizontal);
        for (int i = 0; i < 4; ++i)
            for (int j = 0; j < 4; ++j) {
                int r = row - 1 + i, c = column - 1 + j;
                r = r < 0 ? 0 : r < p.frame.height ? r : p.frame.height - 1;
                c = c < 0 ? 0 : c < p.frame.width ? c : p.frame.width - 1;
                add(sum, vertical[i] * horizontal[j], premultiplied(p, r, c));
            }
    }
    return {clipped(sum.x), clipped(sum.y), clipped(sum.z), clipped(sum.w)};
}

__device__ inline Frame frame(const int* frames, int index) {
    return {frames[4 * index], frames[4 * index + 1], frames[4 * index + 2], frames[4 * index + 3]};
}

__device__ inline Photo photo(const Spot& s, const float* alpha, const unsigned char* foreground,
                              const long long* photos, const float* light, const long long* grids, const int* places,
                              const int* frames, const float* to_linear) {
    return {alpha, foreground, picture(photos, s.index), light, picture(grids, s.index), to_linear,
            frame(places, s.index), frame(frames, s.index)};
}

__device__ inline unsigned char encoded(const unsigned char* to_srgb, float light) {
    return to_srgb[(int)(clipped(light) * 65535.0f + 0.5f)];
}

// Mean alpha of the window under each cell of the contact shadow, 0 beyond the photo. Reads 4 bytes a window pixel.
extern "C" __global__ void cover(const float* __restrict__ alpha, const long long* __restrict__ photos,
                                 const int* __restrict__ frames, const long long* __restrict__ extents, int pictures,
                                 float* __restrict__ coverage) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture at = picture(photos, s.index);
    Frame f = {frames[4 * s.index], frames[4 * s.index + 1], frames[4 * s.index + 2], frames[4 * s.index + 3]};
    float down = (float)f.height / s.height, across = (float)f.width / s.width;
    float top = s.row * down, bottom = fminf(top + down, (float)f.height);
    float left = s.column * across, right = fminf(left + across, (float)f.width), sum = 0.0f;
    for (int y = (int)top; y < bottom; ++y)
        for (int x = (int)left; x < right; ++x)
            if (at.holds(y + f.top, x + f.left))
                sum += overlap(y, top, bottom) * overlap(x, left, right) * alpha[at.at(y + f.top, x + f.left)];
    coverage[s.here()] = sum / ((bottom - top) * (right - left));
}

// The coverage above, softened by a tent: one of REACH parts of the longer side wide, and moved down as far.
extern "C" __global__ void soften(const float* __restrict__ coverage, const long long* __restrict__ extents,
                                  int pictures, float* __restrict__ density) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    int reach = max(1, (2 * max(s.height, s.width) + REACH) / (2 * REACH));
    float sum = 0.0f, whole = 1.0f / (reach + 1);
    for (int dy = -reach; dy <= reach; ++dy)
        for (int dx = -reach; dx <= reach; ++dx)
            // What moved beyond the lower edge is lost, as is what lies beyond the others.
            if (s.row + dy < s.height && s.holds(s.row + dy - reach, s.column + dx))
                sum += (reach + 1 - abs(dy)) * whole * ((reach + 1 - abs(dx)) * whole) *
                       coverage[s.at(s.row + dy - reach, s.column + dx)];
    density[s.here()] = sum * whole * whole;
}

// What the shadow leaves of the background's light. Apart: within the kernel it costs 8 registers more than fit.
__device__ __noinline__ float unshaded(const Spot& s, const float* density, const Picture& grid, float strength) {
    if (!grid.height) return 1.0f;
    Between y = between(s.row, (float)grid.height / s.height, grid.height);
    Between x = between(s.column, (float)grid.width / s.width, grid.width);
    float upper = density[grid.at(y.low, x.low)], lower = density[grid.at(y.high, x.low)];
    upper += x.share * (density[grid.at(y.low, x.high)] - upper);
    lower += x.share * (density[grid.at(y.high, x.high)] - lower);
    return 1.0f - strength * (upper + y.share * (lower - upper));
}

// background uint8 sRGB, of each picture one pixel or as many as its canvas; strength [pictures] of the shadow, whose grid has no cells where it is 0.
// Where alpha and shadow are 0 the background is exact: every byte survives the way to light and back.
extern "C" __global__ void composite(const float* __restrict__ alpha, const unsigned char* __restrict__ foreground,
                                     const long long* __restrict__ photos, const float* __restrict__ light,
                                     const long long* __restrict__ grids, const int* __restrict__ places,
                                     const int* __restrict__ frames, const unsigned char* __restrict__ background,
                                     const long long* __restrict__ grounds, const float* __restrict__ density, const long long* __restrict__ cells,
                                     const float* __restrict__ strength, const long long* __restrict__ extents,
                                     int pictures, const float* __restrict__ to_linear,
                                     const unsigned char* __restrict__ to_srgb, unsigned char* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    float lit = unshaded(s, density, picture(cells, s.index), strength[s.index]);
    float4 v = framed(photo(s, alpha, foreground, photos, light, grids, places, frames, to_linear), s);
    const unsigned char* behind = background + 3 * picture(grounds, s.index).at(s.row, s.column);
    long long here = 3 * s.here();
    float rest = lit * (1.0f - v.w);
    out[here] = encoded(to_srgb, v.x + rest * to_linear[behind[0]]);
    out[here + 1] = encoded(to_srgb, v.y + rest * to_linear[behind[1]]);
    out[here + 2] = encoded(to_srgb, v.z + rest * to_linear[behind[2]]);
}

// Straight RGBA, white where nothing is.
extern "C" __global__ void cutout(const float* __restrict__ alpha, const unsigned char* __restrict__ foreground,
                                  const long long* __restrict__ photos, const float* __restrict__ light,
                                  const long long* __restrict__ grids, const int* __restrict__ places,
                                  const int* __restrict__ frames, const long long* __restrict__ extents, int pictures,
                                  const float* __restrict__ to_linear, const unsigned char* __restrict__ to_srgb,
                                  uchar4* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    float4 v = framed(photo(s, alpha, foreground, photos, light, grids, places, frames, to_linear), s);
    float scale = 1.0f / fmaxf(v.w, 1e-6f);
    uchar4 made = {255, 255, 255, 0};
    if (v.w > 0.0f)
        made = {encoded(to_srgb, v.x * scale), encoded(to_srgb, v.y * scale), encoded(to_srgb, v.z * scale),
                byte(v.w * 255.0f)};
    out[s.here()] = made;
}
