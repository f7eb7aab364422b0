"""What the synthesis draws from: every probability and range in one place."""

from collections.abc import Mapping
from dataclasses import field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from psccnet.errors import InputError, MissingFileError
from psccnet.pictures.whole_files import read_yaml

Range = tuple[float, float]


_STRICT = ConfigDict(extra="forbid", validate_default=True)


@dataclass(frozen=True, config=_STRICT)
class CameraRecipe:
    """Hosts and donors photographed again by simulated cameras (`synthesis.camera`), in every class alike."""

    share: float = 0.4
    """Probability for a host; its donors then go through a camera, too."""
    reduction: Range = (2.0, 3.0)
    """By how much the photograph is reduced before, which wipes out its own traces; less where it is too small."""
    least_reduction: float = 1.25
    """A photograph that cannot be reduced by as much as this is left as it is."""
    same_camera: float = 0.3
    """Probability that the donor is the host's camera at another ISO, exposure and sharpening; else another camera."""
    clean: float = 0.3
    """Probability of hardly any noise."""
    photon_noise: Range = (2e-5, 2e-3)
    """Noise variance per light, as shares of full scale, drawn log-uniformly: ISO 100 to ISO 6400 of a small sensor."""
    exposure: Range = (0.7, 1.1)
    """Factor of the light."""
    saturation: Range = (1.0, 1.5)
    """Of the colour matrix: 1 leaves the sensor's colours as they are."""
    denoised: float = 0.5
    """Probability of blurred colours, and twice that of bilateral smoothing."""
    sharpened: float = 0.7
    """Probability of an unsharp mask."""
    sharpening: Range = (0.1, 1.2)
    """Its amount."""
    jpeg: float = 0.5
    """Probability that the camera compresses, with tables of its own; otherwise it stores without loss."""
    jpeg_quality: Range = (75, 98)
    """Quality to which those tables are alike."""
    jpeg_420: float = 0.6
    """Probability of halved chroma in it."""


@dataclass(frozen=True, config=_STRICT)
class LastMileRecipe:
    """What networks, screenshots and telephones do to whole pictures on their way, in every class alike."""

    share: float = 0.3
    """Probability of such a way."""
    screenshot: float = 0.2
    """Share of these that are screenshots."""
    phone: float = 0.2
    """Share of these that a telephone denoised and sharpened; the rest went through messengers and networks."""
    reduction: Range = (0.4, 1.0)
    """Factor by which a network reduces a picture."""
    unreduced: float = 0.3
    """Share of the pictures that are small enough for the network to leave them at their size."""
    quality: Range = (60, 88)
    """JPEG quality of networks; chroma is halved."""
    twice: float = 0.33
    """Probability that a network's picture is compressed so twice."""
    sharpened: float = 0.3
    """Probability that a network sharpens what it reduced."""
    zoom: Range = (0.6, 1.4)
    """Factor of a screenshot."""
    screenshot_lossless: float = 0.5
    """Probability that a screenshot is not compressed."""


