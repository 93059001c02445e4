"""The GPU's codecs beside the CPU stage: here on the CPU by the same calls, and on a GPU where there is one."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from kernels.reference.letterbox import letterbox
from server import codecs
from server.admission import Admission
from server.card import Card, NetInput
from server.contract import BAD_IMAGE, BAD_LOOK, Look
from server.dali import DaliDecoder
from server.device import Memory
from server.jpeg import DQT, header
from server.nvimagecodec import NvImageCodecDecoder, NvJpeg
from server.report import Report
from server.settings import Settings
from server.stages.decode import Decoder, read_photo
from server.stages.encode import SRGB, encode, encoded

SETTINGS = Settings()
NET = NetInput(name="x", size=64, overview=48, mean=(0.5, 0.4, 0.3), scale=(0.5, 0.25, 1.0))
CARD = Card.model_validate(
    {
        "name": "any",
        "version": "1",
        "file": "any.onnx",
        "sha256": "00",
        "licence": "none",
        "input": NET.model_dump(),
        "alpha": {"output": "y", "channel": 0},
    }
)
BATCH = 16
DEVICES = [pytest.param(None, id="cpu"), pytest.param(0, marks=pytest.mark.gpu, id="gpu")]


@pytest.fixture(params=DEVICES, scope="module")
def memory(request):
    return Memory(request.param)


@pytest.fixture(params=["dali", "nvimagecodec"], scope="module")
def decoder(request, memory):
    return DaliDecoder(NET, memory, BATCH, 1) if request.param == "dali" else NvImageCodecDecoder(NET, memory)


def host(array) -> np.ndarray:
    return array if isinstance(array, np.ndarray) else array.get()


def saved(array: np.ndarray, kind: str = "JPEG", mode: str | None = None, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).convert(mode).save(out, kind, **options)
    return out.getvalue()


def photo(rng, height: int = 203, width: int = 301) -> np.ndarray:
    """Smooth colours without symmetry."""
    return cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), 2)


def tolerance(memory: Memory) -> int:
    """Levels a pixel may differ from the CPU stage's.

    0 on the CPU, where both are libjpeg-turbo. nvJPEG's inverse DCT and colour conversion round otherwise, each by one
    level at most, and the conversion multiplies an error of chroma by up to 1.8.
    """
    return 0 if memory.device is None else 4


def oriented(pixels: np.ndarray, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(pixels, exif=exif, quality=95)


@pytest.mark.parametrize(
    "options",
    [{"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"quality": 100}, {"restart_marker_blocks": 4}],
    ids=str,
)
def test_pixels_are_the_cpu_stages(rng, decoder, options):
    files = [saved(photo(rng, *size), **options) for size in ((203, 301), (16, 17), (301, 203))]
    sizes = [(203, 301), (16, 17), (301, 203)]
    for file, found in zip(files, decoder(files, sizes), strict=True):
        expected = read_photo(file, SETTINGS)[0].astype(int)
        assert np.abs(host(found[0]).astype(int) - expected).max() <= tolerance(decoder.memory)


def test_gray_becomes_three_equal_channels(rng, decoder):
    file = saved(photo(rng)[..., 0])
    [(pixels, _)] = decoder([file], [(203, 301)])
    expected = read_photo(file, SETTINGS)[0].astype(int)
    assert np.abs(host(pixels).astype(int) - expected).max() <= tolerance(decoder.memory)


def test_every_orientation_is_turned_upright(rng, decoder):
    files = [oriented(photo(rng), number) for number in range(1, 9)]
    expected = [read_photo(file, SETTINGS)[0] for file in files]
    found = decoder(files, [each.shape[:2] for each in expected])
    for (pixels, overview), upright in zip(found, expected, strict=True):
        assert pixels.shape == upright.shape
        assert np.abs(host(pixels).astype(int) - upright).max() <= tolerance(decoder.memory)
        # The overview shows the upright photo, not the stored one: rows and columns beyond it are black.
        assert levels_apart(overview, upright).max() < 32


def levels_apart(overview, pixels: np.ndarray) -> np.ndarray:
    """Levels of 255 between an overview and the reference's."""
    apart = np.abs(host(overview) - letterbox(pixels, NET.overview, NET.mean, NET.scale))
    return apart * 255 * np.array(NET.scale)[:, None, None]


