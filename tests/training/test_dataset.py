"""Augmentation keeps photo and answer aligned and never invents jewelry."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from PIL import Image

from training import dataset, grounds


@pytest.fixture
def sample():
    """A gray square with a red rectangle as the piece, its answer exact."""
    photo = np.full((120, 120, 3), 90, np.uint8)
    photo[40:80, 30:100] = (220, 30, 30)
    answer = np.zeros_like(photo)
    answer[40:80, 30:100] = (255, 255, 0)
    return photo, answer


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.9])
def test_warp_moves_photo_and_answer_together(sample, seed, zoom):
    photo, answer = dataset.warp(np.random.default_rng(seed), list(sample), 96, zoom, None)
    red = photo[..., 0].astype(int) - photo[..., 1] > 95
    # Resampling blurs the two independently, so pixels on the rectangle's edge may differ.
    assert np.mean(red != (answer[..., 0] > 127)) < 0.02


def test_beyond_the_photo_there_is_padding_and_no_piece(sample):
    photo, answer = dataset.warp(np.random.default_rng(0), list(sample), 400, 0.5, (0, 0, 0))
    assert answer[0, 0].tolist() == [0, 0, 0]
    assert photo[0, 0].tolist() == [0, 0, 0]


def test_foreground_carries_none_of_its_ground(sample):
    photo, answer = sample
    alpha = answer[..., 0].copy()
    alpha[39] = alpha[40] // 2  # half covered row: its pixels are half gray
    photo = photo.copy()
    photo[39, 30:100] = (155, 60, 60)
    cut = dataset.foreground(photo, alpha)
    np.testing.assert_allclose(cut[39, 50:80].astype(int), np.broadcast_to([220, 30, 30], (30, 3)), atol=8)


def test_laid_leaves_uncovered_pixels_no_brighter_and_covered_ones_exact(sample):
    photo, answer = sample
    ground = np.full_like(photo, 200)
    image = dataset.laid(np.random.default_rng(3), ground, photo, answer[..., 0])
    np.testing.assert_array_equal(image[50:70, 40:90], photo[50:70, 40:90])
    assert image[answer[..., 0] == 0].max() <= 200


def test_camera_keeps_shape_and_type(sample):
    image = dataset.camera(np.random.default_rng(1), sample[0])
    assert image.shape == sample[0].shape
    assert image.dtype == np.uint8


def test_a_camera_without_tones_changes_no_colour(sample):
    """Some draws neither blur nor sharpen nor add noise: those give the very picture back."""
    taken = [dataset.camera(np.random.default_rng(seed), sample[0], 0.0) for seed in range(60)]
    assert 2 < sum(np.array_equal(photo, sample[0]) for photo in taken) < 30


def test_a_camera_develops_each_channel_by_its_own_curve_then_mixes_them():
    """Written out in full for the first draws of a generator that then neither blurs nor adds noise."""
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    seed = next(seed for seed in range(999) if _is_plain(seed))
    rng = np.random.default_rng(seed)
    rng.random()
    x = image.astype(np.float64) / 255
    gain = rng.uniform(0.75, 1.2) * np.exp(rng.normal(0, 0.06, 3))
    x = x ** np.exp(rng.normal(0, 0.22)) * gain
    x = (x - 0.5) * np.exp(rng.normal(0, 0.15)) + 0.5
    gray = x.mean(-1, keepdims=True)
    x = gray + (x - gray) * rng.uniform(0.4, 1.4)
    want = np.round(x.clip(0, 1) * 255)
    assert np.abs(dataset.camera(np.random.default_rng(seed), image).astype(int) - want).max() <= 1


def _is_plain(seed):
    """Tell whether a camera with this generator changes tones and nothing else."""
    rng = np.random.default_rng(seed)
    toned = rng.random() < 0.85
    rng.uniform(), rng.normal(size=3), rng.normal(), rng.normal(), rng.uniform()
    return toned and all(rng.random() > most for most in (0.3, 0.3, 0.5, 0.6))


def test_thin_parts_small_openings_and_what_lies_close_by_weigh_more():
    alpha = np.zeros((96, 96), np.uint8)
    alpha[10] = 255  # a thin line
    alpha[60:90, 20:80] = 255
    alpha[74:77, 50:53] = 0  # a small opening
    weight = dataset.importance(alpha).astype(int)
    assert weight[35, 50] == 16
    assert weight[10, 50] > weight[60, 30] > weight[68, 30]
    assert weight[75, 51] > weight[50, 50] > weight[35, 50]


def test_fine_aims_at_small_openings():
    photo = np.zeros((400, 400, 3), np.uint8)
    answer = photo.copy()
    answer[50:350, 50:350] = 255
    answer[300:305, 320:325] = 0  # off the middle: few squares around a covered pixel hold it
    rng = np.random.default_rng(0)

    def share(fine: float) -> float:
        crops = [dataset.warp(rng, [photo, answer], 64, 1.0, (0, 0, 0), fine)[1][..., 0] for _ in range(60)]
        return float(np.mean([(dataset.small_openings(crop) > 127).any() for crop in crops]))

    assert share(0.0) < 0.4  # a notch between the piece and the square's border counts, too
    assert share(1.0) > 0.7


@pytest.mark.parametrize(("side", "least", "most"), [(448, 448, 1254), (640, 640, 1792), (960, 640, 1792)])
def test_close_crops_show_no_photo_larger_than_the_server_does(side, least, most):
    assert np.multiply(dataset.zooms(side, 640, close=True), side) == pytest.approx((least, most), abs=1)


@pytest.mark.parametrize(("share", "coarse"), [(1.0, True), (0.0, False)])
def test_what_is_enlarged_after_the_camera_has_its_noise_enlarged(monkeypatch, sample, share, coarse):
    """Twice as large, the noise of neighbouring pixels is alike; drawn at the crop's size it is not."""

    def noisy(rng, image):
        return rng.integers(0, 256, image.shape, np.uint8)

    monkeypatch.setattr(dataset, "NEGATIVE", 0)
    monkeypatch.setattr(dataset, "ENLARGED", share)
    monkeypatch.setattr(dataset, "zooms", lambda *_: (2.0, 2.0))
    monkeypatch.setattr(dataset, "camera", noisy)
    store = dataset.Store(None, samples=[dataset.Sample(*sample)])
    image, answer = dataset.crop(np.random.default_rng(2), store, 150)
    assert image.shape == answer.shape == (150, 150, 3)
    alike = np.corrcoef(image[:, :-1].ravel(), image[:, 1:].ravel())[0, 1]
    assert (alike > 0.5) == coarse


