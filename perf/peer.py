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
    """Return what a script does with torch: decode, the network in eager mode, resize, PNG."""
    import io

    import numpy as np
    import torch
    from onnx2torch import convert
    from PIL import Image, ImageOps

    torch.set_num_threads(int(threads))
    network = convert(f"{models}/isnet-general-use.onnx").eval()

    def cut(photo: str) -> bytes:
        picture = ImageOps.exif_transpose(Image.open(photo)).convert("RGB")
        square = np.asarray(picture.resize((1024, 1024), Image.Resampling.BILINEAR), np.float32)
        with torch.inference_mode():
            found = network(torch.from_numpy(((square - 128) / 256).transpose(2, 0, 1)[None].copy()))
        coarse = (found[0] if isinstance(found, (list, tuple)) else found)[0, 0].numpy().clip(0, 1)
        alpha = Image.fromarray((coarse * 255).round().astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)
        picture.putalpha(alpha)
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
