// A batch of pictures of different sizes: their pixels lie one after the other, without padding.
// `extents` [pictures][4]: first pixel, height, width, first tile. A block is one tile of TILE_X x TILE_Y pixels.
#pragma once

constexpr int TILE_X = 32;
constexpr int TILE_Y = 8;

struct Picture {
    long long first;
    int height, width;
    // Pixels beyond an edge are the edge's.
    __device__ long long at(int row, int column) const {
        row = row < 0 ? 0 : row < height ? row : height - 1;
        column = column < 0 ? 0 : column < width ? column : width - 1;
        return first + (long long)row * width + column;
    }
    __device__ bool holds(int row, int column) const { return row >= 0 && row < height && column >= 0 && column < width; }
};

struct Spot : Picture {
    int index, row, column;
    __device__ bool inside() const { return row < height && column < width; }
    __device__ long long here() const { return first + (long long)row * width + column; }
};

__device__ inline Picture picture(const long long* extents, int index) {
    return {extents[4 * index], (int)extents[4 * index + 1], (int)extents[4 * index + 2]};
}

// Which pixel of which picture this thread has. A picture without pixels has no tile.
__device__ inline Spot spot(const long long* extents, int pictures) {
    int low = 0, high = pictures - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (extents[4 * middle + 3] <= blockIdx.x) low = middle;
        else high = middle - 1;
    }
    Spot s;
    static_cast<Picture&>(s) = picture(extents, low);
    int across = (s.width + TILE_X - 1) / TILE_X;
    int tile = (int)(blockIdx.x - extents[4 * low + 3]);
    s.index = low;
    s.row = tile / across * TILE_Y + threadIdx.y;
    s.column = tile % across * TILE_X + threadIdx.x;
    return s;
}

__device__ inline unsigned char byte(float value) { return (unsigned char)rintf(fminf(fmaxf(value, 0.0f), 255.0f)); }

// Where pixel `to` of a row of `into` pixels lies between two of `from` pixels: bilinear, pixel centres aligned.
struct Between {
    int low, high;
    float share;
};

__device__ inline Between between(int to, float scale, int from) {
    float place = fmaxf((to + 0.5f) * scale - 0.5f, 0.0f);
    int low = (int)place;
    if (low >= from - 1) return {from - 1, from - 1, 0.0f};
    return {low, low + 1, place - low};
}

// A pixel's value of a field of cells of `cell` pixels, each rounded to a byte: bilinear, rounded again.
__device__ inline unsigned char enlarged(const float* field, const Picture& grid, const Spot& s, int cell, int channels,
                                         int channel) {
    Between y = between(s.row, 1.0f / cell, grid.height), x = between(s.column, 1.0f / cell, grid.width);
    float upper = byte(field[channels * grid.at(y.low, x.low) + channel]);
    upper += x.share * (byte(field[channels * grid.at(y.low, x.high) + channel]) - upper);
    float lower = byte(field[channels * grid.at(y.high, x.low) + channel]);
    lower += x.share * (byte(field[channels * grid.at(y.high, x.high) + channel]) - lower);
    return byte(upper + y.share * (lower - upper));
}