@pytest.mark.parametrize("size", [(480, 480), (203, 301), (301, 203), (2000, 17), (20, 31), (48, 48)], ids=str)
def test_overview_is_the_references(rng, decoder, size):
    """nvImageCodec's is by area, as the reference; DALI's triangle differs from it by an eighth at a step at most.

    A box of one pixel that moves over a step sees t of it; a triangle of twice the width 2t^2 below a half: at t = 1/4
    they are 1/8 of the step apart, the most. A step of 255 levels, so 32; in either direction, so twice that.
    """
    pixels = np.zeros((*size, 3), np.uint8)
    pixels[size[0] // 3 :, size[1] // 3 :] = 255
    file = saved(pixels, quality=100, subsampling=0)
    [(found, overview)] = decoder([file], [size])
    apart = levels_apart(overview, host(found))
    assert apart.max() <= (1.01 if decoder.name == "nvimagecodec" else 64)
    assert apart.mean() <= (0.1 if decoder.name == "nvimagecodec" else 2.5)


def test_arrays_are_ours_to_keep(rng, decoder):
    first, second = (saved(photo(rng)) for _ in range(2))
    [(pixels, overview)] = decoder([first], [(203, 301)])
    kept = host(pixels).copy(), host(overview).copy()
    for _ in range(4):
        decoder([second] * 3, [(203, 301)] * 3)
    np.testing.assert_array_equal(host(pixels), kept[0])
    np.testing.assert_array_equal(host(overview), kept[1])


def wire(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


def without_tables(file: bytes) -> bytes:
    """A JPEG with a good header whose pixels nobody can decode: its quantisation tables are gone."""
    for found in reversed(list(header(file))):
        if found.marker == DQT:
            file = file[: found.at] + file[found.end :]
    return file


def display_p3() -> bytes:
    """An ICC profile that is not sRGB: its name says so."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace("sRGB".encode("utf-16-be"), "Wide".encode("utf-16-be"))


def test_each_photo_takes_its_lane_and_fails_alone(rng, decoder, capfd):
    pixels = photo(rng)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    exif = Image.Exif()
    exif[0x0112] = 6
    adobe = Image.Exif()
    adobe.get_ifd(0x8769).update({0xA001: 0xFFFF, 0xA005: {1: "R03"}})
    plain = {
        "baseline": saved(pixels),
        "gray": saved(pixels[..., 0]),
        "sRGB": saved(pixels, icc_profile=srgb),
        "turned": oriented(pixels, 6),
        "turned twice over": saved(pixels, exif=exif, xmp=xmp),
    }
    others = {
        "progressive": saved(pixels, progressive=True),
        "CMYK": saved(pixels, mode="CMYK"),
        "RGB": saved(pixels, keep_rgb=True),
        "wide": saved(pixels, icc_profile=display_p3()),
        "Adobe RGB by EXIF": saved(pixels, exif=adobe),
        "orientation in XMP": saved(pixels, xmp=xmp),
        "bytes behind": saved(pixels) + b"\0",
        "PNG": saved(pixels, "PNG"),
        "alpha": saved(np.dstack([pixels, pixels[..., 0]]), "PNG"),
        "WebP": saved(pixels, "WEBP"),
    }
    bad = {"cut short": saved(pixels)[:900], "empty": b"", "text": b"a text"}
    files = {}
    for group in zip(*(map(list, (plain.items(), others.items(), bad.items()))), strict=False):
        files |= dict(group)  # mixed, so that the order is at stake
    files |= plain | others | bad
    stage = Decoder(CARD, SETTINGS, Admission(0, ""), decoder)
    answers = stage.batch([wire(data) for data in files.values()], [wire(b"{}")] * len(files))
    for (name, data), answer in zip(files.items(), answers, strict=True):
        if name in bad:
            with pytest.raises(ValueError, match="^" + BAD_IMAGE) as refusal:
                read_photo(data, SETTINGS)
            assert str(answer) == str(refusal.value)
            continue
        expected, facts, _ = read_photo(data, SETTINGS)
        said = Report.read(answer["report"]).facts["photo"]
        assert said == facts | {"lane": decoder.name if name in plain else "cpu"}, name
        apart = np.abs(host(answer["pixels"]).astype(int) - expected).max()
        assert apart <= (tolerance(decoder.memory) if name in plain else 0), name
        assert answer["overview"].shape == (3, NET.overview, NET.overview)


def test_a_photo_that_only_decoding_finds_bad_fails_alone(rng, decoder):
    good, bad = saved(photo(rng)), without_tables(saved(photo(rng)))
    with pytest.raises(ValueError, match="^" + BAD_IMAGE) as refusal:
        read_photo(bad, SETTINGS)
    stage = Decoder(CARD, SETTINGS, Admission(0, ""), decoder)
    before, failed, after = stage.batch([wire(good), wire(bad), wire(good)], [wire(b"{}")] * 3)
    assert str(failed) == str(refusal.value)
    expected = read_photo(good, SETTINGS)[0].astype(int)
    times = 2 if decoder.name == "dali" else 1  # DALI gives up the whole batch, and each is tried alone
    for answer in (before, after):
        assert np.abs(host(answer["pixels"]).astype(int) - expected).max() <= tolerance(decoder.memory)
        facts = Report.read(answer["report"]).facts
        assert facts["photo"]["lane"] == decoder.name, "its neighbour sent it to the CPU"
        assert facts["device"]["host_to_device"] == times * len(good)
    [again] = stage.batch([wire(good)], [wire(b"{}")])
    assert Report.read(again["report"]).facts["photo"]["lane"] == decoder.name, "the next batch is decoded here again"


def test_a_wrong_look_fails_alone(rng, decoder):
    stage = Decoder(CARD, SETTINGS, Admission(0, ""), decoder)
    good = wire(saved(photo(rng)))
    failed, answer = stage.batch([good, good], [wire(b'{"a": 1}'), wire(b"{}")])
    assert str(failed).startswith(BAD_LOOK)
    assert answer["pixels"].shape == (203, 301, 3)


def test_limits_hold_before_the_device_sees_the_photo(rng, decoder):
    class Untouched:
        name, memory = decoder.name, decoder.memory

        def __call__(self, photos, sizes):
            raise AssertionError("decoded")

    stage = Decoder(CARD, Settings(max_megapixels=0.01), Admission(0, ""), Untouched())
    [refused] = stage.batch([wire(saved(photo(rng)))], [wire(b"{}")])
    assert "megapixels" in str(refused)


@pytest.mark.parametrize(("missing", "name"), [(False, "dali"), (True, "nvimagecodec")])
def test_nvimagecodec_stands_in_for_dali(monkeypatch, missing, name):
    if missing:
        monkeypatch.setattr(codecs, "find_spec", lambda module: None if "dali" in module else object())
    assert codecs.device_decoder(NET, Memory(None), 1, 1).name == name


@pytest.fixture(scope="module")
def nvjpeg(memory):
    return NvJpeg(memory)


@pytest.mark.parametrize("kind", ["pillow", "opencv"])
@pytest.mark.parametrize("quality", [50, 80, 95, 100])
@pytest.mark.parametrize("background", ["white", "#000000", "#ff00ff"])
def test_the_background_of_its_jpeg_is_exact(memory, nvjpeg, kind, quality, background, jewel, decoders):
    look = Look(background=background, quality=quality)
    picture = jewel(look.rgb)
    seen = decoders[kind](encoded(memory.upload(picture), look, codec=nvjpeg))
    assert (seen[(picture == look.rgb).all(-1)] == look.rgb).all()


@pytest.mark.parametrize("quality", [50, 80, 95, 100])
def test_its_jpeg_is_worth_the_cpus(memory, nvjpeg, quality, jewel, decoders):
    """Steps are rounded otherwise, by one at most and never up from half: not a tenth of a dB is lost for it."""
    picture = cv2.GaussianBlur(jewel((255, 255, 255)), (0, 0), 2)
    inside = (picture != 255).any(-1)

    def noise(data: bytes) -> float:
        return float(((decoders["pillow"](data)[inside].astype(float) - picture[inside]) ** 2).mean())

    look = Look(quality=quality)
    ours, theirs = encoded(memory.upload(picture), look, codec=nvjpeg), encoded(picture, look)
    assert 10 * np.log10(noise(ours) / noise(theirs)) < 0.1
    assert len(ours) < 1.25 * len(theirs)


@pytest.mark.parametrize("look", [Look(), Look(scene="AA=="), Look(format="jpeg", matte=True)], ids=str)
def test_its_jpeg_has_the_same_tags(memory, nvjpeg, look, jewel):
    picture = jewel((255, 255, 255))
    picture = picture[..., 0].copy() if look.matte else picture
    files = [
        encoded(memory.upload(picture), look, "a source", nvjpeg),
        encoded(picture, look, "a source"),
    ]
    ours, theirs = (Image.open(io.BytesIO(file)) for file in files)
    assert (ours.mode, ours.size) == (theirs.mode, theirs.size)
    assert ours.info["xmp"] == theirs.info["xmp"]
    assert ours.info.get("icc_profile") == theirs.info.get("icc_profile") == (None if look.matte else SRGB)
    assert ours.info.get("adobe_transform") == theirs.info.get("adobe_transform")
    assert [layer[1:3] for layer in ours.layer] == [layer[1:3] for layer in theirs.layer], "the same subsampling"
    # What these two are not asked to be is exact; both are within the same quantisation.
    apart = [np.abs(np.asarray(each).astype(int) - picture).mean() for each in (ours, theirs)]
    assert apart[0] < 1.05 * apart[1] + 0.1


def ask(picture, look: Look, **facts) -> tuple:
    report = Report.begin()
    with report.stage("decode"):
        report.facts.update(facts)
    return picture, wire(look.to_bytes()), report.write()


@pytest.mark.parametrize("look", [Look(format="png"), Look(), Look(format="webp"), Look(quality=80)], ids=str)
def test_pictures_on_the_device_become_files_of_every_format(memory, nvjpeg, look, jewel):
    picture = jewel((255, 255, 255))
    picture_, *rest = ask(memory.upload(picture), look)
    answer = encode(picture_, *rest, codec=nvjpeg)
    with Image.open(io.BytesIO(answer["image"].tobytes())) as seen:
        assert seen.size == (picture.shape[1], picture.shape[0])
        assert seen.format.lower() == look.format
    if look.format != "jpeg":
        np.testing.assert_array_equal(answer["image"], encode(*ask(picture, look))["image"])


@pytest.mark.gpu
def test_bytes_that_cross_the_bus_are_counted(rng):
    memory = Memory(0)
    stage = Decoder(CARD, SETTINGS, Admission(0, ""), DaliDecoder(NET, memory, BATCH, 1))
    plain, other = saved(photo(rng)), saved(photo(rng), "PNG")
    stage.batch([wire(plain)], [wire(b"{}")])
    assert (memory.host_to_device, memory.device_to_host) == (len(plain), 0)
    stage.batch([wire(other)], [wire(b"{}")])
    assert memory.host_to_device == len(plain) + 203 * 301 * 3 + 3 * NET.overview**2 * 4
