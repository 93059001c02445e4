// A window of a photo resized into the top-left corner of the network's square, normalised: out = rgb * gain - offset.
// One thread per pixel of the square. Reads the window once (3 bytes a pixel), writes 12 bytes a pixel of the square.
// Reference: kernels/reference/letterbox.py. Shrinking averages areas, enlarging is bilinear; both round to a byte.
#include "batch.cuh"

// windows [pictures][4]: left, top, width, height within the photo; fits [pictures][2]: height, width that the window
// takes of its square; ways [6]: gain, then offset, of red, green, blue. out: of each picture three planes.
extern "C" __global__ void letterbox(const unsigned char* __restrict__ pixels, const long long* __restrict__ photos,
                                     const int* __restrict__ windows, const int* __restrict__ fits,
                                     const float* __restrict__ ways, const long long* __restrict__ extents,
                                     int pictures, float* __restrict__ out) {
    Spot s = spot(extents, pictures);
    if (!s.inside()) return;
    Picture photo = picture(photos, s.index);
    const int* window = windows + 4 * s.index;
    int width = window[2], height = window[3], high = fits[2 * s.index], wide = fits[2 * s.index + 1];
    float colour[3] = {0, 0, 0};
    if (s.row < high && s.column < wide) {
        float down = (float)height / high, across = (float)width / wide;
        if (high < height) {
            float top = s.row * down, bottom = fminf(top + down, (float)height);
            float left = s.column * across, right = fminf(left + across, (float)width);
            for (int y = (int)top; y < bottom; ++y)
                for (int x = (int)left; x < right; ++x) {
                    float weight = (fminf(y + 1.0f, bottom) - fmaxf((float)y, top)) *
                                   (fminf(x + 1.0f, right) - fmaxf((float)x, left));
                    long long from = 3 * photo.at(window[1] + y, window[0] + x);
                    for (int c = 0; c < 3; ++c) colour[c] += weight * pixels[from + c];
                }
            float whole = 1.0f / ((bottom - top) * (right - left));
            for (int c = 0; c < 3; ++c) colour[c] *= whole;
        } else {
            Between y = between(s.row, down, height), x = between(s.column, across, width);
            long long corner[4] = {
                3 * photo.at(window[1] + y.low, window[0] + x.low), 3 * photo.at(window[1] + y.low, window[0] + x.high),
                3 * photo.at(window[1] + y.high, window[0] + x.low), 3 * photo.at(window[1] + y.high, window[0] + x.high)};
            for (int c = 0; c < 3; ++c) {
                float upper = pixels[corner[0] + c] + x.share * (pixels[corner[1] + c] - pixels[corner[0] + c]);
                float lower = pixels[corner[2] + c] + x.share * (pixels[corner[3] + c] - pixels[corner[2] + c]);
                colour[c] = upper + y.share * (lower - upper);
            }
        }
    }
    long long plane = (long long)s.height * s.width, here = s.here() - s.first;
    for (int c = 0; c < 3; ++c) out[3 * s.first + c * plane + here] = byte(colour[c]) * ways[c] - ways[3 + c];
}