def test_larger_pieces_are_drawn_more_often(monkeypatch):
    """By their area in pixels: of one twice as large a side, four times as many photos are made."""
    drawn = []

    def photograph(rng, piece, *_):
        drawn.append(piece.size)
        return np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr(dataset.shade, "photograph", photograph)
    monkeypatch.setattr(dataset.shade, "redrawn_all", lambda *_: ())
    monkeypatch.setattr(dataset, "scenery", lambda *_: None)
    monkeypatch.setattr(dataset, "cluttered", lambda *_: None)
    store = dataset.Store(None, traced=[SimpleNamespace(size=16), SimpleNamespace(size=32)])
    rng = np.random.default_rng(0)
    for _ in range(3000):
        store.lit(rng)
    assert 0.7 < np.mean(np.array(drawn) == 32) < 0.9


def test_a_store_learns_from_what_is_there(tmp_path, sample):
    photo, answer = sample
    Image.fromarray(photo).save(tmp_path / "1.photo.jpg", quality=100)
    Image.fromarray(answer).save(tmp_path / "1.answer.png")
    (tmp_path / "1.json").write_text("{}")
    store = dataset.Store(tmp_path).look().look()
    assert len(store.samples) == 1
    assert not store.traced
    np.testing.assert_array_equal(store.samples[0].answer, answer)


@pytest.mark.parametrize("seed", range(4))
def test_a_collage_shows_two_grounds_beside_each_other(monkeypatch, seed):
    shades = iter([np.full((64, 64, 3), 200, np.uint8), np.full((64, 64, 3), 40, np.uint8)])
    monkeypatch.setattr(dataset, "drawn_texture", lambda rng, kind: next(shades))
    picture = dataset.collage(np.random.default_rng(seed), 96)
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.uint8
    assert (np.abs(picture.astype(int) - 40) <= 1).mean() > 0.05
    assert (picture > 80).mean() > 0.05


@pytest.mark.parametrize("kind", grounds.DRAWN)
def test_every_drawn_ground_is_a_picture_of_its_own(kind):
    one, other = (grounds.drawn_texture(np.random.default_rng(seed), kind) for seed in (1, 2))
    assert one.shape == (512, 512, 3)
    assert one.dtype == np.uint8
    assert (one != other).any()
