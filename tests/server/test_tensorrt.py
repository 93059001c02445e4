"""TensorRT builds the shipped graphs: proven by TensorRT-RTX, which needs no GPU and no driver to build."""

from pathlib import Path

import pytest
import tensorrt_rtx_bindings as trt

from server.card import RelightCard, read_card

REPOSITORY = Path(__file__).parents[2] / "model_repository"
SEGMENT, RELIGHT = REPOSITORY / "segment" / "1", REPOSITORY / "relight" / "1"
CARD, RELIGHT_CARD = read_card(SEGMENT / "model.json"), read_card(RELIGHT / "model.json", RelightCard)
OVERVIEW, WINDOW = ((3, side, side) for side in (CARD.input.overview, CARD.input.size))
SEEN = (6, RELIGHT_CARD.side, RELIGHT_CARD.side)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "shapes"),
    [
        (SEGMENT / CARD.file, {CARD.input.name: ((1, *OVERVIEW), (1, *WINDOW), (16, *WINDOW))}),
        (
            RELIGHT / RELIGHT_CARD.file,
            {"seen": ((1, *SEEN), (4, *SEEN), (16, *SEEN)), "light": ((1, 27), (4, 27), (16, 27))},
        ),
    ],
    ids=["segment", "relight"],
)
def test_the_shipped_network_builds_for_every_batch_and_size(path, shapes):
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    parsed = parser.parse_from_file(str(path))
    assert parsed, [parser.get_error(k).desc() for k in range(parser.num_errors)]
    profile = builder.create_optimization_profile()
    for name, (least, usual, most) in shapes.items():
        profile.set_shape(name, least, usual, most)
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    assert plan is not None
    # The weights are in the plan, in float32 as in the file; only constants that were folded may be missing.
    assert plan.nbytes > 0.9 * path.stat().st_size
