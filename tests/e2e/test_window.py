"""A small piece in a large photo is found, and cut out at its own scale."""

import io

import cv2
import numpy as np
from PIL import Image

from kernels.reference.letterbox import letterbox
from server.card import read_card
from server.contract import Look
from server.engines import on_cpu
from server.networks import SegmentNetwork
from server.report import Report
from server.repository import default_repository
from server.stages.refine import refine

LEFT, TOP, SIDE = 2500, 600, 520
GROUND = np.float32([186, 196, 205])
SEGMENT = default_repository() / "segment" / "1"
CARD = read_card(SEGMENT / "model.json")


def hoop(of=SIDE):
    """A gold hoop on `of` px under a bail of half its wire, shaded as round: premultiplied colour, and coverage.

    Its wire is 19 px thick at 520 px.
    """
    side = 2 * of
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    coverage, colour = np.zeros((side, side), np.float32), np.zeros((side, side, 3), np.float32)
    for middle, radius, wire in ((0.56, 0.36, 0.018), (0.13, 0.07, 0.009)):
        distance = np.hypot(x - 0.5, y - middle)
        across = (distance - radius) / wire
        inside = np.abs(across) < 1
        right, down = (x - 0.5) / distance * across, (y - middle) / distance * across
        up = np.sqrt(np.clip(1 - right**2 - down**2, 0, 1))
        diffuse = np.clip(-0.5 * right - 0.6 * down + 0.62 * up, 0, 1) ** 1.5
        shine = np.clip(-0.55 * right - 0.65 * down + 0.52 * up, 0, 1) ** 24
        shaded = (0.25 + 0.9 * diffuse)[..., None] * [212, 170, 80] + 255 * shine[..., None]
        colour[inside] = np.clip(shaded, 0, 255)[inside]
        coverage[inside] = 1
    return tuple(cv2.resize(plane, (of, of), interpolation=cv2.INTER_AREA) for plane in (colour, coverage))


def photographed(shape, left, top, side):
    """Pixels and coverage of a photo with the hoop on plain ground, and a little noise."""
    photo, truth = np.full((*shape, 3), GROUND), np.zeros(shape, np.float32)
    there = np.s_[top : top + side, left : left + side]
    colour, truth[there] = hoop(side)
    photo[there] = colour + (1 - truth[there])[..., None] * GROUND
    photo += np.random.default_rng(3).normal(0, 2, photo.shape)
    return np.rint(photo).clip(0, 255).astype(np.uint8), truth


def cut(client, pixels, kind, **settings):
    """The server's report and alpha of a photo, and the pixels that it decodes."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **settings)
    answer = client.cut(file.getvalue(), Look(format="png", matte=True), ensemble="cutout")
    alpha = np.asarray(Image.open(io.BytesIO(answer.image))) / np.float32(255)
    return answer.report, alpha, np.asarray(Image.open(file))


def shown_at(size, pixels):
    """The alpha of the whole photo, shown to the network at `size`."""
    network = SegmentNetwork(CARD, SEGMENT, size, on_cpu(2))
    coarse = network(letterbox(pixels, size, CARD.input.mean, CARD.input.scale)[None])[0]
    whole = np.int32([0, 0, *pixels.shape[1::-1]])
    return refine(pixels, whole, coarse, np.frombuffer(b"{}", np.uint8), Report.begin().write())["alpha"]


def error(alpha, truth):
    """Wrong coverage within 8 px of the piece, where the window's resolution shows, as a share of the piece."""
    near = cv2.dilate((truth > 0).astype(np.uint8), np.ones((17, 17), np.uint8))
    return (np.abs(alpha - truth) * near).sum() / truth.sum()


def test_a_small_piece_in_a_large_photo_is_cut_out_at_its_own_scale(client):
    pixels, truth = photographed((3000, 4000), LEFT, TOP, SIDE)
    report, alpha, decoded = cut(client, pixels, "JPEG", quality=95)
    window = report["window"]
    assert window["left"] < LEFT
    assert window["top"] < TOP
    assert LEFT + SIDE < window["left"] + window["width"] < LEFT + SIDE + 600
    assert TOP + SIDE < window["top"] + window["height"] < TOP + SIDE + 600
    assert not [reason for reason in report["reasons"] if "runs" in reason]
    assert {"locate", "crop", "segment"} <= set(report["timings_ms"])
    # Both see the JPEG's pixels.
    assert error(alpha, truth) < 0.7 * error(shown_at(CARD.input.size, decoded), truth)


def test_a_large_piece_is_shown_larger(client):
    """The same hoop on 1500 px of a photo of 1900: the window is the photo, and has more pixels than the input."""
    pixels = photographed((1900, 1900), 200, 200, 1500)[0]
    report, alpha, _ = cut(client, pixels, "PNG", compress_level=1)
    assert report["window"] is None
    wrong = {size: np.abs(alpha - shown_at(size, pixels)).max() for size in CARD.input.sides}
    assert wrong[CARD.input.large] <= 0.01 < wrong[CARD.input.size]


def test_a_photo_full_of_its_piece_is_taken_whole(client, photos):
    assert client.cut(photos["good.jpeg"], Look(size=200)).report["window"] is None