@dataclass(frozen=True, config=_STRICT)
class SynthesisRecipe:
    """Probabilities and ranges of the synthetic data set (paper, section III-D).

    Probabilities are in 0..1, areas are fractions of the picture, sigmas are in pixels unless said otherwise,
    JPEG qualities are those of libjpeg (1..100). A range is drawn from uniformly, an area log-uniformly so
    that small forgeries are as usual as in the test sets.

    Attributes:
        size: side of the square pictures in pixels; the paper trains on 256.
        native_crop: probability that the host is cropped at native scale on its 8x8 JPEG grid.
        downscale: scale of the other hosts (never below what `size` needs).
        history: probability of one JPEG compression before the manipulation, for hosts and donors alike.
        history_quality: JPEG quality of that compression.
        history_420: probability that it halves the chroma (4:2:0), as cameras and the web nearly always do; a pasted
            region that was resampled has finer colours than a host with such a past.
        repeated_chroma: probability that the editor that opened host and donor repeats halved chroma over 2 x 2 pixels;
            otherwise it is interpolated, as viewers do.
        object_share: share of forged regions shaped like an object, where an object library is given;
            the others are random contours.
        bezier: share of the random contours that are closed Bezier curves; the others are ellipses, rectangles and
            polygons.
        splice_area: forged fraction of a spliced picture, where the pasted region is an object.
        contour_area: the same where it is a random contour.
        different_cameras: take the donor of a random contour from another camera than the host's, where both files
            tell theirs.
        harmonised: probability that a donor's colours and light are drawn towards those around where it will lie.
        several_donors: probability that a splicing has two or three donors.
        copies: probability that a copy-move has two or three copies of its region.
        copy_scale: factor of a rescaled copy, as `scale`.
        copy_any_rotation: probability that a copy is rotated by any angle.
        copy_similar: probability that a copy is put where the picture looks most like it.
        soft_seam: share of the feathered seams that are as soft as a matte's or an airbrush's.
        soft_sigma: blur of the alpha of a soft seam, as a share of the region's side.
        copy_area: forged fraction of a copy-move picture.
        removal_area: removed fraction, after the mask's dilation.
        transform: probability of each of rotation, luminance change and rescaling of a pasted region.
        rotation: degrees either way.
        any_rotation: probability of a rotation by any angle instead.
        luminance: grey levels either way.
        scale: factor of a rescaled region, drawn log-uniformly and redrawn to fit the area where it does not.
        flip: probability of mirroring a pasted region.
        cubic: probability that a pasted region is interpolated cubically, as image editors do, which keeps it sharp;
            otherwise linearly.
        deform: probability of bending a pasted region smoothly.
        deform_strength: how far it is bent, as a share of its size.
        inside: probability that a pasted region lies wholly inside the picture, as most do in real forgeries;
            otherwise its middle is anywhere.
        pure_shift: probability that a copied region is only shifted.
        copy_overlap: largest share of a copied region that may cover its own source.
        hard_seam: probability of a hard seam.
        feathered_seam: probability of a feathered seam; the rest are Poisson seams.
        feather_sigma: blur of the alpha of a feathered seam.
        min_change: least mean absolute difference inside the mask, in grey levels, of a splice or a copy.
        removal_min_change: the same for a removal, whose fill may well resemble what was there.
        telea: probability of filling by Telea's inpainting.
        navier_stokes: probability of filling by Navier-Stokes inpainting.
        frequency: probability of filling by frequency-selective reconstruction (about 0.2 s a picture of 256 x 256).
        shift_map: probability of filling by shift-map, which looks for the best patches (about 1 s a picture).
        learned: probability of filling by the network of `inpainter`; the rest are filled by Poisson-blended patches
            of the same picture.
        inpainter: a TorchScript file that takes a picture (1, 3, H, W) in 0..1 and a mask (1, 1, H, W), 1 where to
            fill, and returns the filled picture, as LaMa and RFR are exported.
        inpaint_radius: neighbourhood of Telea and Navier-Stokes (both ends included).
        grain: probability that a smooth fill gets grain of the host's own noise level.
        post: probability of each of blur, noise and resampling of the whole picture, in every class.
        post_blur: sigma of that blur.
        post_noise: sigma of that noise, in grey levels.
        post_scale: factor of that resampling (there and back).
        final_jpeg: probability that the picture is at last JPEG compressed; otherwise it is lossless.
        final_quality: JPEG quality of that compression.
        final_420: probability of 4:2:0 chroma subsampling; otherwise 4:4:4.
        camera: simulated cameras.
        last_mile: ways of finished pictures through networks, screenshots and telephones.
        final_finer: probability that the quality of that compression is drawn from that of the host's `history`
            upwards, as editors save, which leaves the traces of the first compression; in every class.
    """

    size: int = 256
    native_crop: float = 0.7
    downscale: Range = (0.5, 1.0)
    history: float = 0.5
    history_quality: Range = (60, 95)
    history_420: float = 0.9
    repeated_chroma: float = 0.2
    object_share: float = 0.5
    bezier: float = 1.0
    splice_area: Range = (0.01, 0.5)
    contour_area: Range = (0.15, 0.5)
    different_cameras: bool = True
    harmonised: float = 0.3
    several_donors: float = 0.15
    copy_area: Range = (0.005, 0.4)
    copies: float = 0.2
    copy_scale: Range = (0.5, 2.0)
    copy_any_rotation: float = 0.25
    copy_similar: float = 0.3
    removal_area: Range = (0.01, 0.3)
    transform: float = 0.5
    rotation: float = 10.0
    any_rotation: float = 0.1
    luminance: float = 32.0
    scale: Range = (0.5, 4.0)
    flip: float = 0.25
    cubic: float = 0.5
    deform: float = 0.1
    deform_strength: Range = (0.02, 0.08)
    inside: float = 0.5
    pure_shift: float = 0.4
    copy_overlap: float = 0.3
    hard_seam: float = 0.5
    feathered_seam: float = 0.4
    soft_seam: float = 0.15
    soft_sigma: Range = (0.04, 0.12)
    feather_sigma: Range = (0.5, 2.5)
    min_change: float = 4.0
    removal_min_change: float = 2.0
    telea: float = 0.3
    navier_stokes: float = 0.25
    frequency: float = 0.05
    shift_map: float = 0.01
    learned: float = 0.0
    inpainter: str | None = None
    inpaint_radius: tuple[int, int] = (3, 7)
    grain: float = 0.5
    post: float = 0.1
    post_blur: Range = (0.3, 0.8)
    post_noise: Range = (1.0, 3.0)
    post_scale: Range = (0.8, 1.25)
    final_jpeg: float = 0.75
    final_quality: Range = (60, 100)
    final_420: float = 0.5
    final_finer: float = 0.5
    camera: CameraRecipe = CameraRecipe()
    last_mile: LastMileRecipe = LastMileRecipe()

    def __post_init__(self) -> None:
        """Raise ValueError for a recipe that cannot be followed."""
        if self.size < 32:
            raise ValueError(f"size must be at least 32 pixels, not {self.size}")
        fills = self.telea + self.navier_stokes + self.frequency + self.shift_map + self.learned
        if self.hard_seam + self.feathered_seam > 1 + 1e-9 or fills > 1 + 1e-9:
            raise ValueError("the probabilities of the seams, or of the fills, add up to more than 1")
        if self.learned and self.inpainter is None:
            raise ValueError("learned fills need an inpainter, a TorchScript file")
        for name in ("splice_area", "contour_area", "copy_area", "removal_area"):
            low, high = getattr(self, name)
            if not 0 < low < high <= 0.7:
                raise ValueError(f"{name} must be a rising range within 0..0.7, not {(low, high)}")


