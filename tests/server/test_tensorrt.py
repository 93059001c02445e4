"""The shipped graph is one that TensorRT builds: proven by TensorRT-RTX, which needs no GPU and no driver to build."""

from pathlib import Path

import pytest
import tensorrt_rtx_bindings as trt

from server.card import read_card

SEGMENT = Path(__file__).parents[2] / "model_repository" / "segment" / "1"
CARD = read_card(SEGMENT / "model.json")


@pytest.mark.slow
def test_the_shipped_network_builds_for_every_batch_and_both_of_its_sizes():
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    parsed = parser.parse_from_file(str(SEGMENT / CARD.file))
    assert parsed, [parser.get_error(k).desc() for k in range(parser.num_errors)]
    small, large = ((3, side, side) for side in (CARD.input.overview, CARD.input.size))
    profile = builder.create_optimization_profile()
    profile.set_shape(CARD.input.name, (1, *small), (1, *large), (16, *large))
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    assert plan is not None
    # The weights are in the plan, in float32 as in the file; only constants that were folded may be missing.
    assert plan.nbytes > 0.9 * (SEGMENT / CARD.file).stat().st_size
