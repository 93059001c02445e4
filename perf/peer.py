"""One peer over some photos, run by perf.peers in the peers' own environment; prints its seconds last.

Arguments: rembg or torch, the folder of the model file, the folder for the cutouts, threads, photos.
"""
# pyright: reportMissingImports=false

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

name, models, out, threads, *photos = sys.argv[1:]
os.environ |= {"U2NET_HOME": models, "MODEL_CHECKSUM_DISABLED": "1", "OMP_NUM_THREADS": threads}


def rembg_cut() -> Callable[[str], bytes]:
    """Return rembg's own pipeline, as its README calls it: bytes in, PNG bytes out."""
    from rembg import new_session, remove

    session = new_session("isnet-general-use", providers=["CPUExecutionProvider"])
    return lambda photo: remove(Path(photo).read_bytes(), session=session)


def torch_cut() -> Callable[[str], bytes]:
    """Return what a script does with torch: decode, our network in eager mode, resize its alpha, PNG."""
    import io
    import json

    import numpy as np
    import onnx.utils
    import torch
    from onnx2torch import convert
    from PIL import Image, ImageOps

    torch.set_num_threads(int(threads))
    card = json.loads(Path(models, "model.json").read_text())
    whole = onnx.utils.Extractor(onnx.load(f"{models}/model.onnx"))
    network = convert(whole.extract_model([card["input"]["name"]], [card["alpha"]["output"]])).eval()
    side, mean, scale = (np.float32(card["input"][name]) for name in ("size", "mean", "scale"))

    def cut(photo: str) -> bytes:
        picture = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
        fitted = ImageOps.contain(picture, (int(side), int(side)))
        canvas = Image.new("RGB", (int(side), int(side)))
        canvas.paste(fitted)
        net_input = ((np.asarray(canvas, np.float32) / 255 - mean) / scale).transpose(2, 0, 1)[None]
        with torch.inference_mode():
            coarse = network(torch.from_numpy(net_input.copy()))[0, card["alpha"]["channel"]].numpy().clip(0, 1)
        alpha = Image.fromarray((coarse * 255).round().astype(np.uint8)).crop((0, 0, *fitted.size))
        picture.putalpha(alpha.resize(picture.size, Image.Resampling.BILINEAR))
        file = io.BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()

    return cut


cut = {"rembg": rembg_cut, "torch": torch_cut}[name]()
cut(photos[0])
start = time.perf_counter()
for photo in photos:
    (Path(out) / (Path(photo).name.removesuffix(".photo.jpg") + ".png")).write_bytes(cut(photo))
print(time.perf_counter() - start)
