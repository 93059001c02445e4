"""The relight network's contract, and that training and server apply a grid alike."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed: no torch")
pytest.importorskip("cv2", reason="the train extra is not installed: no OpenCV")

from kernels.reference.composite import relit  # noqa: E402
from kernels.reference.difference import lab  # noqa: E402
from training import studio  # noqa: E402
from training.pairs import encoded  # noqa: E402
from training.relight import (  # noqa: E402
    BRIGHT,
    BRIGHTEST,
    COOL,
    DEEPER,
    EXPOSED,
    FARTHEST,
    FLATTEST,
    GRID,
    SHRUNK,
    SPARKLE,
    STRAY,
    TINT,
    Relight,
    alloy,
    applied,
    floor,
    gathered,
    local_mean,
    log_hue,
    luminance,
    to_linear,
    transforms,
)
from training.relight_train import DETAIL, agreement, loss, misjudged, to_lab  # noqa: E402

SHIPPED = Path(__file__).parents[2] / "model_repository/relight/1/model.onnx"


def shown(metal: float) -> torch.Tensor:
    """A piece [1, 6, 64, 64] that fills its square, of that share of metal, in random colours."""
    torch.manual_seed(0)
    return torch.cat(
        [torch.rand(1, 3, 64, 64), torch.tensor([1, metal, 1 - metal])[:, None, None].expand(1, 3, 64, 64)], 1
    )


def planes(
    metal: list[float],
    body: list[float],
    mirrored: float = 0.0,
    clear: Sequence[float] = (0, 0, 0),
    polished: Sequence[float] = (0, 0, 1e4),
) -> torch.Tensor:
    """What the head says [1, 17, 4, 4], everywhere alike.

    Of metal; of all else; how much of the ground is mirrored; of what is clear: whether it is, how bright it is shown,
    how far it goes there; of metal: how bright, how far, whether it is metal indeed.
    """
    said = torch.tensor([*metal, *body, mirrored, *clear, *polished], dtype=torch.float32)
    return said[None, :, None, None].expand(1, 17, 4, 4)


def mean_of(seen: torch.Tensor) -> torch.Tensor:
    """The local mean of what is shown."""
    near = gathered(to_linear(seen[:, :3]), seen[:, 3:4])
    return local_mean(near, near.mean((2, 3), keepdim=True))


def alloy_of(score: torch.Tensor, tint: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
    """The alloy of what is shown."""
    return alloy(score, tint, gathered(to_linear(seen[:, :3]), seen[:, 4:5]))


WHITE = torch.ones(1, 3, 1, 1)


AS_IS = torch.zeros(1, 6, 1, 1)
"""Of the whole piece: no other hue, no other exposure."""
LEFT = -1e4
"""Of a metal's planes the second: its hue stays."""


def striped() -> torch.Tensor:
    """Metal of two hues and many lightnesses [1, 6, 64, 64], the left half reddish, the right one greenish."""
    seen = shown(1.0)
    seen[:, :3] = seen[:, :1]
    seen[:, 1:3, :, :32] *= 0.85
    seen[:, 0:3:2, :, 32:] *= 0.9
    return seen