@dataclass(frozen=True, config=ConfigDict(extra="ignore"))
class SetDescription:
    """A recipe, and which samples of it are a set."""

    recipe: SynthesisRecipe
    seed: int = 0
    count: int = 400
    layout: Literal["folder", "shards"] = "folder"
    photographs: dict[str, Any] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)


def read_synthesis(path: Path | None, changes: Mapping[str, Any]) -> SetDescription:
    """Read what a set is made by from YAML.

    Args:
        path: fields of `SynthesisRecipe` at the top level, or a set's synthesis.yaml, which has them under `recipe`
            and the set beside them; None for the defaults.
        changes: fields that override the file's.

    Raises:
        InputError: if the file is no such YAML or a field is wrong; the message names file and field.
        MissingFileError: if there is no such file.
    """
    contents: Any = {}
    if path is not None:
        if not path.is_file():
            raise MissingFileError(f"There is no recipe {path}.")
        contents = read_yaml(path) or {}
        if not isinstance(contents, dict):
            raise InputError(f"{path}: a recipe is a list of fields with values, such as `final_jpeg: 0.9`.")
    names = [one.name for one in fields_of(SetDescription) if one.name != "recipe"]
    of_set = {name: contents.pop(name) for name in names if name in contents}
    fields = contents.get("recipe", contents)
    if not isinstance(fields, dict) or not all(isinstance(name, str) for name in fields):
        raise InputError(f"{path}: a recipe is a list of fields with values, such as `final_jpeg: 0.9`.")
    try:
        return SetDescription(SynthesisRecipe(**{**fields, **changes}), **of_set)
    except ValidationError as error:
        raise InputError(f"{path or 'recipe'}: {explain(error)}") from error


def explain(error: Exception) -> str:
    """One line of a validation error: what is wrong with which field."""
    if not isinstance(error, ValidationError):
        return str(error)
    faults = (
        f"{'.'.join(str(part) for part in fault['loc']) or 'recipe'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors()
    )
    return "; ".join(faults)
