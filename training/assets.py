"""The fetched photographs, textures and light maps, by name; see `fetch_assets.py` and `ASSETS.md`."""

from __future__ import annotations

import os
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from training.fetch_assets import ASSETS

GAME = ASSETS / "supertuxkart-data/usr/share/games/supertuxkart/data"
LIGHT = ASSETS / "light"
# Opaque textures to lie on, under GAME.
GROUNDS = [
    "textures/rockMountain.jpg",
    "textures/wooden.png",
    "textures/stk_generic_brownRock_a.png",
    "textures/stktex_snowRock_a.png",
    "textures/snowrock.jpg",
    "textures/grass2.jpg",
    "textures/woodPost.png",
    "textures/woodBridge.jpg",
    "textures/oldWood.png",
    "textures/dirt2sand.png",
    "textures/wood_planks1.jpg",
    "textures/stktex_generic_marbleA.png",
    "textures/rock_brown.jpg",
    "textures/stktex_generic_waterRockA.png",
    "textures/stklama_gravelSide_a.png",
    "textures/stktex_generic_WoodF.png",
    "textures/stktex_generic_WoodG.png",
    "textures/rockwall.jpg",
    "textures/stktex_generic_stoneWallA.png",
    "textures/stk_generic_rock_a.png",
    "textures/stk_generic_plasticFabric_a.png",
    "textures/stktex_generic_WoodE.png",
    "textures/stk_generic_gravalSnow_a.png",
    "textures/stk_generic_plaster_a.png",
    "textures/rock_mountain.jpg",
    "textures/stktex_treeBark_b.png",
    "textures/stklama_gravelRoad_a.png",
    "textures/stk_generic_paper_a.png",
    "textures/stk_generic_bedRockLava_a.png",
    "textures/city_concrete.png",
    "textures/stk_generic_rockStrata_a.png",
    "textures/stktex_generic_underwaterRock_a.png",
    "textures/stk_generic_carpet_a.png",
    "textures/stktex_generic_cobbleStoneA.png",
    "textures/stktex_earthSnow_a.png",
    "textures/stk_generic_sand_a.png",
    "textures/stk_generic_rock_b.png",
    "textures/black_rockMountain.jpg",
    "textures/stktex_generic_concreteA.png",
    "textures/TiZeta_barkM.png",
    "textures/stktex_generic_WoodB.png",
    "textures/stonetex.jpg",
    "textures/sand2.jpg",
    "textures/stk_generic_rockStrata_b.png",
    "textures/rockwaterfall.jpg",
    "textures/hd_rock_01_d.png",
    "textures/stktex_treeBark_a.png",
    "textures/stk_generic_bedRock_a.png",
    "textures/stk_generic_sandRoad_a.png",
    "textures/stktex_generic_gravelA.png",
    "textures/city_ground.jpg",
    "textures/rock1.jpg",
    "textures/concrete2.png",
    "textures/rock.jpg",
    "textures/Paving_stones_2.jpg",
    "textures/stktex_generic_waterConcreteA.png",
    "textures/stktex_generic_WoodC.png",
    "textures/stktex_generic_WoodD.png",
    "textures/stktex_generic_WoodA.png",
    "textures/sand.png",
    "textures/hd_palmTreeBark_a_Albedo.png",
    "textures/blackrock.jpg",
    "textures/HortonRockWall.jpg",
    "textures/city_rock.jpg",
    "textures/stk_generic_wallRock_a.png",
    "textures/rock_grey.jpg",
    "textures/HortonRockWall2.jpg",
    "textures/stk_karstRock_a.png",
    "textures/stktex_generic_WoodH.png",
    "textures/wood_planks1_alpha.png",
    "textures/stktex_generic_rockA.png",
    "textures/stk_wallpaperOld_a.png",
    "textures/dark-wall-wood.png",
    "textures/stk_generic_rockSnow_a.png",
    "tracks/scotland/Mossy_wall.png",
    "tracks/scotland/HortonStone7.jpg",
    "tracks/scotland/rock_grey.png",
    "tracks/lighthouse/trunk_bark.png",
    "tracks/minigolf/grass_trim.png",
    "tracks/minigolf/sand.jpg",
    "tracks/fortmagma/carpet.jpg",
    "tracks/snowmountain/roadwayborder.png",
    "tracks/cave/Ground010_1K_Color.png",
    "tracks/zengarden/stk_generic_rockSnow_b.png",
    "tracks/overworld/wall_wood1.jpg",
    "tracks/black_forest/fir_bark.png",
    "tracks/mines/wood_beam2.png",
    "tracks/mines/mine_rock2.jpg",
    "tracks/mines/mine_rock.png",
    "tracks/volcano_island/rock02.jpg",
    "tracks/olivermath/mathclassfloor.jpg",
    "tracks/stk_enterprise/concrete_plain_dark.png",
    "tracks/stk_enterprise/concrete_plain.png",
    "textures/stktex_pupleCarpet_a.png",
    "textures/grass3.jpg",
    "textures/stk_generic_dirtGrassA.png",
    "textures/stk_generic_grassB.png",
]
# Leaves and twigs with an alpha channel, under GAME: never jewelry.
FOLIAGE = [
    "textures/hd_palmTreeLeafDry_a_Albedo.png",
    "textures/stktex_autumnLeaf_a.png",
    "textures/hd_palmTreeLeaf_a_Albedo.png",
    "textures/deprecated/oakleaf_fall.png",
    "textures/palm_tree_leaf.png",
    "textures/stktex_lowPalmLeaf_a.png",
    "textures/stktex_jungleLeaf_a.png",
    "textures/stk_snowSmallBush_a.png",
    "textures/stktex_cocoaTreeLeaf_a.png",
    "textures/stktex_palmLeaf_a.png",
    "textures/stktex_autumnLeaf_b.png",
    "textures/GrassTall.png",
    "textures/gfx_leaf_a.png",
    "textures/stktex_palmLeafDry_a.png",
    "tracks/battleisland/leaves_dry1.png",
    "tracks/scotland/leaves2.png",
    "tracks/lighthouse/grass-anim_death.png",
    "tracks/lighthouse/grass-anim.png",
    "tracks/hacienda/grass.png",
    "tracks/snowtuxpeak/tree_1Low.png",
    "tracks/snowtuxpeak/tree_1.png",
    "tracks/overworld/BurdockLeaf.png",
    "tracks/black_forest/trees_leaves.png",
    "library/stklib_autumnTree_c/leaf_a.png",
    "textures/stktex_jungleLeaf_b.png",
]
# Pictures without jewelry, under ASSETS.
PHOTOGRAPHS = [
    "mate-backgrounds/usr/share/backgrounds/mate/nature/Aqua.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/Blinds.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/Dune.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/FreshFlower.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/Garden.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/GreenMeadow.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/LadyBird.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/RainDrops.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/Storm.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/TwoWings.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/Wood.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/nature/YellowFlower.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/BytheWater/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/ColdRipple/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/ColorfulCups/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/DarkestHour/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/EveningGlow/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/FallenLeaf/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/Grey/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/Kite/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/MilkyWay/contents/images/5120x2880.png",
    "plasma-workspace-wallpapers/usr/share/wallpapers/OneStandsOut/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/Path/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/Volna/contents/images/5120x2880.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/summer_1am/contents/images/2560x1600.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/abstract/Elephants.jpg",
    "gnome-backgrounds/usr/share/backgrounds/gnome/wood-d.webp",
    "gnome-backgrounds/usr/share/backgrounds/gnome/wood-l.webp",
    "plasma-workspace-wallpapers/usr/share/wallpapers/Autumn/contents/images/2560x1600.jpg",
    "plasma-workspace-wallpapers/usr/share/wallpapers/PastelHills/contents/images/3200x2000.jpg",
    "mate-backgrounds/usr/share/backgrounds/mate/desktop/Stripes.png",
]


@cache
def picture(path: Path, longest: int = 1024) -> np.ndarray:
    """Read an image as uint8 RGBA [H, W, 4], at most `longest` pixels long; the small copy is kept on disk."""
    small = ASSETS / "small" / f"{path.relative_to(ASSETS).as_posix().replace('/', '_')}.{longest}.png"
    if not small.exists():
        small.parent.mkdir(exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(path)
            image.draft("RGB", (longest, longest))
            image = image.convert("RGBA")
        image.thumbnail((longest, longest), Image.Resampling.BOX)
        partial = small.with_suffix(f".{os.getpid()}")
        image.save(partial, "PNG", compress_level=1)
        partial.replace(small)
    return np.asarray(Image.open(small).convert("RGBA"))


def light_maps() -> list[Path]:
    """All HDR maps, sorted."""
    return sorted(LIGHT.glob("*.exr"))