def test_an_untrained_network_leaves_stones_and_metal_of_one_hue_as_they_are():
    torch.manual_seed(0)
    seen = torch.cat([torch.rand(1, 6, 64, 64), shown(1.0)])
    seen[:1, 4] = 0
    seen[1:, :3] = seen[1:, :1] * torch.tensor([1, 0.8, 0.5])[:, None, None]
    with torch.no_grad():
        made, kinds = Relight()(seen, torch.from_numpy(studio.constant_light()).expand(2, 27))
    assert made.shape == (2, 12, 64 // GRID, 64 // GRID)
    assert kinds.shape == (2, 2, 64 // (16 * SHRUNK), 64 // (16 * SHRUNK))
    photo = to_linear(seen[:, :3])
    stones, metal = applied(made, photo) - photo
    assert stones.abs().max() < 1e-5
    assert metal.abs().max() < 5e-3  # near black sRGB is linear, and one hue there is another


@pytest.mark.parametrize("metal", [0.0, 0.5, 1.0])
def test_light_multiplies_and_each_cell_takes_what_it_holds(metal):
    """Halfway between metal's light and the others' in a cell half of metal, and no mean leaves what can be shown."""
    seen = shown(metal)
    bright, body = 0.2, np.array([-0.4, 0.0, 0.2])
    raw = planes([bright, LEFT, 0, 0, 0], [*body, 0, 0])
    made = transforms(raw, AS_IS, seen, WHITE)
    mean = mean_of(seen)
    gain = torch.stack([made[:, 0], made[:, 5], made[:, 10]], 1)
    move = torch.tensor(2 * (metal * bright + (1 - metal) * body), dtype=torch.float32)[:, None, None]
    torch.testing.assert_close(gain / gain[:, 2:], torch.exp(move - move[2]).expand_as(gain), atol=1e-5, rtol=1e-4)
    brightest = mean.amax(1)
    together = torch.logit(brightest) + move.mean()  # moves by its logit, as long as the hue stays
    scaled = (gain / torch.exp(move - move.mean())).amax(1) * brightest
    torch.testing.assert_close(scaled, torch.sigmoid(together), atol=1e-5, rtol=1e-4)
    assert made[:, 3::4].abs().max() < 1e-5
    off = [made[:, k] for k in (1, 2, 4, 6, 8, 9)]
    assert torch.stack(off).abs().max() < 1e-5


@pytest.mark.parametrize("made_up", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("metal", "tone"), [(1.0, 0.4), (0.0, 0.4), (1.0, 0.97)])
def test_a_photos_exposure_is_made_up_for_as_far_as_the_network_says(metal, tone, made_up):
    """Metal of one tone, dark or too bright, ends up as bright as catalogs show it; without any nothing is known."""
    seen = shown(metal)
    seen[:, :3] = tone
    overall = torch.tensor([0, 0, 0, 0, np.arctanh(0.999 * made_up) / 2, 0], dtype=torch.float32)[None, :, None, None]
    made = transforms(planes([0, LEFT, 0, 0, 0], [0, 0, 0, 0, 0]), overall, seen, WHITE)
    before = mean_of(seen)[0, 0, 8, 8]
    after = torch.logit(before * made[0, 0, 8, 8])
    wanted = torch.logit(before) + metal * made_up * (torch.logit(torch.tensor(BRIGHT)) - torch.logit(before))
    torch.testing.assert_close(after, wanted, atol=0.01, rtol=0)


def test_the_darkest_photo_is_brightened_by_so_much_and_no_more():
    seen = shown(1.0)
    seen[:, :3] = 0.02
    overall = torch.tensor([0, 0, 0, 0, 1e4, 0])[None, :, None, None]
    made = transforms(planes([0, LEFT, 0, 0, 0], [0, 0, 0, 0, 0]), overall, seen, WHITE)
    mean = mean_of(seen)[0, 0, 8, 8]
    assert torch.logit(mean * made[0, 0, 8, 8]) - torch.logit(mean) == pytest.approx(EXPOSED, abs=1e-3)


def lying_on(seen: torch.Tensor, ground: list[float]) -> torch.Tensor:
    """The same with the lowest quarter of the square bare, in one colour."""
    seen = seen.clone()
    seen[:, 3:, 48:] = 0
    seen[:, :3, 48:] = torch.tensor(ground)[:, None, None]
    return seen


@pytest.mark.parametrize("sure", [1e4, -1e4])
@pytest.mark.parametrize(("metal", "ground"), [(1.0, "green"), (1.0, "gray"), (0.0, "green")])
def test_metal_takes_the_alloys_hue_as_far_as_the_ground_explains_it(metal, ground, sure):
    """The alloy is found where the score says. On green all turns reddish, on gray hardly; what is no metal stays.

    What may be painted turns, too: if it is metal after all, it is not to keep the old ground's hue.
    """
    seen = lying_on(striped(), {"green": [0.1, 0.9, 0.1], "gray": [0.5, 0.5, 0.5]}[ground])
    raw = planes([0, 1e4, 0, 0, 0], [0, 0, 0, 0, 0], polished=(0, 0, sure)).clone()
    raw[:, 2, :, :2] = 50.0
    found = alloy_of(raw[:, 2:3], AS_IS[:, :3], seen)
    reddish = to_linear(seen[:, :3, :48, :32]).mean((2, 3), keepdim=True)
    torch.testing.assert_close(found, log_hue(reddish), atol=2e-2, rtol=0)
    seen[:, 4] *= metal
    before = log_hue(mean_of(seen))[..., :10, :]
    made = transforms(raw, AS_IS, seen, WHITE)[..., :10, :]
    after = before + torch.log(torch.stack([made[:, 0], made[:, 5], made[:, 10]], 1))
    if not metal:
        torch.testing.assert_close(after, before, atol=1e-4, rtol=0)
    elif ground == "green":
        torch.testing.assert_close(after, found.expand_as(after), atol=2e-2, rtol=0)
    else:
        away = (after - before).abs()
        assert away.max() == pytest.approx(STRAY, abs=1e-3)
        assert (found - before).abs().max() > 5 * STRAY


@pytest.mark.parametrize(("metal", "mirrored"), [(1.0, 50.0), (1.0, 0.0), (1.0, -50.0), (0.0, 50.0)])
def test_metal_mirrors_the_new_ground_and_nothing_else_does(metal, mirrored):
    """Gray metal that was on gray ground takes as much of an orange one's hue as it mirrors of it."""
    seen = shown(metal)
    seen[:, :3] = seen[:, :1]
    orange = torch.tensor([0.8, 0.4, 0.1])[None, :, None, None]
    made = transforms(planes([0, 1e4, 0, 0, 0], [0, 0, 0, 0, 0], mirrored), AS_IS, seen, orange)
    share = torch.sigmoid(torch.tensor(mirrored - 1)) * metal
    hue = log_hue(1 - share + share * orange / luminance(orange))
    gain = torch.log(torch.stack([made[:, 0], made[:, 5], made[:, 10]], 1))
    torch.testing.assert_close(gain, hue.expand_as(gain), atol=1e-3, rtol=0)


@pytest.mark.parametrize("colour", [[0.92, 0.92, 0.92], [0.8, 0.3, 0.1], [0.5, 0.02, 0.02], [0.05, 0.05, 0.2]])
def test_the_new_ground_is_read_from_its_light(colour):
    dark = studio.constant_light(floor=0.0)
    light = dark + np.repeat((studio.constant_light() - dark)[::3], 3) / studio.FLOOR * np.tile(colour, 9)
    found = floor(torch.from_numpy(light.astype(np.float32))[None]).flatten()
    np.testing.assert_allclose(found.numpy(), colour, atol=0.1)


def test_a_tint_corrects_the_alloy_by_so_much_and_no_more():
    seen = shown(1.0)
    seen[:, :3] = seen[:, :1] * torch.tensor([1, 0.8, 0.5])[:, None, None]
    score = torch.zeros(1, 1, 4, 4)
    tint = torch.tensor([1e4, 0, -1e4])[None, :, None, None]
    far = alloy_of(score, tint, seen) - alloy_of(score, AS_IS[:, :3], seen)
    torch.testing.assert_close(far.flatten(), torch.tensor([TINT, 0, -TINT]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("light", [[0.5, 0.7, 1.0], [0.6, 1.0, 0.5], [1.0, 0.5, 1.0]])
def test_no_alloy_is_green_or_blue_in_whatever_light(light):
    seen = shown(1.0)
    seen[:, :3] = seen[:, :1] * torch.tensor(light)[:, None, None]
    red, green, blue = alloy_of(torch.zeros(1, 1, 4, 4), AS_IS[:, :3], seen).flatten().tolist()
    assert green <= red + COOL + 1e-6
    assert blue <= green + COOL + 1e-6


@pytest.mark.parametrize(
    ("metal", "clear", "kept"),
    [(1.0, 0, FLATTEST["metal"]), (0.0, 0, FLATTEST["body"]), (0.0, 1e4, FLATTEST["clear"])],
)
def test_no_piece_is_veiled(metal, clear, kept):
    """However flat the network wants it, grays and hues depart from a gray mean by the least that is kept."""
    raw = planes([0, LEFT, 0, -2, -2], [0, 0, 0, -2, -2], clear=(clear, 0, -1e4))
    seen = shown(metal)
    seen[:, :3] = 0.5
    mean = mean_of(seen)[0, :, 0, 0]
    away = torch.tensor([[0.1, 0.1, 0.1], [0.7152, -0.2126, 0.0]])  # of lightness, and of colour alone
    colors = (mean + away)[..., None, None].expand(2, 3, 64, 64)
    out = applied(transforms(raw, AS_IS, seen, WHITE).expand(2, 12, 16, 16), colors)[:, :, 8, 8]
    torch.testing.assert_close(out - mean, away * torch.tensor(kept)[:, None], atol=1e-4, rtol=1e-3)


def two_stones() -> torch.Tensor:
    """A stone [1, 6, 64, 64] that is dark on the left and bright on the right, and redder there."""
    seen = shown(0.0)
    seen[:, :3, :, :32] = torch.tensor([0.3, 0.3, 0.3])[:, None, None]
    seen[:, :3, :, 32:] = torch.tensor([0.9, 0.7, 0.7])[:, None, None]
    return seen


@pytest.mark.parametrize("bright", [-10.0, 0.7, 10.0])
@pytest.mark.parametrize(
    ("metal", "sure", "far", "most"),
    [
        (0.0, 0, 1e4, FARTHEST["clear"]),
        (1.0, 0, 1e4, FARTHEST["clear"]),
        (1.0, -1e4, 1e4, FARTHEST["clear"]),
        (1.0, 1e4, 1e4, FARTHEST["metal"]),
        (1.0, 1e4, 0, 0),
        (1.0, 1e4, -1e4, -DEEPER),
    ],
)
def test_clear_stones_and_metal_go_towards_one_brightness_so_far_and_no_farther(metal, sure, far, most, bright):
    """As logits of the brightest channel, dark parts and bright ones alike."""
    seen = two_stones()
    seen[:, 4], seen[:, 5] = metal, 1 - metal
    before = torch.logit(mean_of(seen)[0, 0, 8, [2, 13]])
    raw = planes([0, LEFT, 0, 0, 0], [0] * 5, clear=(1e4, bright, far), polished=(bright, far, sure))
    made = transforms(raw, AS_IS, seen, WHITE)[0, :, 8, [2, 13]]
    after = torch.logit(made[0] * torch.sigmoid(before))
    aim = float(np.clip(bright, -BRIGHTEST, BRIGHTEST))
    torch.testing.assert_close(after, (1 - most) * before + most * aim, atol=5e-3, rtol=0)


@pytest.mark.parametrize("sure", [0.0, -1e4])
def test_what_may_be_painted_counts_with_all_else(sure):
    """Though segmentation takes it for metal: it tells no exposure and takes the others' light."""
    raw = planes([1, LEFT, 3, -2, -2], [0.2, -0.1, 0.4, 0.1, 0.1], polished=(2, 1, sure))
    overall = torch.tensor([0.5, 0.5, -0.5, 1, 1e4, 1e4])[None, :, None, None]
    painted, stone = (transforms(raw, overall, shown(metal), WHITE) for metal in (1.0, 0.0))
    torch.testing.assert_close(painted, stone)


@pytest.mark.parametrize("beyond", [0, 20])
@pytest.mark.parametrize(
    ("metal", "clear", "ground", "most"),
    [
        (0.0, 0, 0.5, 2.0),
        (0.0, 0, 0.9, 1 / 0.9),
        (0.0, 0, 0.02, 9.0),  # black ground may be black velvet or a dark photo
        (0.0, 1e4, 0.5, 9.0),  # a clear stone's dark says nothing
        (1.0, 0, 0.5, 2.0 * np.exp(SPARKLE)),
    ],
)
def test_nothing_shines_brighter_than_white_ground_would(metal, clear, ground, most, beyond):
    """A dark piece in the middle, of ground in linear light: what the photo lacks is at most what would make it 1.

    The photo may end beside the piece: what is black beyond its edge is no ground.
    """
    seen = shown(metal)
    linear = torch.full((3, 64, 64), ground)
    linear[:, 24:40, 24:40] = 0.002
    seen[:, :3] = torch.from_numpy(encoded(linear.numpy()))
    outside = torch.ones(64, 64, dtype=torch.bool)
    outside[24:40, 24:40] = False
    seen[:, 3:, outside] = 0
    seen[:, :, :beyond] = 0
    overall = torch.tensor([0, 0, 0, 0, 1e4, 0])[None, :, None, None]
    body = float(np.log(9) / 2)
    made = transforms(planes([0, LEFT, 0, 0, 0], [body] * 3 + [0, 0], clear=(clear, 0, -1e4)), overall, seen, WHITE)
    assert made[0, 0, 8, 8].item() == pytest.approx(most, rel=0.04)


@pytest.mark.parametrize("clear", [0.0, -1e4])
def test_what_may_be_opaque_goes_nowhere(clear):
    seen = two_stones()
    made = transforms(planes([0] * 5, [0] * 5, clear=(clear, 3, 1e4)), AS_IS, seen, WHITE)
    photo = to_linear(seen[:, :3])
    torch.testing.assert_close(applied(made, photo), photo, atol=1e-5, rtol=0)


def test_stones_of_two_hues_keep_them():
    """Beads of many colours lie side by side: none takes its neighbour's."""
    seen = two_stones()
    made = transforms(planes([0] * 5, [0] * 5, clear=(1e4, 0.7, 1e4)), AS_IS, seen, WHITE)
    gains = torch.stack([made[:, 0], made[:, 5], made[:, 10]], 1)
    torch.testing.assert_close(gains / gains[:, :1], torch.ones_like(gains), atol=1e-5, rtol=0)


def test_a_stone_beside_metal_keeps_its_own_mean():
    """However bright the metal beside it, what is flattened in a stone goes towards the stone's own colour."""
    seen = shown(0.0)
    seen[:, :3] = torch.tensor([0.05, 0.08, 0.3])[:, None, None]
    seen[:, :3, :, 32:], seen[:, 4, :, 32:], seen[:, 5, :, 32:] = 1.0, 1, 0
    made = transforms(planes([0, LEFT, 0, 0, 0], [0, 0, 0, -2, -2], clear=(1e4, 0, 0)), AS_IS, seen, WHITE)
    stone = to_linear(seen[:, :3])[0, :, 32, 0]
    for cell in (0, 4, 6):  # the last shares its 3x3 neighbourhood with the metal
        row = made[0, :, 8, cell].reshape(3, 4)
        out = row[:, :3] @ stone + row[:, 3]
        torch.testing.assert_close(out / stone, (out / stone).mean().expand(3), atol=0, rtol=0.05)


def test_the_grid_beside_a_piece_is_its_edges():
    """What lies beside metal is taken for metal: it is interpolated into its edge."""
    seen = shown(1.0)
    seen[:, 3:, :, 32:] = 0
    raw = planes([0.4, LEFT, 0, 0, 0], [-2, -2, -2, 0, 0])
    made = transforms(raw, AS_IS, seen, WHITE)
    gain = made[0, 0, 8]
    assert gain[7] > 1
    assert gain[8] > 1


def test_the_mean_is_the_pieces_own():
    """A gray ground around a red piece does not touch it, and cells without a piece take the nearest."""
    seen = torch.full((1, 6, 64, 64), 0.5)
    seen[:, 3:] = 0
    seen[:, 0, 16:40, 16:40], seen[:, 1:3, 16:40, 16:40], seen[:, 3, 16:40, 16:40] = 1.0, 0.0, 1.0
    mean = mean_of(seen)
    assert mean[0, 0].min() > 0.9
    assert mean[0, 1:].max() < 0.05


def test_training_applies_a_grid_as_the_server_does():
    torch.manual_seed(1)
    grid, photo = torch.randn(1, 12, 5, 7), torch.rand(1, 3, 40, 56)
    expected = relit(photo[0].permute(1, 2, 0).numpy(), grid[0].permute(1, 2, 0).contiguous().numpy())
    # float32, and each finds the four neighbours in its own order
    np.testing.assert_allclose(applied(grid, photo)[0].permute(1, 2, 0).numpy(), expected, atol=1e-4)


def test_training_sees_colours_as_the_server_does():
    torch.manual_seed(2)
    linear = to_linear(torch.rand(1, 3, 16, 16)).clamp_min(1e-3)
    expected = lab(linear[0].permute(1, 2, 0).numpy())
    np.testing.assert_allclose(to_lab(linear)[0].permute(1, 2, 0).numpy(), expected, atol=2e-2)


def test_the_loss_is_least_for_the_true_light_and_counts_only_the_piece():
    torch.manual_seed(3)
    seen = torch.rand(1, 6, 32, 32)
    truth = torch.cat([seen[:, :3], torch.zeros(1, 3, 32, 32)], 1)
    truth[:, 3, :, :16] = 1
    same = torch.eye(3, 4).reshape(1, 12, 1, 1).repeat(1, 1, 8, 8)
    right = loss(same, seen, truth)
    wrong = same.clone()
    wrong[:, :3] *= 0.7
    assert loss(wrong, seen, truth) > right + 1
    elsewhere = truth.clone()
    elsewhere[:, :3, :, 18:] = 0
    torch.testing.assert_close(loss(same, seen, elsewhere), right)


@pytest.mark.parametrize(
    ("stone", "body", "too_few", "enough"), [(0.0, 0.0, 5, 7), (1.0, 0.0, 5, 6), (0.0, 1.0, 7, 8), (1.0, 1.0, 7, 8)]
)
def test_a_change_pays_only_where_most_pieces_that_look_alike_want_it(stone, body, too_few, enough):
    """Of ten; fewer in a clear stone than in metal, and more where light scatters in the body of a stone."""
    seen = torch.full((10, 6, 32, 32), 0.5)
    seen[:, 5] = stone
    same = torch.eye(3, 4).reshape(1, 12, 1, 1).repeat(10, 1, 8, 8)

    def gain(wanting: int) -> float:
        covered = torch.tensor([1, body, stone * (1 - body)])[:, None, None].expand(10, 3, 32, 32)
        truth = torch.cat([seen[:, :3], covered], 1)
        truth[:wanting, :3] = 0.604  # sRGB of 1.5 times the light
        return float(loss(same, seen, truth) - loss(1.5 * same, seen, truth))

    assert gain(too_few) < 0 < gain(enough)


def test_agreement_is_one_for_scaled_and_negative_for_inverted_detail():
    torch.manual_seed(4)
    map_, everywhere = 50 * torch.rand(1, 1, 24, 24), torch.ones(1, 1, 24, 24)
    assert agreement(map_, 0.3 * map_ + 7, everywhere).item() == pytest.approx(1, abs=1e-3)
    assert agreement(map_, -map_, everywhere).item() == pytest.approx(-1, abs=1e-3)


def clear_opaque_metal() -> tuple[torch.Tensor, torch.Tensor]:
    """A square [1, 6, 64, 64] of clear stone, then opaque stone, then metal; and what is right to say of it."""
    truth = torch.zeros(1, 6, 64, 64)
    truth[:, 3] = 1
    truth[:, 5, :, :32], truth[:, 4, :, 32:48] = 1, 1
    right = torch.full((1, 2, 4, 4), -9.0)
    right[:, 0, :, :2] = right[:, 1, :, 3:] = 9.0
    return truth, right


def test_what_is_clear_and_what_is_metal_is_judged():
    """Sure and right costs nothing, sure and wrong all, of either."""
    truth, right = clear_opaque_metal()
    assert misjudged(right, truth) < 1e-3
    for kind in (0, 1):
        wrong = right.clone()
        wrong[:, kind] *= -1
        assert 8 < misjudged(wrong, truth) < 10


def test_whether_metal_is_clear_and_what_lies_beside_the_piece_is_not_asked():
    truth, right = clear_opaque_metal()
    other = right.clone()
    other[:, 0, :, 3] = 9.0
    torch.testing.assert_close(misjudged(other, truth), misjudged(right, truth))
    truth[:, 3:, 32:] = 0
    other[..., 2:, :] = 3.0
    assert misjudged(other, truth) < 1e-3


def test_a_clear_stones_facets_are_not_detail_that_can_be_lost():
    torch.manual_seed(5)
    seen = torch.rand(1, 6, 32, 32)
    flat = torch.zeros(1, 12, 8, 8)
    flat[:, 3::4] = 0.5
    covered = torch.ones(1, 1, 32, 32)
    body, clear = (torch.cat([torch.full((1, 3, 32, 32), 0.735), covered, *kinds], 1) for kinds in (
        (covered, 0 * covered), (0 * covered, covered)))  # fmt: skip
    assert loss(flat, seen, clear) < loss(flat, seen, body) - 0.9 * DETAIL


def test_the_shipped_weights_are_a_checkpoint():
    pytest.importorskip("onnx", reason="the train extra is not installed: no onnx")
    network = Relight()
    assert network.load_onnx(SHIPPED) == sum(isinstance(m, torch.nn.Conv2d) for m in network.modules())
