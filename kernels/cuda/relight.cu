// What the relight network sees of a photo, and how far its answer is followed. One thread per pixel of the square or
// per cell of the grid. Reads the square once (7 bytes a pixel), writes 24 bytes a pixel of the network's input.
// Reference: kernels/reference/relight.py. Shrinking averages areas, enlarging is bilinear; 0 beyond a picture.
#include "batch.cuh"

struct Square {
    int left, top, width, height;  // in the picture's pixels; may reach beyond it
};

constexpr float FAINT = 1e-3f;  // weight of the bare ground, the solid piece's being 1

struct Weight {
    const float* alpha;
    __device__ float operator()(long long place) const { return alpha[place] * alpha[place] + FAINT; }
};

struct Weighted {
    const unsigned char* pixels;
    Weight weight;
    int channel;
    __device__ float operator()(long long place) const { return pixels[3 * place + channel] * weight(place); }
};

struct Floats {
    const float* plane;
    __device__ float operator()(long long place) const { return plane[place]; }
};

// A pixel of the square's picture at `side` x `side`.
template <class Read>
__device__ float sampled(Read read, const Picture& from, const Square& q, int row, int column, int side) {
    float down = (float)q.height / side, across = (float)q.width / side;
    if (side < q.width) {
        float top = row * down, bottom = fminf(top + down, (float)q.height);
        float left = column * across, right = fminf(left + across, (float)q.width), sum = 0.0f;
        for (int y = (int)top; y < bottom; ++y) {
            float vertical = fminf(y + 1.0f, bottom) - fmaxf((float)y, top);
            for (int x = (int)left; x < right; ++x)
                if (from.holds(q.top + y, q.left + x))
                    sum += vertical * (fminf(x + 1.0f, right) - fmaxf((float)x, left)) *
                           read(from.at(q.top + y, q.left + x));
        }
        return sum / ((bottom - top) * (right - left));
    }
    Between y = between(row, down, q.height), x = between(column, across, q.width);
    float corner[4];
    for (int k = 0; k < 4; ++k) {
        int r = q.top + (k < 2 ? y.low : y.high), c = q.left + (k % 2 ? x.high : x.low);
        corner[k] = from.holds(r, c) ? read(from.at(r, c)) : 0.0f;
    }
    float upper = corner[0] + x.share * (corner[1] - corner[0]), lower = corner[2] + x.share * (corner[3] - corner[2]);
    return upper + y.share * (lower - upper);
}

// metal, stone: planes of the segmentation's maps; squares, parts [pictures][4]: what is shown of photo and maps.
extern "C" __global__ void seen(const unsigned char* __restrict__ pixels, const float* __restrict__ alpha,
                                const long long* __restrict__ photos, const float* __restrict__ metal,
                                const float* __restrict__ stone, const long long* __restrict__ maps,
                                const Square* __restrict__ squares, const Square* __restrict__ parts,
                                const long long* __restrict__ extents, int pictures, float* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture photo = picture(photos, s.index), map = picture(maps, s.index);
    Square square = squares[s.index], part = parts[s.index];
    long long plane = (long long)s.height * s.width, here = 6 * s.first + s.here() - s.first;
    Weight weight = {alpha};
    float total = 255.0f * fmaxf(sampled(weight, photo, square, s.row, s.column, s.width), FAINT / 64);
    for (int c = 0; c < 3; ++c)
        out[here + c * plane] = sampled(Weighted{pixels, weight, c}, photo, square, s.row, s.column, s.width) / total;
    float covered = sampled(Floats{alpha}, photo, square, s.row, s.column, s.width);
    out[here + 3 * plane] = covered;
    out[here + 4 * plane] = fminf(sampled(Floats{metal}, map, part, s.row, s.column, s.width), covered);
    out[here + 5 * plane] = fminf(sampled(Floats{stone}, map, part, s.row, s.column, s.width), covered);
}

__device__ inline float area(const float* plane, const Picture& from, const Spot& s) {
    Square whole = {0, 0, from.width, from.height};
    float down = (float)from.height / s.height, across = (float)from.width / s.width, sum = 0.0f;
    float top = s.row * down, bottom = fminf(top + down, (float)whole.height);
    float left = s.column * across, right = fminf(left + across, (float)whole.width);
    for (int y = (int)top; y < bottom; ++y)
        for (int x = (int)left; x < right; ++x)
            sum += (fminf(y + 1.0f, bottom) - fmaxf((float)y, top)) * (fminf(x + 1.0f, right) - fmaxf((float)x, left)) *
                   plane[from.at(y, x)];
    return sum / ((bottom - top) * (right - left));
}

// strengths [pictures][2]: of metal and of stone. shown: what `seen` wrote.
extern "C" __global__ void followed(const float* __restrict__ transforms, const float* __restrict__ shown,
                                    const long long* __restrict__ squares, const float* __restrict__ strengths,
                                    const long long* __restrict__ extents, int pictures, float* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture square = picture(squares, s.index);
    long long plane = (long long)square.height * square.width;
    const float* planes = shown + 6 * square.first;
    square.first = 0;
    float covered = area(planes + 3 * plane, square, s), stones = area(planes + 5 * plane, square, s);
    float share = fminf(fmaxf(stones / fmaxf(covered, 1e-3f), 0.0f), 1.0f);
    float metal = strengths[2 * s.index], stone = strengths[2 * s.index + 1];
    float strength = metal + (stone - metal) * share;
    for (int k = 0; k < 12; ++k) {
        float same = k % 5 == 0 ? 1.0f : 0.0f;
        out[12 * s.here() + k] = same + strength * (transforms[12 * s.here() + k] - same);
    }
}
